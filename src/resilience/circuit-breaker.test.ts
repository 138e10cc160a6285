import { beforeEach, describe, expect, test } from 'vitest'
import { type CircuitBreaker, createCircuitBreaker, type Outcome } from './circuit-breaker.ts'

let nowMs: number
let breaker: CircuitBreaker

beforeEach(() => {
  nowMs = 0
  breaker = createCircuitBreaker({ minimum: 4, windowMs: 10_000, openMs: 1_000, maxOpenMs: 3_000, now: () => nowMs })
})

function pass(...outcomes: Outcome[]): void {
  for (const outcome of outcomes) breaker.leave(breaker.enter()!, outcome)
}

describe('R-CALL-3: a circuit breaker', () => {
  test('stays closed while less than half of what ended failed, and before enough has', () => {
    pass('failed', 'failed', 'failed')
    expect(breaker.state.kind).toBe('closed')
    pass('succeeded', 'succeeded', 'succeeded', 'succeeded')
    pass('failed')
    expect(breaker.state.kind).toBe('open')
  })

  test('opens a second after the last success when all has failed since, however much went well before', () => {
    pass(...Array<Outcome>(100).fill('succeeded'))
    nowMs = 999
    pass('failed', 'failed', 'failed', 'failed')
    expect(breaker.state.kind).toBe('closed')
    nowMs = 1_000
    pass('failed')
    expect(breaker.state.kind).toBe('open')
  })

  test('stays closed while something succeeds each second, and before enough have failed in a row', () => {
    pass(...Array<Outcome>(100).fill('succeeded'))
    for (nowMs = 500; nowMs < 5_000; nowMs += 500) pass('failed', 'failed', 'failed', 'failed', 'succeeded')
    nowMs += 2_000
    pass('failed', 'failed', 'failed')
    expect(breaker.state.kind).toBe('closed')
  })

  test('forgets what is older than its window', () => {
    pass('failed', 'failed', 'failed')
    nowMs = 10_001
    pass('failed')
    expect(breaker.state.kind).toBe('closed')
  })

  test('opens: nothing passes, and it says until when', () => {
    pass('failed', 'failed', 'failed', 'failed')
    expect(breaker.state).toEqual({ kind: 'open', untilMs: 1_000 })
    nowMs = 400
    expect(breaker.enter()).toBeUndefined()
    expect(breaker.retryInMs()).toBe(600)
  })

  test('closes when what was not reached has answered something else since, also while a probe is under way', () => {
    pass('unreached')
    breaker.reached()
    expect(breaker.state.kind).toBe('closed')
    pass('unreached')
    nowMs = 1_000
    const probe = breaker.enter()!
    breaker.reached()
    breaker.leave(probe, 'unreached')
    expect(breaker.state.kind).toBe('closed')
  })

  test('stays open when what failed answers something else', () => {
    pass('failed', 'failed', 'failed', 'failed')
    breaker.reached()
    expect(breaker.state.kind).toBe('open')
  })

  test('half-opens: one request passes, and closes it when all is well', () => {
    pass('failed', 'failed', 'failed', 'failed')
    nowMs = 1_000
    const probe = breaker.enter()
    expect(probe).toBeDefined()
    expect(breaker.state.kind).toBe('half-open')
    expect(breaker.enter()).toBeUndefined()
    breaker.leave(probe!, 'succeeded')
    expect(breaker.state.kind).toBe('closed')
    // With a clean slate.
    pass('failed')
    expect(breaker.state.kind).toBe('closed')
  })

  test('a probe that fails keeps it open, twice as long each time, up to a bound', () => {
    pass('unreached')
    for (const openMs of [1_000, 2_000, 3_000, 3_000]) {
      expect(breaker.retryInMs()).toBe(openMs)
      nowMs += openMs
      pass('failed')
    }
  })

  test('a probe that was given up says nothing: the next one finds out', () => {
    pass('unreached')
    nowMs = 1_000
    pass('unknown')
    pass('succeeded')
    expect(breaker.state.kind).toBe('closed')
  })

  test('nobody there: open at once', () => {
    pass('unreached')
    expect(breaker.state.kind).toBe('open')
  })

  test('what began before a change of state changes nothing', () => {
    const early = [1, 2, 3].map(() => breaker.enter()!)
    pass('unreached')
    for (const one of early) breaker.leave(one, 'succeeded')
    expect(breaker.state.kind).toBe('open')
    nowMs = 1_000
    pass('succeeded')
    for (const one of early) breaker.leave(one, 'unreached')
    expect(breaker.state.kind).toBe('closed')
  })
})
