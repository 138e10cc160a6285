import { expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import { type OperationSpec, operation, problem, resource, service, t } from '../index.ts'
import type { Contract } from '../service.ts'
import { problemCodes } from './problem-codes.ts'

const EVERYWHERE = [
  'VALIDATION_ERROR',
  'UNSUPPORTED_VERSION',
  'INVALID_TOKEN',
  'TOKEN_EXPIRED',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'BAD_GATEWAY',
  'SERVICE_UNAVAILABLE',
  'GATEWAY_TIMEOUT',
]
const WITH_BODY = ['MALFORMED_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']

/** The codes of an operation beside those that every operation has. */
function ownCodes(contract: Contract, id: string, version?: number): string[] {
  const codes = codesOf(contract, id, version)
  expect(codes).toEqual(expect.arrayContaining(EVERYWHERE))
  return codes.filter((code) => !EVERYWHERE.includes(code))
}

function codesOf(contract: Contract, id: string, version?: number): string[] {
  const served = contract.served.find((one) => one.id === id)
  if (!served) throw new Error(`no operation ${id}`)
  return problemCodes(contract, served, version)
}

const note = (options: { requireVersion?: boolean; versioned?: boolean } = {}) =>
  service('notes', {
    resources: {
      notes: resource('note', {
        id: 'nte',
        fields: { title: t.text(), slug: t.text().fixed() },
        unique: ['slug'],
        access: { create: 'admin', update: 'admin', delete: 'admin' },
        ...options,
      }),
    },
  })

const single = (options: Partial<OperationSpec> & { method: 'GET' | 'POST'; path: string; access: string }) =>
  service('things', { operations: { it: operation(options as never) } })

test('a public list answers with what input, a bad token and the system can do wrong', () => {
  expect(ownCodes(orders, 'orders.products.list')).toEqual(['INVALID_CURSOR'])
})

test('R-AUTH-8: a rule that shuts somebody out brings 401 and 403', () => {
  expect(ownCodes(users, 'users.users.list')).toEqual(['INVALID_CURSOR', 'UNAUTHENTICATED', 'FORBIDDEN'])
})

test('R-ORD-4: a list that shows owners their own refuses no signed-in user', () => {
  expect(ownCodes(orders, 'orders.orders.listAll')).toEqual(['INVALID_CURSOR', 'UNAUTHENTICATED'])
})

test('`authenticated` asks for credentials and forbids nobody', () => {
  const contract = single({ method: 'GET', path: '/things', access: 'authenticated' })
  expect(ownCodes(contract, 'things.it')).toEqual(['UNAUTHENTICATED'])
})

test('R-REST-4: a path with parameters can lead to nothing', () => {
  expect(ownCodes(orders, 'orders.products.get')).toEqual(['NOT_FOUND'])
})

test('R-USER-2: a field that only an admin may give brings 403 to a public operation, in each version', () => {
  for (const version of [1, 2])
    expect(ownCodes(users, 'users.users.create', version)).toEqual(
      expect.arrayContaining([
        'FORBIDDEN',
        'DUPLICATE',
        'IDEMPOTENCY_IN_PROGRESS',
        'IDEMPOTENCY_KEY_REUSED',
        ...WITH_BODY,
      ]),
    )
})

test('a restricted field is found in members of a list', () => {
  const body = { items: t.list(t.object({ price: t.money().only('admin') })) }
  const contract = single({ method: 'POST', path: '/things', access: 'public', body: body as never })
  expect(ownCodes(contract, 'things.it')).toContain('FORBIDDEN')
})

test('R-IDEM-1: an operation whose answer is secret knows no Idempotency-Key', () => {
  expect(ownCodes(users, 'users.login').sort()).toEqual(['INVALID_CREDENTIALS', ...WITH_BODY].sort())
})

test('R-LOCK-2: a change can fail by the version of its body and of If-Match, a deletion by If-Match alone', () => {
  expect(ownCodes(orders, 'orders.products.replace')).toEqual([
    'MALFORMED_JSON',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'NOT_FOUND',
    'DUPLICATE',
    'VERSION_CONFLICT',
    'PRECONDITION_FAILED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ])
  expect(ownCodes(orders, 'orders.products.delete')).toEqual([
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'NOT_FOUND',
    'PRECONDITION_FAILED',
  ])
})

test('R-LOCK-2: where a version is required, a change without one is 428', () => {
  const contract = note({ requireVersion: true })
  expect(ownCodes(contract, 'notes.notes.update')).toContain('PRECONDITION_REQUIRED')
  expect(ownCodes(contract, 'notes.notes.delete')).toContain('PRECONDITION_REQUIRED')
  expect(ownCodes(contract, 'notes.notes.create')).not.toContain('PRECONDITION_REQUIRED')
})

test('a resource without versions has no conflict of versions, and no tag that If-Match could name', () => {
  const codes = ownCodes(note({ versioned: false }), 'notes.notes.update')
  expect(codes).not.toContain('VERSION_CONFLICT')
  expect(codes).toContain('PRECONDITION_FAILED')
})

test('a unique field that is fixed can clash when the thing is created, not later', () => {
  expect(ownCodes(note(), 'notes.notes.create')).toContain('DUPLICATE')
  expect(ownCodes(note(), 'notes.notes.update')).not.toContain('DUPLICATE')
})

test('an id in a body can name nothing: 422', () => {
  expect(ownCodes(orders, 'orders.cartItems.create')).toContain('UNPROCESSABLE')
  expect(ownCodes(orders, 'orders.cartItems.update')).not.toContain('UNPROCESSABLE')
})

test('problems that an operation names are its own', () => {
  expect(ownCodes(orders, 'orders.orders.create')).toEqual(
    expect.arrayContaining(['EMPTY_CART', 'OUT_OF_STOCK', 'UNPROCESSABLE', 'INVALID_TRANSITION']),
  )
})

test('R-RATE-5: the keys are not counted', () => {
  expect(codesOf(users, 'users.keys')).not.toContain('RATE_LIMITED')
})

test('codes come in the order of the contract, each once', () => {
  const contract = service('things', {
    operations: {
      it: operation({ method: 'GET', path: '/things', access: 'public', problems: ['LATE', 'INTERNAL_ERROR'] }),
    },
    problems: { LATE: problem(409, 'Too late') },
  })
  expect(codesOf(contract, 'things.it')).toEqual([...EVERYWHERE, 'LATE'])
})
