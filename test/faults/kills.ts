import { expect } from 'vitest'
import { type Point, pointsOf } from './points.ts'
import { storm } from './storm.ts'

const POINTS: readonly Point[] = [
  'before commit',
  'after commit',
  'after publish',
  'before moving on',
  'before storing',
  'inside a handler',
  'before acknowledgement',
]

/** The short run of `npm run test:faults`: the moments that matter most, and each server once. */
export async function survives(carrier: 'postgres' | 'nats'): Promise<void> {
  const points = pointsOf(carrier, POINTS)
  const result = await storm({
    carrier,
    clients: 4,
    pauseMs: 100,
    kills: 8,
    timeoutMs: 120_000,
    points,
    outside: carrier === 'nats' ? ['carrier', 'postgres'] : ['postgres'],
    everyOrders: 5,
    aggregates: 20,
    say: () => {},
  })
  const { lost, doubled, inversions, wrong, by, acknowledged } = result
  expect({ lost, doubled, inversions, wrong }).toEqual({ lost: [], doubled: [], inversions: [], wrong: [] })
  expect(Object.keys(by)).toEqual(
    expect.arrayContaining([...points, 'PostgreSQL', ...(carrier === 'nats' ? ['NATS'] : [])]),
  )
  expect(acknowledged).toBeGreaterThan(0)
}
