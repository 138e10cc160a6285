import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Draw, memoryBuckets, type NamedRule } from './buckets.ts'
import { type DrawBatch, type PrimaryBuckets, primaryBuckets } from './primary-buckets.ts'
import type { TakeResult } from './token-bucket.ts'
import { type TokenLender, tokenLender } from './token-lender.ts'

const DAY_MS = 86_400_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Decision {
  readonly draw: Draw
  readonly taken: TakeResult
  /** The same draw, where it was allowed, from a bucket that has counted exactly what was; else one of nothing. */
  readonly exact: TakeResult
}

/** Workers of one machine, whose messages arrive when the test says so. */
class Machine {
  readonly decisions: Decision[] = []
  readonly sent: DrawBatch[] = []
  readonly workers: { readonly buckets: PrimaryBuckets; deliver(): void }[]
  readonly #lender: TokenLender
  readonly #exact = memoryBuckets()

  constructor(count: number) {
    this.#lender = tokenLender(memoryBuckets(), { workers: count })
    this.workers = Array.from({ length: count }, () => this.#fork())
  }

  draw(worker: number, draws: readonly Draw[]): void {
    const asked = this.workers[worker]!
    const results = asked.buckets.takeEach(draws)
    if (results instanceof Promise)
      void results.then((later) => {
        if (this.workers[worker] === asked) this.#note(draws, later)
      })
    else this.#note(draws, results)
  }

  /** Time passes; then what was sent before or meanwhile arrives. */
  async pass(ms: number): Promise<void> {
    await this.#settle()
    vi.advanceTimersByTime(ms)
    for (const { deliver } of this.workers) deliver()
    await this.#settle()
  }

  /** Draws until the primary has rejected one. */
  async drain(worker: number, draw: Draw): Promise<void> {
    do {
      for (let i = 0; i < 100; i++) this.draw(worker, [draw])
      await this.pass(0)
    } while (this.decisions.at(-1)!.taken.allowed)
  }

  /** A worker ends with all that it has under way, and another one takes its place. */
  kill(worker: number): void {
    this.workers[worker] = this.#fork()
  }

  get admitted(): number {
    return this.decisions.reduce((sum, { draw, taken }) => sum + (taken.allowed ? draw.cost : 0), 0)
  }

  /** Whatever is due now happens, and those who wait for it hear of it before time goes on. */
  async #settle(): Promise<void> {
    vi.advanceTimersByTime(0)
    await Promise.resolve()
  }

  #fork() {
    const answer = this.#lender.answers()
    const messages: DrawBatch[] = []
    const buckets = primaryBuckets((batch) => {
      this.sent.push(batch)
      messages.push(JSON.parse(JSON.stringify(batch)))
    })
    const deliver = () => {
      for (const batch of messages.splice(0)) {
        const drawn = answer(batch)
        if (drawn !== undefined) buckets.drawn(JSON.parse(JSON.stringify(drawn)))
      }
    }
    return { buckets, deliver }
  }

  #note(draws: readonly Draw[], results: readonly TakeResult[]): void {
    results.forEach((taken, i) => {
      const draw = draws[i]!
      this.decisions.push({
        draw,
        taken,
        exact: this.#exact.take(draw.kind, draw.whose, taken.allowed ? draw.cost : 0),
      })
    })
  }
}

type Action = { worker: number; times: number; cost: number } | { passMs: number } | { killed: number }

const rules = fc.record({
  maxRequests: fc.integer({ min: 1, max: 5_000 }),
  windowMs: fc.constantFrom(1_000, 60_000, DAY_MS),
})
const counts = fc.integer({ min: 1, max: 4 })
const draws = fc.record({
  worker: fc.nat(3),
  times: fc.integer({ min: 1, max: 100 }),
  cost: fc.oneof(fc.nat(3), fc.nat(100)),
})
const passes = fc.record({ passMs: fc.nat(150) })
const kills = fc.record({ killed: fc.nat(3) })

function actions(...kinds: fc.WeightedArbitrary<Action>[]): fc.Arbitrary<Action[]> {
  return fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 20 })
}

async function play(
  machine: Machine,
  all: readonly Action[],
  drawsOf: (cost: number) => readonly Draw[],
): Promise<void> {
  const count = machine.workers.length
  for (const action of all)
    if ('passMs' in action) await machine.pass(action.passMs)
    else if ('killed' in action) machine.kill(action.killed % count)
    else for (let i = 0; i < action.times; i++) machine.draw(action.worker % count, drawsOf(action.cost))
  await machine.pass(1)
}

test('R-RATE-3: whatever workers draw, and though they end, they never admit what one bucket would not', async () => {
  await fc.assert(
    fc.asyncProperty(
      counts,
      rules,
      rules,
      actions({ weight: 6, arbitrary: draws }, { weight: 3, arbitrary: passes }, { weight: 1, arbitrary: kills }),
      async (count, user, address, all) => {
        const kinds = [
          { name: 'user', ...user },
          { name: 'address', ...address },
        ] as const
        const machine = new Machine(count)
        await play(machine, all, (cost) => [
          { kind: kinds[0], whose: 'usr_a', cost },
          { kind: kinds[1], whose: '::1', cost: 1 },
        ])
        expect(machine.decisions.filter(({ taken, exact }) => !exact.allowed || taken.remaining < 0)).toEqual([])
      },
    ),
    { numRuns: 20 },
  )
})

test('R-RATE-3: a draw is rejected when at most 1 % of the bucket is with other workers, and that is there 0.2 s later', async () => {
  await fc.assert(
    fc.asyncProperty(
      counts,
      fc.integer({ min: 1, max: 5_000 }),
      actions({ weight: 6, arbitrary: draws }, { weight: 3, arbitrary: passes }),
      async (count, maxRequests, all) => {
        const kind: NamedRule = { name: 'default', maxRequests, windowMs: 1_000 * DAY_MS }
        const machine = new Machine(count)
        await play(machine, all, (cost) => [{ kind, whose: 'usr_a', cost }])
        const tooEarly = machine.decisions.filter(
          ({ draw, taken, exact }) => !taken.allowed && exact.remaining - draw.cost >= maxRequests / 100,
        )
        expect(tooEarly).toEqual([])
        for (let i = 0; i < 10; i++) await machine.pass(20)
        for (const cost of [maxRequests - machine.admitted, 1]) {
          machine.draw(0, [{ kind, whose: 'usr_a', cost }])
          await machine.pass(0)
        }
        expect(machine.decisions.slice(-2).map(({ taken }) => taken.allowed)).toEqual([true, false])
      },
    ),
    { numRuns: 20 },
  )
})

test('R-RATE-2: `remaining` is exact for whoever is served by one worker, but for what flows back while a message is on its way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 4 }),
      rules,
      actions({ weight: 6, arbitrary: draws }, { weight: 3, arbitrary: passes }),
      async (count, rule, all) => {
        const kind: NamedRule = { name: 'default', ...rule }
        const machine = new Machine(count)
        await play(
          machine,
          all.map((action) => ({ ...action, worker: 0 })),
          (cost) => [{ kind, whose: 'usr_a', cost }],
        )
        // A lease ends within 0.1 s, and `passMs` later the primary knows what was used of it.
        const late = 1 + (rule.maxRequests * 250) / rule.windowMs
        const wrong = machine.decisions.filter(
          ({ taken, exact }) => taken.remaining > exact.remaining || taken.remaining < exact.remaining - late,
        )
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: 20 },
  )
})

test('R-RATE-2: where nothing flows back meanwhile, `remaining` counts down one by one', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 10_000, windowMs: 1_000 * DAY_MS }
  const machine = new Machine(2)
  for (let i = 0; i < 500; i++) {
    machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
    await machine.pass(i % 4)
  }
  expect(machine.decisions.map(({ taken }) => taken.remaining)).toEqual(
    Array.from({ length: 500 }, (_, i) => 9_999 - i),
  )
})

test('a busy client needs few messages', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 1_000_000, windowMs: 60_000 }
  const machine = new Machine(2)
  for (let i = 0; i < 650; i++) {
    machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
    await machine.pass(i % 10 === 0 ? 1 : 0)
  }
  expect(machine.admitted).toBe(650)
  // The first of each 65 asks, and brings 64 more; and once in 65 ms the lease is renewed.
  expect(machine.sent).toHaveLength(11)
})

test('many busy clients share the messages that renew their leases, and none of their draws waits', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 1_000_000, windowMs: 60_000 }
  const machine = new Machine(2)
  const clients = Array.from({ length: 30 }, (_, i) => `usr_${i}`)
  let draws = 0
  for (let ms = 0; ms < 1_000; ms += 10) {
    for (const whose of clients) machine.draw(0, [{ kind, whose, cost: 1 }])
    draws += clients.length
    // All but the first are decided at once.
    if (ms > 0) expect(machine.admitted).toBe(draws)
    await machine.pass(10)
    await machine.pass(0)
  }
  expect(machine.sent.length).toBeLessThanOrEqual(1 + 1_000 / 50)
  expect(machine.sent.at(-1)!.renewed).toHaveLength(2 * clients.length)
})

test('small buckets lend nothing: each draw is the primary’s to decide', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 200, windowMs: 60_000 }
  const machine = new Machine(2)
  for (let i = 0; i < 3; i++) {
    machine.draw(i % 2, [{ kind, whose: 'usr_a', cost: 1 }])
    await machine.pass(0)
  }
  expect(machine.sent.map(({ groups }) => groups)).toEqual(
    Array(3)
      .fill([[0, 'usr_a', 1]])
      .map((group) => [group[0]]),
  )
})

test('what a worker that has ended was lent counts as used after a second, and flows back', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 6_000, windowMs: 60_000 }
  const peek = async (machine: Machine) => {
    machine.draw(1, [{ kind, whose: 'usr_a', cost: 0 }])
    await machine.pass(0)
    return machine.decisions.at(-1)!.taken.remaining
  }
  const machine = new Machine(2)
  machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
  await machine.pass(0)
  machine.kill(0)
  expect(await peek(machine)).toBe(6_000 - 1 - 29)
  // Of the one that was used 1 is back by now, of those that were lent none.
  await machine.pass(1_250)
  expect(await peek(machine)).toBe(6_000 - 29)
  await machine.pass(290)
  expect(await peek(machine)).toBe(6_000)
})

test('R-RATE-1: tokens that are lent do not flow back before they are used', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 6_000, windowMs: 1_000 }
  const machine = new Machine(2)
  machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
  await machine.pass(0)
  // In which 300 flow back.
  await machine.pass(50)
  for (let i = 0; i < 29; i++) machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
  expect(machine.admitted).toBe(30)
  await machine.drain(1, { kind, whose: 'usr_a', cost: 1 })
  expect(machine.admitted).toBe(6_001)
})

test('a lease that arrives when its time is over is not used', async () => {
  const kind: NamedRule = { name: 'default', maxRequests: 6_000, windowMs: 60_000 }
  const machine = new Machine(2)
  machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
  await machine.pass(100)
  machine.draw(0, [{ kind, whose: 'usr_a', cost: 1 }])
  await machine.pass(0)
  expect(machine.sent.map(({ returned }) => returned)).toEqual([[], [1, 29]])
})
