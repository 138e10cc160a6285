import { expect, test } from 'vitest'
import { createCircuitBreaker } from './circuit-breaker.ts'
import { createReplicas } from './replicas.ts'

const replica = (name: string, leaving = false, pending = 0) => ({
  name,
  leaving,
  pending,
  breaker: createCircuitBreaker({}),
})

test('R-OPS-2: a replica that is about to end is chosen only where no other is left, however busy the others are', () => {
  const all = [replica('ending', true), replica('busy', false, 9), replica('busier', false, 10)]
  const { choose } = createReplicas(all)
  for (let i = 0; i < 3; i++) expect(choose([], false)!.replica.name).toBe('busy')
  expect(choose([all[1]!], false)!.replica.name).toBe('busier')
  expect(choose([all[1]!, all[2]!], false)!.replica.name).toBe('ending')
})

test('of several that are about to end, the one with the fewest requests under way is chosen', () => {
  const { choose } = createReplicas([replica('one', true, 2), replica('two', true, 1)])
  for (let i = 0; i < 2; i++) expect(choose([], true)!.replica.name).toBe('two')
})

test('R-OPS-2: where all others are about to end, any request tries one that was ejected: so it is back before they are gone', () => {
  let nowMs = 0
  const back = {
    ...replica('back'),
    breaker: createCircuitBreaker({ minimum: 1, openMs: 250, maxOpenMs: 250, now: () => nowMs }),
  }
  const other = { ...replica('other'), leaving: false }
  const { choose } = createReplicas([back, other])
  back.breaker.leave(back.breaker.enter()!, 'failed')
  nowMs = 1_000
  for (let i = 0; i < 3; i++) expect(choose([], false)!.replica.name).toBe('other')
  other.leaving = true
  const probe = choose([], false)!
  expect(probe.replica.name).toBe('back')
  // One at a time.
  for (let i = 0; i < 3; i++) expect(choose([], false)!.replica.name).toBe('other')
  back.breaker.leave(probe.pass, 'succeeded')
  for (let i = 0; i < 3; i++) expect(choose([], false)!.replica.name).toBe('back')
})
