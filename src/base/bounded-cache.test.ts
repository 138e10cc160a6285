import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundedCache } from './bounded-cache.ts'

test('it never holds more than its capacity, and never a value that was not the last one set', () => {
  const step = fc.record({ verb: fc.constantFrom('get', 'set', 'delete'), key: fc.nat(40).map(String) })
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.array(step, { maxLength: 400 }), (capacity, steps) => {
      const kept = boundedCache<number>(capacity)
      const truth = new Map<string, number>()
      for (const [index, { verb, key }] of steps.entries()) {
        if (verb === 'set') {
          kept.set(key, index)
          truth.set(key, index)
        } else if (verb === 'delete') {
          kept.delete(key)
          truth.delete(key)
        } else {
          const value = kept.get(key)
          if (value !== undefined) expect(value).toBe(truth.get(key))
        }
        expect(kept.size).toBeLessThanOrEqual(capacity)
      }
    }),
  )
})

test('what is asked for again and again stays while others pass through', () => {
  const kept = boundedCache<string>(10)
  kept.set('steady', 'yes')
  for (let other = 0; other < 1000; other += 1) {
    kept.set(`passing ${other}`, 'yes')
    expect(kept.get('steady')).toBe('yes')
  }
  expect(kept.get('passing 0')).toBeUndefined()
})
