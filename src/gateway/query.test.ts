import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readQuery } from './query.ts'

test.each([
  ['', []],
  [
    'a=1&b=2',
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  [
    'a=1&a=2',
    [
      ['a', '1'],
      ['a', '2'],
    ],
  ],
  ['sort=-createdAt,+total', [['sort', '-createdAt, total', ['-createdAt', ' total']]]],
  ['a=b%2Cc,d+e,', [['a', 'b,c,d e,', ['b,c', 'd e', '']]]],
  ['a=b%2cc', [['a', 'b,c']]],
  ['q=caf%C3%A9+au%2Blait', [['q', 'café au+lait']]],
  ['a', [['a', '']]],
  ['a=', [['a', '']]],
  ['=a', [['', 'a']]],
  ['a=b=c', [['a', 'b=c']]],
  ['&&a=1&', [['a', '1']]],
  ['%61%20b=1', [['a b', '1']]],
  ['__proto__=1', [['__proto__', '1']]],
  ['a=%00', [['a', '\0']]],
])('%j is %j', (raw, pairs) => {
  expect(readQuery(raw)).toEqual(pairs)
})

test.each(['a=%', 'a=%zz', 'a=%ff', 'a=%c0%af'])('R-REST-4: %s is a 400 that names the parameter', (raw) => {
  expect(() => readQuery(raw)).toThrow(
    expect.objectContaining({ code: 'VALIDATION_ERROR', details: [{ field: 'a', message: expect.any(String) }] }),
  )
})

test('at most 1,000 parameters', () => {
  expect(readQuery('a=1&'.repeat(999))).toHaveLength(999)
  expect(() => readQuery('a=1&'.repeat(1001))).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }))
})

test('what URLSearchParams writes is read as it was meant', () => {
  const pair = fc.tuple(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' }))
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 20 }), (pairs) => {
      expect(readQuery(new URLSearchParams(pairs).toString())).toEqual(pairs)
    }),
  )
})
