import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

test('a duration is whole digits and one unit, and comes back in milliseconds', () => {
  expect(parseDuration('250ms')).toBe(250)
  expect(parseDuration('10s')).toBe(10_000)
  expect(parseDuration('5m')).toBe(300_000)
  expect(parseDuration('2h')).toBe(7_200_000)
  expect(parseDuration('30d')).toBe(2_592_000_000)
  expect(parseDuration('0s')).toBe(0)
})

test('anything else is undefined, not a guess', () => {
  for (const text of [
    '',
    '30',
    'd',
    '1.5h',
    '-5m',
    '+5m',
    '5 m',
    ' 5m',
    '5m ',
    '5m\n',
    '5M',
    '1h30m',
    '5min',
    '1e3s',
    '٣s',
  ]) {
    expect(parseDuration(text), JSON.stringify(text)).toBeUndefined()
  }
})

test('a duration too long to count exactly is undefined', () => {
  expect(parseDuration('9007199254740991ms')).toBe(Number.MAX_SAFE_INTEGER)
  expect(parseDuration('9007199254740992ms')).toBeUndefined()
  expect(parseDuration('104249992d')).toBeUndefined()
  expect(parseDuration(`${'9'.repeat(400)}d`)).toBeUndefined()
})

test('every count of milliseconds survives the trip', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (ms) => parseDuration(`${ms}ms`) === ms))
})
