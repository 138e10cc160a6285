import { expect, test } from 'vitest'
import { readTimeoutMs } from './timeout-header.ts'

test.each([
  ['800', 800],
  ['10', 10],
  ['1', 10],
  ['0', 10],
  ['-1', Number.POSITIVE_INFINITY],
  [undefined, Number.POSITIVE_INFINITY],
  [['800', '800'], Number.POSITIVE_INFINITY],
])('R-P-7: a client that sends %j gives at most %s ms', (header, timeoutMs) => {
  expect(readTimeoutMs(header)).toBe(timeoutMs)
})
