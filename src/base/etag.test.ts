import { expect, test } from 'vitest'
import { matchesETag, readIfMatch } from './etag.ts'

test.each([
  ['"3"', true],
  ['W/"3"', true],
  ['"1", "2", "3"', true],
  ['"1","3"', true],
  [', "1" ,, W/"3" ,', true],
  ['*', true],
  [' * ', true],
  ['"a,b", "3"', true],
  ['"4"', false],
  ['"33"', false],
  ['3', false],
  ['', false],
  ['"3', false],
  ['"1" "3"', false],
  ['w/"3"', false],
  ['"1", *', false],
  ['"3", oops', false],
])('R-LOCK-3: If-None-Match %s against "3" is %s', (header, expected) => {
  expect(matchesETag(header, '"3"')).toBe(expected)
})

test('R-LOCK-3: a weak tag of ours is compared by what it holds', () => {
  expect(matchesETag('"3"', 'W/"3"')).toBe(true)
  expect(matchesETag('W/"3"', 'W/"3"')).toBe(true)
  expect(matchesETag('W/"4"', 'W/"3"')).toBe(false)
})

test.each([
  ['"3"', [3]],
  ['"3", "17"', [3, 17]],
  ['"3","17"', [3, 17]],
  ['W/"3"', []],
  ['W/"3", "4"', [4]],
  ['"03"', []],
  ['"0"', []],
  ['"-1"', []],
  ['"1e3"', []],
  ['"9999999999999999999"', []],
  ['"abc", "5"', [5]],
  ['3', []],
  ['', []],
  ['"3', []],
  ['"3" "4"', []],
  ['"3", *', []],
])('R-LOCK-2: If-Match %s admits the versions %j', (header, versions) => {
  expect(readIfMatch(header)).toEqual({ versions })
})

test('R-LOCK-2: If-Match * admits any version, and no header asks for none', () => {
  expect(readIfMatch('*')).toEqual({ any: true })
  expect(readIfMatch(undefined)).toBeUndefined()
})

test('R-LOCK-3: a header of 16 KiB is read in one pass', () => {
  const long = `${'"1",'.repeat(4000)}"3"`
  expect(matchesETag(long, '"3"')).toBe(true)
  expect(matchesETag(`${', '.repeat(8000)}x`, '"3"')).toBe(false)
})
