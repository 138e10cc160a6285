import { createSecretKey, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { cursorsOf } from './cursor.ts'

const SECRET = createSecretKey('a secret of the service', 'utf8')
const BINDING = JSON.stringify(['orders', [['total', true]], 'status = $1', ['paid']])
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const sortValues = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 4 })

/** Another process than the one that wrote it: it has nothing but the secret. */
function readCursor(secret: KeyObject, binding: string, cursor: string) {
  return cursorsOf(secret).read(binding, cursor)
}

function writeCursor(secret: KeyObject, binding: string, values: readonly (string | null)[]) {
  return cursorsOf(secret).write(binding, values)
}

function refused(binding: string, cursor: string, secret = SECRET): boolean {
  try {
    readCursor(secret, binding, cursor)
    return false
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ code: 'INVALID_CURSOR', details: [{ field: 'cursor' }] })
    return true
  }
}

test('R-PAGE-2: a cursor holds any sort values, and needs no escaping in a URL', () => {
  fc.assert(
    fc.property(sortValues, fc.string(), (values, binding) => {
      const cursor = writeCursor(SECRET, binding, values)
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(readCursor(SECRET, binding, cursor)).toEqual(values)
    }),
  )
})

test('R-PAGE-5: a cursor with any one character altered is refused', () => {
  fc.assert(
    fc.property(
      sortValues,
      fc.nat(),
      fc.constantFrom(...URL_SAFE, '=', '+', '/', '.', ' ', 'é', '\0', ''),
      (values, at, other) => {
        const cursor = writeCursor(SECRET, BINDING, values)
        const place = at % cursor.length
        fc.pre(cursor[place] !== other)
        expect(refused(BINDING, cursor.slice(0, place) + other + cursor.slice(place + 1))).toBe(true)
      },
    ),
    { numRuns: 500 },
  )
})

test('R-PAGE-5: no character of a cursor has another that stands for the same, not even the last', () => {
  const cursor = writeCursor(SECRET, BINDING, ['120.50', '01933a1e-0000-7000-8000-000000000001'])
  for (let place = 0; place < cursor.length; place++)
    for (const other of URL_SAFE)
      if (other !== cursor[place])
        expect(refused(BINDING, cursor.slice(0, place) + other + cursor.slice(place + 1))).toBe(true)
})

test('R-PAGE-5: a cursor that was cut short, or went on, is refused', () => {
  const cursor = writeCursor(SECRET, BINDING, ['120.50', 'an id'])
  for (let length = 0; length < cursor.length; length++) expect(refused(BINDING, cursor.slice(0, length))).toBe(true)
  for (const more of ['A', '=', '==', ' ', '\n', cursor]) expect(refused(BINDING, cursor + more)).toBe(true)
  expect(refused(BINDING, ` ${cursor}`)).toBe(true)
})

test('R-PAGE-5: a cursor belongs to one list, sort and filter, and to one service', () => {
  const cursor = writeCursor(SECRET, BINDING, ['120.50', 'an id'])
  expect(refused(BINDING.replace('orders', 'carts'), cursor)).toBe(true)
  expect(refused(BINDING.replace('true', 'false'), cursor)).toBe(true)
  expect(refused(BINDING.replace('paid', 'pending'), cursor)).toBe(true)
  expect(refused(BINDING, cursor, createSecretKey('the secret of another service', 'utf8'))).toBe(true)
  fc.assert(
    fc.property(fc.string(), fc.string(), sortValues, (one, other, values) => {
      fc.pre(one !== other)
      expect(refused(other, writeCursor(SECRET, one, values))).toBe(true)
    }),
  )
})

test('R-PAGE-5: whatever else is sent as a cursor is refused, and never fails in another way', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => refused(BINDING, text)))
})

test('R-PAGE-5: whoever wrote a cursor takes it back for its own list only, and no altered one', () => {
  const cursors = cursorsOf(SECRET)
  const cursor = cursors.write(BINDING, ['120.50', 'an id'])
  expect(cursors.read(BINDING, cursor)).toEqual(['120.50', 'an id'])
  expect(() => cursors.read('another list', cursor)).toThrow(Problem)
  expect(() => cursors.read(BINDING, `${cursor}A`)).toThrow(Problem)
})
