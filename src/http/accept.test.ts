import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readAccept } from './accept.ts'

test.each<[string, [string, Record<string, string>, number][]]>([
  ['*/*', [['*/*', {}, 1]]],
  [
    'text/html, */*;q=0.8',
    [
      ['text/html', {}, 1],
      ['*/*', {}, 0.8],
    ],
  ],
  ['Application/JSON ; Version = 2', [['application/json', { version: '2' }, 1]]],
  ['application/json; foo="x;version=9"; version=2', [['application/json', { foo: 'x;version=9', version: '2' }, 1]]],
  [
    'a/b;x="1,2";q=0.5, c/d',
    [
      ['a/b', { x: '1,2' }, 0.5],
      ['c/d', {}, 1],
    ],
  ],
  ['a/b;x="say \\"hi\\", \\\\";y=1', [['a/b', { x: 'say "hi", \\', y: '1' }, 1]]],
  ['a/b;x="";y', [['a/b', { x: '' }, 1]]],
  ['a/b;x="never closed, c/d;q=1', [['a/b', { x: '"never closed, c/d;q=1' }, 1]]],
  ['a/b;Q=0.25;x=1', [['a/b', { x: '1' }, 0.25]]],
  [
    'a/b;q=0, c/d;q=1.000, e/f;q=., g/h;q=x, i/j;q=-1, k/l;q=1e3',
    [
      ['a/b', {}, 0],
      ['c/d', {}, 1],
      ['e/f', {}, 0],
      ['g/h', {}, 0],
      ['i/j', {}, 0],
      ['k/l', {}, 0],
    ],
  ],
  [
    'gzip, , br;q=0.9',
    [
      ['gzip', {}, 1],
      ['br', {}, 0.9],
    ],
  ],
  ['', []],
  [';;,=', [['=', {}, 1]]],
])('FC-14: %j is read as RFC 9110 writes it', (header, expected) => {
  const read = readAccept(header)
  expect(read.map(({ name, parameters, q }) => [name, Object.fromEntries(parameters), q])).toEqual(expected)
  expect(readAccept(header)).toBe(read)
})

test('FC-14: whatever is in a quoted string, it is one value', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const quoted = value.replace(/["\\]/g, '\\$&')
      const [first, second, ...more] = readAccept(`a/b;x="${quoted}";q=0.5, c/d`)
      expect(more).toEqual([])
      expect(first).toEqual({ name: 'a/b', parameters: [['x', value]], q: 0.5 })
      expect(second).toEqual({ name: 'c/d', parameters: [], q: 1 })
    }),
  )
})

test('any text is read', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(readAccept(text))))
})
