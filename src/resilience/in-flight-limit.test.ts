import { describe, expect, test } from 'vitest'
import { createInFlightLimit, type InFlightLimit } from './in-flight-limit.ts'

/** Work of `workMs` for each request, on a pool of so many places, asked for at `rate` a second by clients that don't wait. */
interface World {
  readonly pool: number
  readonly workMs: () => number
  readonly rate: (atMs: number) => number
  readonly endMs: number
}

interface Request {
  readonly atMs: number
  /** Undefined: rejected. */
  tookMs: number | undefined
}

/** Simulates it by a clock of its own. */
function play({ pool, workMs, rate, endMs }: World): { requests: Request[]; limit: InFlightLimit } {
  const limit = createInFlightLimit({ nowMs: 0 })
  const random = seeded(1)
  const requests: Request[] = []
  const waiting: (() => void)[] = []
  /** When each place of the pool is free again, and what is called then. */
  const working: { endMs: number; end: () => void }[] = []
  let nowMs = 0
  let nextMs = 0

  function arrive(): void {
    const request: Request = { atMs: nowMs, tookMs: undefined }
    requests.push(request)
    const place = limit.enter(nowMs)
    if (place === 0) return
    const end = () => {
      request.tookMs = nowMs - request.atMs
      limit.leave(place, request.tookMs, nowMs)
      waiting.shift()?.()
    }
    const begin = () => working.push({ endMs: nowMs + workMs(), end })
    if (working.length < pool) begin()
    else waiting.push(begin)
  }

  while (nextMs < endMs || working.length > 0) {
    const first = working.reduce((one, other) => (other.endMs < one.endMs ? other : one), { endMs: Infinity, end() {} })
    if (nextMs < endMs && nextMs <= first.endMs) {
      nowMs = nextMs
      nextMs += (-Math.log(random()) / rate(nowMs)) * 1000
      arrive()
    } else {
      nowMs = first.endMs
      working.splice(working.indexOf(first), 1)
      first.end()
    }
  }
  return { requests, limit }
}

describe('a pool of ten with 20 ms of work: 500 requests a second', () => {
  test.each([3, 5, 10])(
    'R-OPS-5: %i times that: nearly all of it is served, soon, and rejections end with the load',
    (times) => {
      const { requests } = play({
        pool: 10,
        workMs: () => 20,
        rate: (atMs) => (atMs > 2_000 && atMs < 12_000 ? 500 * times : 250),
        endMs: 20_000,
      })
      const during = requests.filter(({ atMs }) => atMs > 2_000 && atMs < 12_000)
      const served = during.flatMap(({ tookMs }) => tookMs ?? []).sort((a, b) => a - b)
      expect(served.length / 5_000).toBeGreaterThan(0.95)
      expect(served[Math.floor(served.length / 2)]).toBeLessThan(200)
      expect(served.at(-1)).toBeLessThan(1_000)
      expect(rejected(requests, 13_000)).toBe(0)
    },
  )

  test.each([0.5, 0.8, 0.9])('R-OPS-5: %f times that: nothing is rejected', (times) => {
    const { requests } = play({ pool: 10, workMs: () => 20, rate: () => 500 * times, endMs: 30_000 })
    expect(rejected(requests)).toBe(0)
  })

  test('R-OPS-5: 200 requests at once are served, each time that the system is idle before them', () => {
    let asked = 0
    const rate = () => (++asked % 200 === 0 ? 0.2 : 1e9)
    const { requests } = play({ pool: 10, workMs: () => 20, rate, endMs: 30_000 })
    expect(requests.length).toBeGreaterThanOrEqual(400)
    expect(rejected(requests)).toBe(0)
  })
})

describe('work that takes long, and waits for nothing', () => {
  test.each<[string, () => number, number]>([
    ['a long poll of up to 2 s', spread(() => [2_000, 1]), 100],
    ['a list that takes 2 s each tenth time', spread((share) => [share < 0.1 ? 2_000 : 5, 0]), 300],
    ['a list that takes 10 or 300 ms', spread((share) => [share < 0.3 ? 10 : 300, 0]), 300],
  ])('R-OPS-5: %s is not taken for a queue', (_, workMs, perSecond) => {
    const rate = (atMs: number) => (atMs < 5_000 ? 1 + (perSecond * atMs) / 5_000 : perSecond)
    const { requests } = play({ pool: Infinity, workMs, rate, endMs: 30_000 })
    expect(rejected(requests)).toBe(0)
  })

  test('R-OPS-5: when the work has become slower for good, the limit learns it', () => {
    let asked = 0
    const { requests } = play({
      pool: Infinity,
      workMs: () => (asked++ < 4_000 ? 5 : 400),
      rate: () => 200,
      endMs: 60_000,
    })
    expect(rejected(requests, 40_000)).toBe(0)
  })
})

test('R-OPS-5: many that wait for their end, such as long polls, are let in more and more', () => {
  const { limit } = play({ pool: Infinity, workMs: () => 1_000, rate: (atMs) => 50 + atMs / 50, endMs: 60_000 })
  expect(limit.limit).toBeGreaterThan(1_000)
})

test('R-OPS-5: what ends without having worked says nothing about load', () => {
  const limit = createInFlightLimit({ nowMs: 0 })
  for (let i = 0; i < 10_000; i++) limit.leave(limit.enter(i), undefined, i)
  expect(limit.limit).toBe(300)
  expect(limit.inFlight).toBe(0)
})

test('R-OPS-5: as many as the limit says may be in flight, and no more', () => {
  const limit = createInFlightLimit({ start: 2, floor: 1 })
  expect([limit.enter(0), limit.enter(0), limit.enter(0)]).toEqual([1, 2, 0])
  expect(limit.isFull).toBe(true)
  limit.leave(1, 1, performance.now())
  expect(limit.enter(0)).toBe(2)
})

function rejected(requests: readonly Request[], sinceMs = 0): number {
  return requests.filter(({ atMs, tookMs }) => atMs >= sinceMs && tookMs === undefined).length
}

/** Times of work: what `of` says for a share from 0 to 1, of which the second part is spread evenly from nothing. */
function spread(of: (share: number) => readonly [ms: number, spread: number]): () => number {
  const random = seeded(2)
  return () => {
    const [ms, part] = of(random())
    return ms * (1 - part * random())
  }
}

/** The same numbers each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
