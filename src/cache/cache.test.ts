import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../base/errors.ts'
import { type Cache, createCache, type Reading } from './cache.ts'
import { memoryTags } from './memory-tags.ts'

const how = (...tags: string[]): Reading => ({ tags, ttlMs: 60_000, isOver: () => false })
const text = (body: string) => ({ head: '', body })

/** A step that a test lets go on. */
function gate() {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

describe('a cache of one process', () => {
  it('R-CACHE-1: reads once, and keeps what it has read', async () => {
    const cache = createCache({ tags: memoryTags() })
    let loads = 0
    const load = async () => text(String(++loads))
    expect((await cache.read('user:1', how('user:1'), load)).body).toBe('1')
    expect((await cache.read('user:1', how('user:1'), load)).body).toBe('1')
    expect(cache.figures).toMatchObject({ hits: 1, misses: 1, entries: 1 })
  })

  it('R-CACHE-2: an entry with a tag that has changed is read again, and others are not', async () => {
    const cache = createCache({ tags: memoryTags() })
    let loads = 0
    const load = async () => text(String(++loads))
    await cache.read('user:1', how('user:1'), load)
    await cache.read('list', how('users'), load)
    await cache.drop(['users'])
    expect((await cache.read('user:1', how('user:1'), load)).body).toBe('1')
    expect((await cache.read('list', how('users'), load)).body).toBe('3')
  })

  it('R-CACHE-2: a fill that a change has overtaken is not kept, nor given to those who come after it', async () => {
    const cache = createCache({ tags: memoryTags() })
    let stored = 'old'
    const slow = gate()
    const before = cache.read('user:1', how('user:1'), async () => {
      const seen = stored
      await slow.opened
      return text(seen)
    })
    const change = await cache.change(new Set(['user:1']))
    stored = 'new'
    await change.end('over')
    // While the old reading is still under way.
    expect((await cache.read('user:1', how('user:1'), async () => text(stored))).body).toBe('new')
    slow.open()
    expect((await before).body).toBe('old')
    expect((await cache.read('user:1', how('user:1'), async () => text(stored))).body).toBe('new')
    expect(cache.figures).toMatchObject({ refused: 1 })
  })

  it('R-CACHE-2: while a change is being made nothing of it is read from the cache or kept', async () => {
    const cache = createCache({ tags: memoryTags() })
    await cache.read('user:1', how('user:1'), async () => text('old'))
    const change = await cache.change(new Set(['user:1']))
    expect((await cache.read('user:1', how('user:1'), async () => text('database'))).body).toBe('database')
    await change.end('over')
    expect((await cache.read('user:1', how('user:1'), async () => text('new'))).body).toBe('new')
    expect(cache.figures).toMatchObject({ changing: 1 })
  })

  it('R-CACHE-2: of two changes at once, the end of one does not let in what the other is about to change', async () => {
    const cache = createCache({ tags: memoryTags() })
    const one = await cache.change(new Set(['user:1']))
    const two = await cache.change(new Set(['user:1']))
    await two.end('over')
    await cache.read('user:1', how('user:1'), async () => text('before one'))
    await one.end('over')
    expect((await cache.read('user:1', how('user:1'), async () => text('after one'))).body).toBe('after one')
  })

  it('R-CACHE-2: a change that nobody knows the outcome of keeps its tags out for a minute', async () => {
    let nowMs = 0
    const cache = createCache({ tags: memoryTags({ now: () => nowMs }) })
    const change = await cache.change(new Set(['user:1']))
    await change.end('uncertain')
    const read = (body: string) => cache.read('user:1', how('user:1'), async () => text(body))
    nowMs = 59_000
    expect((await read('a')).body).toBe('a')
    expect((await read('b')).body).toBe('b')
    nowMs = 60_000
    expect((await read('c')).body).toBe('c')
    expect((await read('d')).body).toBe('c')
  })

  it('R-CACHE-3: 500 readers of a cold key read the database once', async () => {
    const cache = createCache({ tags: memoryTags() })
    let loads = 0
    const slow = gate()
    const readers = Array.from({ length: 500 }, () =>
      cache.read('product:1', how('product:1'), async () => {
        loads++
        await slow.opened
        return text('one')
      }),
    )
    slow.open()
    expect(new Set((await Promise.all(readers)).map(({ body }) => body))).toEqual(new Set(['one']))
    expect(loads).toBe(1)
    expect(cache.figures).toMatchObject({ misses: 500, shared: 499 })
  })

  it('R-CACHE-3: a reader who gives up does not fail those who wait for their reading', async () => {
    const cache = createCache({ tags: memoryTags() })
    const slow = gate()
    const leader = cache.read('product:1', { ...how('product:1'), isOver: () => true }, async () => {
      await slow.opened
      throw new Error('cancelled')
    })
    const others = [1, 2, 3].map((n) => cache.read('product:1', how('product:1'), async () => text(`by ${n}`)))
    slow.open()
    await expect(leader).rejects.toThrow('cancelled')
    expect((await Promise.all(others)).map(({ body }) => body)).toEqual(['by 1', 'by 1', 'by 1'])
  })

  it('R-CACHE-3: when the database fails, everybody who waits hears of it, and nobody asks it again', async () => {
    const cache = createCache({ tags: memoryTags() })
    let loads = 0
    const readers = Array.from({ length: 50 }, () =>
      cache.read('product:1', how('product:1'), async () => {
        loads++
        throw new Error('the database is away')
      }),
    )
    const outcomes = await Promise.allSettled(readers)
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
    expect(loads).toBe(1)
  })

  it('what is nobody else’s is neither shared nor kept', async () => {
    const cache = createCache({ tags: memoryTags() })
    const slow = gate()
    const own = cache.read('mine', how('mine'), async () => {
      await slow.opened
      return { ...text('uncommitted'), isPrivate: true }
    })
    const other = cache.read('mine', how('mine'), async () => text('committed'))
    slow.open()
    expect([(await own).body, (await other).body]).toEqual(['uncommitted', 'committed'])
    expect((await cache.read('mine', how('mine'), async () => text('again'))).body).toBe('committed')
  })

  it('an entry ends with its time', async () => {
    const cache = createCache({ tags: memoryTags() })
    const brief = { ...how('a'), ttlMs: -1 }
    await cache.read('a', brief, async () => text('1'))
    expect((await cache.read('a', brief, async () => text('2'))).body).toBe('2')
  })

  it('keeps no more than it may', async () => {
    const cache = createCache({ tags: memoryTags(), maxBytes: 100_000 })
    for (let i = 0; i < 1_000; i++) await cache.read(`k${i}`, how('t'), async () => text('x'.repeat(500)))
    await cache.read('large', how('t'), async () => text('x'.repeat(50_000)))
    const { bytes, entries } = cache.figures
    expect(bytes).toBeLessThanOrEqual(100_000)
    expect(entries).toBeGreaterThan(30)
    await cache.read('k999', how('t'), async () => text('again'))
    expect(cache.figures.hits).toBe(1)
  })

  it('in development a write that says nothing of what it has changed is found by who reads it', async () => {
    const cache = createCache({ tags: memoryTags() })
    let stored = 'old'
    const checked = { ...how('product:1'), isChecked: true }
    const read = () => cache.read('product:1', checked, async () => text(stored))
    await read()
    expect((await read()).body).toBe('old')
    stored = 'new'
    await expect(read()).rejects.toMatchObject({ code: 'CACHE_STALE', message: expect.stringContaining('"product:1"') })
    // A row that is gone without a word is found too.
    await read()
    await expect(
      cache.read('product:1', checked, async () => Promise.reject(new Problem('NOT_FOUND'))),
    ).rejects.toMatchObject({ code: 'CACHE_STALE' })
  })

  it('in development too, what is kept is served while the database cannot be asked', async () => {
    const cache = createCache({ tags: memoryTags() })
    const checked = { ...how('product:1'), isChecked: true }
    await cache.read('product:1', checked, async () => text('kept'))
    const down = async () => Promise.reject(new Problem('SERVICE_UNAVAILABLE'))
    expect((await cache.read('product:1', checked, down)).body).toBe('kept')
  })
})

describe('R-CACHE-2: whatever comes in between', () => {
  type Step =
    | { kind: 'begin' }
    | { kind: 'commit' | 'end'; writer: number }
    | { kind: 'read' }
    | { kind: 'loaded'; reader: number }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'begin' }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'end' as const), writer: fc.nat(1) }),
    },
    { weight: 4, arbitrary: fc.constant<Step>({ kind: 'read' }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('loaded' as const), reader: fc.nat(2) }) },
  )

  /**
   * A row with a number; writers that begin a change, commit and end in any order; readers whose look at the database and its
   * arrival are two steps. Nobody may get less than was acknowledged when they asked.
   */
  async function play(cache: Cache, steps: readonly Step[]): Promise<void> {
    let row = 0
    let acknowledged = 0
    const writers: { change: Awaited<ReturnType<Cache['change']>>; value: number | undefined }[] = []
    const loading: (() => void)[] = []
    const reads: Promise<void>[] = []
    for (const { kind, ...which } of steps) {
      if (kind === 'begin' && writers.length < 4)
        writers.push({ change: await cache.change(new Set(['t'])), value: undefined })
      const { writer = 0, reader = 0 } = which as { writer?: number; reader?: number }
      if (kind === 'commit' && writers[writer]?.value === undefined && writers[writer]) writers[writer].value = ++row
      if (kind === 'end' && writers[writer]?.value !== undefined) {
        const [{ change, value }] = writers.splice(writer, 1) as [
          { change: (typeof writers)[0]['change']; value: number },
        ]
        await change.end('over')
        acknowledged = Math.max(acknowledged, value)
      }
      if (kind === 'read') {
        const least = acknowledged
        const load = async () => {
          const seen = String(row)
          await new Promise<void>((resolve) => loading.push(resolve))
          return text(seen)
        }
        reads.push(
          cache.read('k', how('t'), load).then(({ body }) => expect(Number(body)).toBeGreaterThanOrEqual(least)),
        )
        await Promise.resolve()
      }
      if (kind === 'loaded') loading.splice(reader, 1)[0]?.()
      await new Promise(setImmediate)
    }
    while (loading.length > 0) {
      loading.pop()!()
      await new Promise(setImmediate)
    }
    await Promise.all(reads)
  }

  it('nobody gets an older value than one that was acknowledged when they asked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) =>
        play(createCache({ tags: memoryTags() }), steps),
      ),
      { numRuns: 300 },
    )
  })
})
