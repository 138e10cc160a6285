import { expect, test } from 'vitest'
import { readTrace, traceOf, writeTraceparent } from './trace.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

test('R-OPS-3: a valid traceparent is continued, with its state and an id of our own', () => {
  const trace = readTrace(`00-${ID}-${PARENT}-01`, 'congo=t61rcWkgMzE')
  expect(trace).toEqual({ traceId: ID, flags: '01', state: 'congo=t61rcWkgMzE', parentId: PARENT })
  const next = writeTraceparent(trace!)
  expect(next).toMatch(new RegExp(`^00-${ID}-[\\da-f]{16}-01$`))
  expect(next).not.toContain(PARENT)
})

test('R-OPS-3: a later version may have more fields, and unknown flags are dropped', () => {
  expect(readTrace(`cc-${ID}-${PARENT}-ff-what-comes-later`)).toMatchObject({ traceId: ID, flags: '03' })
  expect(readTrace(`cc-${ID}-${PARENT}-01.what`)).toBeUndefined()
})

test.each([
  ['', 'empty'],
  [`00-${ID}-${PARENT}-01-more`, 'version 00 with more'],
  [`ff-${ID}-${PARENT}-01`, 'version ff'],
  [`00-${ID.toUpperCase()}-${PARENT}-01`, 'upper case'],
  [`00-${'0'.repeat(32)}-${PARENT}-01`, 'a trace id of zeros'],
  [`00-${ID}-${'0'.repeat(16)}-01`, 'a parent id of zeros'],
  [`00-${ID}-${PARENT}-01, 00-${ID}-${PARENT}-01`, 'two headers'],
])('R-OPS-3: %j (%s) begins a new trace, without the state', (traceparent) => {
  expect(readTrace(traceparent, 'a=1')).toBeUndefined()
  const made = traceOf(traceparent, 'a=1')
  expect(made).toEqual({ traceId: expect.stringMatching(/^[\da-f]{32}$/), flags: '00', state: undefined })
  expect(made.traceId).not.toBe(traceOf(undefined).traceId)
})

test('R-OPS-3: a state that is too long, or has too many members, is dropped', () => {
  const given = `00-${ID}-${PARENT}-00`
  expect(readTrace(given, `a=${'x'.repeat(511)}`)!.state).toBeUndefined()
  expect(readTrace(given, Array(33).fill('a=1').join(','))!.state).toBeUndefined()
})
