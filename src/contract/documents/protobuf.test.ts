import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSync } from '@grpc/proto-loader'
import { expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import type { Contract } from '../contract.ts'
import { type Fields, t } from '../fields.ts'
import { operation } from '../operation.ts'
import { resource } from '../resource.ts'
import { service } from '../service.ts'
import type { ProtoLock } from './protobuf/field-numbers.ts'
import type { ProtoMessage } from './protobuf/proto-file.ts'
import { protoText } from './protobuf/proto-text.ts'
import { lockOf, protobuf, rpcPath } from './protobuf.ts'

/** What protobuf's own reader makes of a file. */
function parsed(contract: Contract, version = contract.latest) {
  const folder = mkdtempSync(join(tmpdir(), 'lintel-proto-'))
  const file = join(folder, 'service.proto')
  try {
    writeFileSync(file, protoText(protobuf(contract, lockOf(contract), version)))
    return loadSync(file, { keepCase: true })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function notes(fields: Fields, more: Fields = {}): Contract {
  return service('notes', {
    resources: {
      notes: resource('note', {
        id: 'not',
        fields: { ...fields, ...more },
        access: { get: 'public', create: 'public', update: 'public' },
      }),
    },
  })
}

function messageOf(contract: Contract, name: string, lock: ProtoLock = lockOf(contract)): ProtoMessage {
  const all = protobuf(contract, lock).messages.flatMap((one) => [one, ...one.nested])
  return all.find(({ fullName }) => fullName === `notes.v1.${name}`)!
}

const numbersOf = ({ fields }: ProtoMessage) => Object.fromEntries(fields.map(({ name, number }) => [name, number]))

test.each([
  [users, 1],
  [users, 2],
  [orders, 1],
] as const)(
  'R-CALL-2, R-P-2: every operation of $0.name in version $1 is an rpc that protobuf can read',
  (contract, version) => {
    const file = protobuf(contract, lockOf(contract), version)
    const definitions = parsed(contract, version)
    const rpcs = definitions[`${file.package}.${file.service.name}`] as Record<string, { path: string }>
    expect(
      Object.values(rpcs)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(
      contract.served
        .filter(({ route }) => route === undefined)
        .map((one) => rpcPath(contract, one, version))
        .sort(),
    )
    for (const { fullName, fields } of file.messages) {
      const type = (definitions[fullName] as { type: { field: { name: string; number: number }[] } }).type
      expect(type.field.map(({ name, number }) => [name, number])).toEqual(
        fields.map(({ name, number }) => [name, number]),
      )
    }
  },
)

test('R-CALL-2: the internal operations of a service are rpcs too', () => {
  expect(protobuf(users, lockOf(users)).service.rpcs.map(({ operation }) => operation)).toContain('users.revocations')
})

test('R-VER-2: an older version is a package of its own, with the fields that it has', () => {
  const lock = lockOf(users)
  const fieldsIn = (version: number) =>
    protobuf(users, lock, version)
      .messages.find(({ name }) => name === 'User')!
      .fields.map(({ name }) => name)
  expect(fieldsIn(1)).toContain('role')
  expect(fieldsIn(1)).not.toContain('roles')
  expect(fieldsIn(2)).toContain('roles')
})

test('R-BODY-7: hidden fields are in no message, and those that only go in are in none that comes out', () => {
  const text = protoText(protobuf(users, lockOf(users)))
  expect(text).not.toContain('password_hash')
  const user = protobuf(users, lockOf(users)).messages.find(({ name }) => name === 'User')!
  expect(user.fields.map(({ name }) => name)).not.toContain('password')
})

test('R-BODY-3: amounts are strings of digits, and what may be absent can be told from 0', () => {
  const text = protoText(protobuf(orders, lockOf(orders)))
  expect(text).toContain('  optional string price = 6;')
  expect(text).toContain('  optional int32 stock = 8;')
})

test('items of a list that may be null, and lists in lists, are messages with a value or none', () => {
  const contract = notes({ scores: t.list(t.integer().nullable()), rows: t.list(t.list(t.text())) })
  const text = protoText(protobuf(contract, lockOf(contract)))
  expect(text).toContain('message ScoresItem {\n    optional int32 value = 1;\n  }')
  expect(text).toContain('message RowsItem {\n    repeated string value = 1;\n  }')
  expect(() => parsed(contract)).not.toThrow()
})

const before = notes({ title: t.text(), rating: t.integer() })
const lock = lockOf(before)

test('R-CALL-2: a new field gets the next number, and no other number changes', () => {
  const after = notes({ pages: t.integer(), title: t.text(), rating: t.integer() })
  const grown = lockOf(after, lock)
  const old = numbersOf(messageOf(before, 'Note', lock))
  expect(numbersOf(messageOf(after, 'Note', grown))).toEqual({ ...old, pages: Math.max(...Object.values(old)) + 1 })
})

test('R-CALL-2: the number of a field that is gone is reserved, and stays so', () => {
  const after = notes({ title: t.text() })
  const { rating } = numbersOf(messageOf(before, 'Note', lock))
  const shrunk = lockOf(after, lock)
  expect(messageOf(after, 'Note', shrunk).reserved).toEqual({ numbers: [rating], names: ['rating'] })
  expect(protoText(protobuf(after, shrunk))).toContain(`  reserved ${rating};\n  reserved "rating";`)
  expect(lockOf(after, shrunk)).toEqual(shrunk)
  // The name may come back, the number never.
  const back = lockOf(before, shrunk)
  const again = messageOf(before, 'Note', back)
  expect(again.reserved).toEqual({ numbers: [rating], names: [] })
  expect(numbersOf(again).rating).toBeGreaterThan(rating!)
})

test('R-CALL-2: a field of another type gets another number: old readers must not misread it', () => {
  const after = notes({ title: t.text(), rating: t.text() })
  const { rating } = numbersOf(messageOf(before, 'Note', lock))
  const changed = messageOf(after, 'Note', lockOf(after, lock))
  expect(changed.reserved.numbers).toEqual([rating])
  expect(numbersOf(changed).rating).not.toBe(rating)
  // An amount and a text are both strings of bytes.
  const asAmount = notes({ title: t.decimal({ scale: 2 }), rating: t.integer() })
  expect(lockOf(asAmount, lock)).toEqual(lock)
})

test('a message that is gone keeps its numbers reserved for when its name comes back', () => {
  const gone = service('notes', {})
  const back = lockOf(before, lockOf(gone, lock))
  const old = Object.values(numbersOf(messageOf(before, 'Note', lock)))
  expect(messageOf(before, 'Note', back).reserved.numbers).toEqual(old)
})

test('a field without a number is a Fault that says what to do', () => {
  const after = notes({ title: t.text(), rating: t.integer(), pages: t.integer() })
  expect(() => protobuf(after, lock)).toThrow(
    /no number for notes\.v1\.Note\.pages \(int32\): run `lintel proto` and commit/,
  )
})

test('two operations that would be one rpc are a Fault', () => {
  const contract = service('notes', {
    resources: before.resources,
    operations: {
      getNote: operation({ method: 'GET', path: '/latest-notes', access: 'public', answer: { n: t.integer() } }),
    },
  })
  expect(() => lockOf(contract)).toThrow(/notes\.notes\.get and notes\.getNote would both be the rpc GetNote/)
})

test('a resource with the name of one of the messages is a Fault', () => {
  const contract = service('notes', {
    resources: {
      paginations: resource('pagination', {
        id: 'pag',
        fields: { size: t.integer() },
        access: { list: 'public', get: 'public' },
      }),
    },
  })
  expect(() => lockOf(contract)).toThrow(/two messages "Pagination"/)
})
