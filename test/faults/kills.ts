import { expect } from 'vitest'
import { storm } from './storm.ts'

/** The short run of `npm run test:faults`: the moments that matter most, and each server once. */
export async function survives(carrier: 'postgres' | 'nats'): Promise<void> {
  const result = await storm({
    carrier,
    clients: 4,
    pauseMs: 100,
    kills: 8,
    timeoutMs: 120_000,
    points: [
      'before commit',
      'after commit',
      'after publish',
      'before mark',
      'before storing',
      'inside a handler',
      'before acknowledgement',
    ],
    outside: carrier === 'nats' ? ['carrier', 'postgres'] : ['postgres'],
    everyOrders: 5,
    aggregates: 20,
    say: () => {},
  })
  const { lost, doubled, inversions, wrong, kills, acknowledged } = result
  expect({ lost, doubled, inversions, wrong }).toEqual({ lost: [], doubled: [], inversions: [], wrong: [] })
  expect(kills).toBeGreaterThanOrEqual(8)
  expect(acknowledged).toBeGreaterThan(0)
}
