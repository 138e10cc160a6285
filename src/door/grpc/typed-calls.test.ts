import { create, createFileRegistry, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { parseJson } from '../../base/json.ts'
import { lockOf, protobuf } from '../../contract/documents/protobuf.ts'
import { t } from '../../contract/fields.ts'
import { operation } from '../../contract/operation.ts'
import { resource } from '../../contract/resource.ts'
import { service } from '../../contract/service.ts'
import { descriptorOf } from './descriptors.ts'
import { readTyped, writeTyped } from './typed-calls.ts'

const Note = resource('note', {
  id: 'not',
  fields: {
    title: t.text(),
    amount: t.decimal({ scale: 4 }),
    stars: t.integer().optional(),
    far: t.integer({ max: 2 ** 40 }).optional(),
    done: t.boolean().optional(),
    due: t.time().optional(),
    tags: t.list(t.text()).optional(),
    sizes: t.list(t.integer()).default([]),
    scores: t.list(t.decimal({ scale: 2 }).nullable()).default([]),
    rows: t.list(t.list(t.text())).default([]),
    place: t.object({ street: t.text().optional(), rooms: t.list(t.object({ name: t.text().optional() })) }).optional(),
  },
  list: {
    filter: ['stars', 'amount', 'tags', 'due'],
    sort: ['title'],
    search: ['title'],
    scans: ['stars', 'amount', 'tags', 'due', 'title', 'q'],
  },
  access: { list: 'public', get: 'public', create: 'public', update: 'public' },
})
const notes = service('notes', {
  resources: { notes: Note },
  operations: {
    confirm: operation({
      method: 'PUT',
      path: '/confirmations/{token}',
      access: 'public',
      answer: { ok: t.boolean() },
    }),
  },
})
const file = protobuf(notes, lockOf(notes))
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [descriptorOf(file)] }))

function rpc(name: string) {
  const found = file.service.rpcs.find((one) => one.name === name)!
  return { rpc: found, operation: notes.served.find(({ id }) => id === found.operation)!, version: 1 }
}

/** As protobuf's own library writes it. */
function asked(name: string, request: JsonValue) {
  const type = registry.getMessage(`notes.v1.${name}Request`)!
  return readTyped(rpc(name), toBinary(type, fromJson(type, request)))
}

const bodyOf = (name: string, body: JsonValue) =>
  Buffer.from(asked(name, { ...(name === 'UpdateNote' && { id: 'x' }), body }).body as Uint8Array).toString()

test('R-CALL-2: a message is the JSON body that says the same, amounts digit for digit', () => {
  const json = bodyOf('CreateNote', {
    title: 'Grüße "\u0001"',
    amount: '12.5000',
    stars: 0,
    far: '1099511627776',
    done: false,
    due: '2026-01-02T03:04:05Z',
    tags: ['a', ''],
    sizes: [-1, 0, 7],
    scores: [{ value: '1.5' }, {}],
    rows: [{ value: ['a'] }, {}],
    place: { street: '', rooms: [{ name: 'x' }, {}] },
  })
  expect(json).toContain('"amount":12.5000,')
  expect(parseJson(json)).toEqual({
    title: 'Grüße "\u0001"',
    amount: 12.5,
    stars: 0,
    far: 1099511627776,
    done: false,
    due: '2026-01-02T03:04:05Z',
    tags: ['a', ''],
    sizes: [-1, 0, 7],
    scores: [1.5, null],
    rows: [['a'], []],
    place: { street: '', rooms: [{ name: 'x' }, {}] },
  })
})

test('R-BODY-4: what is left out is left out, and is neither 0 nor null', () => {
  expect(bodyOf('CreateNote', {})).toBe('{}')
})

test('R-BODY-4: a text that is no amount stays one, for the check that rejects it', () => {
  for (const amount of ['', 'NaN', '1e3', '0x1', '01', ' 1', '1,5'])
    expect(JSON.parse(bodyOf('CreateNote', { amount }))).toEqual({ amount })
})

test('R-BODY-3: an amount with more digits than a number holds is not rounded on the way', () => {
  expect(bodyOf('CreateNote', { amount: '0.10000000000000000001' })).toBe('{"amount":0.10000000000000000001}')
})

test('R-REST-2: empty_fields says null and the empty list, as a merge patch does', () => {
  const body = {
    title: 'x',
    place: { rooms: [{}] },
    emptyFields: ['stars', 'tags[]', 'sizes', 'place.street', 'place.rooms[0].name'],
  }
  expect(parseJson(bodyOf('UpdateNote', body))).toEqual({
    title: 'x',
    stars: null,
    tags: [],
    sizes: null,
    place: { street: null, rooms: [{ name: null }] },
  })
  expect(bodyOf('UpdateNote', { emptyFields: ['place.street'] })).toBe('{"place":{"street":null}}')
})

test.each([
  ['nickname', 'is not a field that can be empty'],
  ['title[]', 'is not a list that can be empty'],
  ['place.rooms[3].name', 'is not a field that can be empty'],
  ['place.rooms.name', 'is not a field that can be empty'],
  ['emptyFields', 'is not a field that can be empty'],
  ['', 'is not a field that can be empty'],
  ['title', 'has a value and stands in emptyFields'],
])('a name in empty_fields that cannot be meant is rejected: %j', (name, message) => {
  expect(() => bodyOf('UpdateNote', { title: 'x', emptyFields: [name] })).toThrow(
    expect.objectContaining({ code: 'VALIDATION_ERROR', details: [{ field: name, message }] }),
  )
})

test('parameters of path and query, preconditions and keys become those of the call', () => {
  const query = {
    page: 2,
    sort: ['-title', 'id'],
    stars: ['1', '2'],
    amountMin: '1.50',
    tags: ['a,b'],
    q: 'ä',
    dueExists: false,
  }
  const list = asked('ListNotes', { query, ifMatch: '"1"' })
  expect(list).toMatchObject({ ifMatch: '"1"', path: '/v1/notes', body: undefined, contentType: undefined })
  expect([...list.query].sort()).toEqual([
    ['amountMin', '1.50'],
    ['dueExists', 'false'],
    ['page', '2'],
    ['q', 'ä'],
    ['sort', '-title'],
    ['sort', 'id'],
    ['stars', '1'],
    ['stars', '2'],
    ['tags', 'a,b'],
  ])
  expect(asked('CreateNote', { body: {}, idempotencyKey: 'once' })).toMatchObject({
    idempotencyKey: 'once',
    method: 'POST',
  })
  expect(asked('Confirm', { token: 'a/b' })).toMatchObject({ params: ['a/b'], path: '/v1/confirmations/a%2Fb' })
  expect(() => asked('Confirm', { token: '' })).toThrow(
    expect.objectContaining({ details: [{ field: 'token', message: 'is required' }] }),
  )
})

test('R-BODY-4: a field that the contract does not have is rejected by its number, never dropped', () => {
  const body = new BinaryWriter().tag(77, WireType.Varint).int32(1).finish()
  const request = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .bytes(body)
    .tag(99, WireType.Varint)
    .int32(1)
    .finish()
  expect(() => readTyped(rpc('CreateNote'), request)).toThrow(
    expect.objectContaining({
      details: [
        { field: '#77', message: 'is not a field of notes.v1.CreateNoteRequest.Body' },
        { field: '#99', message: 'is not a field of notes.v1.CreateNoteRequest' },
      ],
    }),
  )
})

test.each([
  ['cut short', Buffer.from([0x0a, 0x05, 0x0a])],
  ['a varint without an end', Buffer.from([0x0a, ...Array(20).fill(0xff)])],
  ['another wire type', Buffer.from([0x08, 0x01])],
  ['text that is not UTF-8', Buffer.from([0x0a, 0x04, 0x0a, 0x02, 0xc3, 0x28])],
  ['field number 0', Buffer.from([0x02, 0x00])],
  ['an inner message longer than its own', Buffer.from([0x0a, 0x03, 0x0a, 0x09, 0x41])],
])('a message that is not protobuf is a VALIDATION_ERROR: %s', (_, bytes) => {
  expect(() => readTyped(rpc('CreateNote'), bytes)).toThrow(
    expect.objectContaining({
      code: 'VALIDATION_ERROR',
      message: expect.stringMatching(/^The message is not a notes\.v1/),
    }),
  )
})

test('random bytes are a call or a VALIDATION_ERROR, and nothing else', () => {
  let seed = 7
  const next = () => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed % 256
  }
  for (let i = 0; i < 3_000; i++) {
    const bytes = Buffer.from(Array.from({ length: next() % 40 }, next))
    try {
      readTyped(rpc('CreateNote'), bytes)
    } catch (error) {
      expect(error).toMatchObject({ code: 'VALIDATION_ERROR' })
    }
  }
})

/** As protobuf's own library reads it. */
function answered(name: string, body: string | undefined): JsonValue {
  const type = registry.getMessage(`notes.v1.${name}Response`)!
  return toJson(type, fromBinary(type, writeTyped(rpc(name), { status: 200, headers: {}, body })))
}

test('R-CALL-2: an answer is the message that says the same', () => {
  const note = {
    title: 'ä',
    amount: 0.0001,
    stars: 0,
    far: 2 ** 40,
    done: false,
    due: null,
    tags: null,
    sizes: [1, -2],
    scores: [1.5, null],
    rows: [['a'], []],
    place: { street: null, rooms: [{ name: 'x' }] },
  }
  const shown = {
    title: 'ä',
    amount: '0.0001',
    stars: 0,
    far: '1099511627776',
    done: false,
    sizes: [1, -2],
    scores: [{ value: '1.5' }, {}],
    rows: [{ value: ['a'] }, {}],
    place: { rooms: [{ name: 'x' }] },
  }
  expect(answered('GetNote', JSON.stringify(note))).toEqual({ note: shown })
  const pagination = { total: 1, limit: 20, hasMore: false, nextCursor: null }
  expect(answered('ListNotes', JSON.stringify({ data: [note], pagination }))).toEqual({
    data: [shown],
    pagination: { total: '1', limit: 20, hasMore: false },
  })
  expect(answered('Confirm', '{"ok":true}')).toEqual({ ok: true })
  expect(answered('GetNote', undefined)).toEqual({})
})

test('R-BODY-3: small amounts are written without an exponent', () => {
  expect(answered('GetNote', '{"amount":1e-7}')).toEqual({ note: { amount: '0.0000001' } })
})
