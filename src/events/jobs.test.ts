import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { Problem } from '../base/errors.ts'
import { type JobOptions, type JobSpec, job } from '../contract/job.ts'
import type { Transaction } from '../data/open-transaction.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { transaction } from '../data/transaction.ts'
import {
  type ClaimedJob,
  claimJob,
  dropJobs,
  finishJob,
  jobsRestMs,
  jobsState,
  listJobs,
  releaseJob,
  resendJobs,
} from '../data/work.ts'
import type { Clone } from '../testing/database.ts'
import { createJobRunner, type JobRunner, type JobRunnerOptions, jobDelayMs } from './jobs.ts'
import { runJobs } from './run-jobs.ts'

let clone: Clone
let database: Database
const running: JobRunner[] = []

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  await database.query('create table effects (place bigint generated always as identity, number integer)')
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(async () => void (await database.query('truncate effects, lintel.work')))
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

type Unit = { tx: Transaction }
const run = <T>(work: (unit: Unit) => Promise<T>) => transaction(database, (tx) => work({ tx }))
const enqueue = (
  number: number,
  { name = 'count', key, delayMs = 0 }: Partial<Parameters<Transaction['enqueue']>[0]> = {},
) => run(async ({ tx }) => tx.enqueue({ name, data: JSON.stringify({ number }), headers: '{}', delayMs, key }))
const numberOf = ({ data }: ClaimedJob): number => JSON.parse(data).number ?? 0
const effect = async (one: ClaimedJob, { tx }: Unit) =>
  void (await tx.query('insert into effects (number) values ($1)', [numberOf(one)]))
const effects = async () =>
  (await database.cells('select number from effects order by place')).map(([number]) => Number(number))
const all = () => listJobs(database, {}, { failed: false, limit: 100 })
/** What waits for another attempt waits no longer: the growing delays are the database's to keep. */
const letTimePass = () => database.query('update lintel.work set due_at = now() where dead_at is null')
/** What a process that died in the middle of its attempt leaves. */
const letLeasePass = letTimePass

const failures: { message: string; last: boolean; attempt: number | undefined }[] = []
function work(spec: JobOptions<{}> = {}, options: Partial<JobRunnerOptions<Unit>> = {}): JobRunner {
  failures.length = 0
  const one = createJobRunner<Unit>({
    jobs: new Map<string, JobSpec>([['count', job({ attempts: 3, ...spec })]]),
    database,
    run,
    handle: effect,
    failed: (error, failed, last) =>
      failures.push({ message: (error as Error).message, last, attempt: failed?.attempt }),
    pollMs: 20,
    graceMs: 0,
    ...options,
  })
  running.push(one)
  return one
}
/** A handler that waits in the middle until it is told to go on. */
function held() {
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const begun: number[] = []
  const wait = (number = 0) => {
    begun.push(number)
    return ended
  }
  const handle = async (one: ClaimedJob, unit: Unit) => {
    await wait(numberOf(one))
    await effect(one, unit)
  }
  return { begun, wait, handle, end: () => end() }
}

describe('a job is done once in effect', () => {
  test('it is stored with the change that asks for it, or not at all', async () => {
    const asked = run(async ({ tx }) => {
      tx.enqueue({ name: 'count', data: '{}', headers: '{}', delayMs: 0, key: undefined })
      await tx.query('insert into effects (number) values (1)')
      throw new Error('after all not')
    })
    await expect(asked).rejects.toThrow('after all not')
    expect([await all(), await effects()]).toEqual([[], []])
    await enqueue(1)
    expect(await all()).toMatchObject([{ name: 'count', state: 'waiting', attempts: 0 }])
  })

  test('it goes in the transaction of its effect, and leaves no row', async () => {
    await enqueue(1)
    const runner = work()
    await until(() => runner.handled === 1)
    expect([await effects(), await all()]).toEqual([[1], []])
  })

  test('two processes share the work: each job once', async () => {
    for (let i = 0; i < 100; i++) await enqueue(i)
    const both = [work(), work()]
    await until(() => both[0]!.handled + both[1]!.handled === 100)
    expect((await effects()).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  test('who was paused beyond its time leaves nothing: another has done it', async () => {
    await enqueue(1)
    const slow = held()
    const first = work({}, { handle: slow.handle, pollMs: 60_000 })
    await until(() => slow.begun.length === 1)
    await letLeasePass()
    const second = work({}, {})
    await until(() => second.handled === 1)
    slow.end()
    await first.idle()
    expect([await effects(), first.handled, failures, await all()]).toEqual([[1], 0, [], []])
  })

  test('while it runs nobody else has it, and no connection is held', async () => {
    await enqueue(1)
    const slow = held()
    const both = [work({}, { handle: slow.handle }), work({}, { handle: slow.handle })]
    await until(() => slow.begun.length === 1)
    for (const one of both) one.wake()
    expect(await jobsRestMs(database, ['count'])).toBeGreaterThan(25_000)
    expect(await all()).toMatchObject([{ state: 'running' }])
    expect(database.load().connections.running).toBe(0)
    slow.end()
    await until(() => both[0]!.handled + both[1]!.handled === 1)
    expect(slow.begun).toEqual([1])
  })

  test('a job that was dropped while it ran has no effect', async () => {
    await enqueue(1)
    const slow = held()
    const runner = work({}, { handle: slow.handle })
    await until(() => slow.begun.length === 1)
    expect(await dropJobs(database, { id: (await all())[0]!.id })).toBe(1)
    slow.end()
    await runner.idle()
    expect([await effects(), failures]).toEqual([[], []])
  })

  test('a handler that meets another transaction is done again at once, and has not failed', async () => {
    await enqueue(1)
    let runs = 0
    const runner = work(
      {},
      {
        handle: async (one, unit) => {
          await effect(one, unit)
          if (++runs === 1)
            await unit.tx.query(`do $$ begin raise exception 'met another' using errcode = '40001'; end $$`)
        },
      },
    )
    await until(() => runner.handled === 1)
    expect([runs, failures, await effects()]).toEqual([2, [], [1]])
  })

  test('a job of a name that only a newer build knows waits for one', async () => {
    await enqueue(1, { name: 'later' })
    await enqueue(2)
    const runner = work()
    await until(() => runner.handled === 1)
    await runner.idle()
    expect(await all()).toMatchObject([{ name: 'later', state: 'waiting' }])
  })
})

describe('when a job is done', () => {
  test('not before its delay, and those that have been due for longest first', async () => {
    await enqueue(3, { delayMs: 60_000 })
    await enqueue(2)
    await database.query(`update lintel.work set due_at = due_at + interval '1 ms' where data->>'number' = '2'`)
    await enqueue(1)
    await database.query(`update lintel.work set due_at = now() - interval '1 s' where data->>'number' = '1'`)
    const runner = work({ concurrency: 1 })
    await until(() => runner.handled === 2)
    await runner.idle()
    expect(await effects()).toEqual([1, 2])
    await letTimePass()
    await until(() => runner.handled === 3)
  })

  test('one that is due in a moment is not kept waiting for the next look', async () => {
    const runner = work({}, { pollMs: 60_000 })
    await runner.idle()
    await enqueue(1, { delayMs: 100 })
    runner.wake()
    await until(() => runner.handled === 1)
  })

  test('one that comes due between two looks is not kept waiting for the next poll', async () => {
    await enqueue(1, { delayMs: 300 })
    let looks = 0
    // The second look, for how long to rest, comes late, as on a busy machine: the job has come due by then.
    const late: Database = {
      ...database,
      query: async (...args) => {
        if (looks++ === 0) await until(async () => ((await jobsRestMs(database, ['count'])) ?? 0) < 0)
        return database.query(...args)
      },
    }
    const runner = work({}, { database: late, pollMs: 3_600_000 })
    await until(() => runner.handled === 1)
  })

  test('of one key one waits: with the data of the last, as soon as any of them', async () => {
    await enqueue(1, { key: 'a', delayMs: 60_000 })
    await enqueue(2, { key: 'a' })
    await enqueue(3, { key: 'a', delayMs: 60_000 })
    await enqueue(4, { key: 'b' })
    await enqueue(5, { key: 'a', name: 'other' })
    expect((await all()).filter(({ name }) => name === 'count')).toHaveLength(2)
    const runner = work()
    await until(() => runner.handled === 2)
    expect((await effects()).sort()).toEqual([3, 4])
  })

  test('of one key one waits, when many ask at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => enqueue(i, { key: 'a' })))
    expect(await all()).toHaveLength(1)
  })

  test('what is asked for while the same key runs may be news to it: it is done after it', async () => {
    await enqueue(1, { key: 'a' })
    const slow = held()
    const runner = work({ concurrency: 1 }, { handle: slow.handle })
    await until(() => slow.begun.length === 1)
    await enqueue(2, { key: 'a' })
    await enqueue(3, { key: 'a' })
    expect((await all()).map(({ state }) => state).sort()).toEqual(['running', 'waiting'])
    slow.end()
    await until(() => runner.handled === 2)
    expect(await effects()).toEqual([1, 3])
  })

  test('of one key one is in hand, and old data never come after new: what has failed makes way', async () => {
    await enqueue(1, { key: 'a' })
    const first = held()
    const order: number[] = []
    const runner = work(
      {},
      {
        handle: async (one, unit) => {
          order.push(numberOf(one))
          if (numberOf(one) !== 1) return effect(one, unit)
          await first.handle(one, unit)
          throw new Error('no')
        },
      },
    )
    await until(() => first.begun.length === 1)
    await enqueue(2, { key: 'a' })
    await enqueue(3, { key: 'b' })
    await until(() => runner.handled === 1)
    expect([order, await effects()]).toEqual([[1, 3], [3]])
    first.end()
    await until(() => runner.handled === 2)
    await runner.idle()
    expect([order, await effects(), await all()]).toEqual([[1, 3, 2], [3, 2], []])
  })

  test('of one key the one whose process has died goes first, and one that waits for another try not at all', async () => {
    await enqueue(1, { key: 'a' })
    await claimJob(database, ['count'], [0])
    await enqueue(2, { key: 'a' })
    await database.query(`update lintel.work set due_at = now() - interval '1 hour' where claim is null`)
    const again = await claimJob(database, ['count'], [30_000])
    expect([numberOf(again!), await claimJob(database, ['count'], [30_000])]).toEqual([1, undefined])
    // As where it fails in the moment in which the other is asked for.
    await database.query('update lintel.work set claim = null, due_at = now() where attempts > 0')
    const newer = await claimJob(database, ['count'], [30_000])
    expect(numberOf(newer!)).toBe(2)
    await enqueue(3, { key: 'a' })
    expect(await jobsRestMs(database, ['count'])).toBeGreaterThan(25_000)
    await database.query('delete from lintel.work where attempts = 0')
    expect((await all()).map(({ data }) => data)).toEqual(['{"number":2}'])
  })

  test('of one key one waits also where it is asked for while another is given back, or taken', async () => {
    for (let i = 0; i < 100; i++) {
      await database.query('truncate lintel.work')
      await enqueue(1, { key: 'a' })
      const claimed = await claimJob(database, ['count'], [30_000])
      await Promise.all([enqueue(2, { key: 'a' }), releaseJob(database, claimed!)])
      expect((await all()).map(({ data }) => data)).toEqual(['{"number":2}'])
      await database.query('update lintel.work set attempts = 1')
      const [, ...taken] = await Promise.all([
        enqueue(3, { key: 'a' }),
        ...Array.from({ length: 3 }, () => claimJob(database, ['count'], [30_000])),
      ])
      expect(taken.filter((one) => one !== undefined).length).toBeLessThanOrEqual(1)
      await database.query('update lintel.work set attempts = 3, claim = null, dead_at = now()')
      await Promise.all([enqueue(4, { key: 'a' }), resendJobs(database, {})])
      expect((await all()).map(({ data }) => data)).toEqual(['{"number":4}'])
    }
  })

  test('one that failed makes way for the same key asked for anew, before and while it is tried', async () => {
    await enqueue(1, { key: 'a' })
    const runner = work({}, { handle: () => Promise.reject(new Error('no')) })
    await until(() => failures.length === 1)
    await runner.stop()
    await enqueue(2, { key: 'a', delayMs: 60_000 })
    expect(await all()).toMatchObject([{ attempts: 0, state: 'waiting', data: '{"number":2}' }])
    await letTimePass()
    const slow = held()
    const next = work({}, { handle: (one, unit) => slow.handle(one, unit).then(() => Promise.reject(new Error('no'))) })
    await until(() => slow.begun.length === 1)
    await enqueue(3, { key: 'a', delayMs: 60_000 })
    slow.end()
    await until(() => failures.length === 1)
    await next.stop()
    expect(await all()).toMatchObject([{ attempts: 0, data: '{"number":3}' }])
  })

  test('no more of a kind than it says at once, and one kind holds up no other', async () => {
    for (let i = 1; i <= 5; i++) await enqueue(i)
    await enqueue(6, { name: 'other' })
    const slow = held()
    const other: number[] = []
    const runner = work(
      {},
      {
        jobs: new Map<string, JobSpec>([
          ['count', job({ concurrency: 2 })],
          ['other', job()],
        ]),
        handle: async (one, unit) => {
          if (one.name === 'count') return slow.handle(one, unit)
          other.push(numberOf(one))
        },
      },
    )
    await until(() => other.length === 1)
    expect(slow.begun).toHaveLength(2)
    slow.end()
    await until(() => runner.handled === 6)
    expect((await effects()).sort()).toEqual([1, 2, 3, 4, 5])
  })
})

describe('what fails', () => {
  test('is tried again later and later, in the end half an hour, never all at the same moment', () => {
    const [least, most] = [0, 1].map((random) => Array.from({ length: 20 }, (_, i) => jobDelayMs(i, () => random)))
    expect(most!.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(most!.at(-1)).toBe(1_800_000)
    expect(most!.map((ms, i) => ms / least![i]!)).toEqual(Array(20).fill(2))
    // What the contract's options say of the usual 15 attempts.
    const minutes = most!.slice(0, 14).reduce((sum, ms) => sum + ms * 0.75, 0) / 60_000
    expect(Math.round(minutes / 10) * 10).toBe(90)
  })

  test('is tried again after its delay, then is dead and says why; sent again it begins anew', async () => {
    await enqueue(1)
    let broken = true
    const runner = work(
      {},
      {
        handle: async (one, unit) => {
          await effect(one, unit)
          if (broken) throw new Error('no disk')
        },
      },
    )
    for (let attempt = 1; attempt <= 3; attempt++) {
      await until(() => failures.length === attempt)
      await runner.idle()
      expect(await all()).toMatchObject([
        { attempts: attempt, error: 'Error: no disk', state: attempt < 3 ? 'retrying' : 'dead' },
      ])
      if (attempt < 3) expect(await jobsRestMs(database, ['count'])).toBeLessThanOrEqual(1_000 * 2 ** (attempt - 1))
      await letTimePass()
    }
    expect(failures.map(({ last }) => last)).toEqual([false, false, true])
    expect(await effects()).toEqual([])
    broken = false
    expect(await resendJobs(database, {})).toBe(1)
    await until(() => runner.handled === 1)
    expect([await effects(), await all()]).toEqual([[1], []])
  })

  test('and whose process dies in each attempt is tried so often, and then is dead', async () => {
    await enqueue(1)
    // What dead processes leave: attempts that nobody has ended.
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(await claimJob(database, ['count'], [30_000])).toMatchObject({ attempt })
      expect(await claimJob(database, ['count'], [30_000])).toBeUndefined()
      await letLeasePass()
    }
    const runner = work()
    await until(() => failures.length === 1)
    await runner.idle()
    expect(await all()).toMatchObject([
      { state: 'dead', attempts: 3, error: expect.stringContaining('the process ended') },
    ])
    expect(await effects()).toEqual([])
  })

  test('a handler that takes too long has failed, and writes nothing any more', async () => {
    await enqueue(1)
    let late: Promise<unknown> | undefined
    const slow = held()
    work(
      { attempts: 1, timeoutMs: 20 },
      {
        handle: (one, unit) => {
          late = slow.handle(one, unit)
          return late.then(() => {})
        },
      },
    )
    await until(() => failures.length === 1)
    expect(failures).toMatchObject([{ last: true, message: 'the handler took longer than 20 ms' }])
    slow.end()
    await expect(late).rejects.toThrow('the unit of work has ended')
    expect(await effects()).toEqual([])
  })

  test('and has caught the failure of a statement says which, though PostgreSQL calls that only an aborted transaction', async () => {
    await enqueue(1)
    const runner = work(
      { attempts: 1 },
      { handle: async (_, { tx }) => void (await tx.query('select 1 / 0').catch(() => {})) },
    )
    await until(() => failures.length === 1)
    await runner.idle()
    expect((await all())[0]!.error).toMatch(/whose failure was caught: division by zero/)
  })

  test('a problem that would commit elsewhere commits nothing', async () => {
    await enqueue(1)
    const runner = work(
      { attempts: 1 },
      {
        handle: async (one, unit) => {
          await effect(one, unit)
          throw new Problem('INVALID_TOKEN', 'refused', { commits: true })
        },
      },
    )
    await until(() => failures.length === 1)
    await runner.idle()
    expect([await effects(), (await all())[0]!.error]).toEqual([[], expect.stringContaining('refused')])
  })

  test('of several dead of one key the last is sent again, and none where the same waits anew', async () => {
    for (const number of [1, 2]) {
      await enqueue(number, { key: 'a' })
      await database.query('update lintel.work set attempts = 3, dead_at = now(), error = $1 where dead_at is null', [
        'no',
      ])
    }
    expect(await resendJobs(database, {})).toBe(2)
    expect(await all()).toMatchObject([{ data: '{"number":2}', state: 'retrying' }])
    await database.query('update lintel.work set attempts = 3, dead_at = now()')
    await enqueue(3, { key: 'a' })
    await resendJobs(database, {})
    expect(await all()).toMatchObject([{ data: '{"number":3}' }])
  })

  test('a table that can not be read is looked at again', async () => {
    await database.query('alter table lintel.work rename to hidden')
    const runner = work()
    await until(() => failures.length > 1)
    await database.query('alter table lintel.hidden rename to work')
    await enqueue(1)
    await until(() => runner.handled === 1)
  })
})

test('R-OPS-2: a job that is cut short when the service stops has not used up an attempt; one that ends in time is done', async () => {
  await enqueue(1)
  const slow = held()
  const cut = work({ attempts: 1 }, { handle: slow.handle })
  await until(() => slow.begun.length === 1)
  await cut.stop()
  expect(await all()).toMatchObject([{ state: 'waiting', attempts: 0 }])
  slow.end()
  const again = held()
  const drained = work({ attempts: 1 }, { handle: again.handle, graceMs: 60_000 })
  await until(() => again.begun.length === 1)
  const stopping = drained.stop()
  again.end()
  await stopping
  expect([await effects(), await all(), failures]).toEqual([[1], [], []])
})

describe('a schedule', () => {
  const EVERY = { everyMs: 60_000 }

  test('is due at once when it is new, once for all replicas, and then when its time has passed', async () => {
    const three = [work(EVERY), work(EVERY), work(EVERY)]
    const handled = () => three.reduce((sum, one) => sum + one.handled, 0)
    await until(() => handled() === 1)
    for (const one of three) {
      one.wake()
      await one.idle()
    }
    expect(handled()).toBe(1)
    expect(await all()).toMatchObject([{ everyMs: 60_000, state: 'waiting', attempts: 0 }])
    expect(await jobsRestMs(database, ['count'])).toBeGreaterThan(50_000)
    // However many it has missed.
    await database.query(`update lintel.work set due_at = now() - interval '1 day'`)
    await until(() => handled() === 2)
    for (const one of three) await one.idle()
    expect([handled(), await jobsRestMs(database, ['count'])]).toEqual([2, expect.any(Number)])
    // Those that begin later find it.
    const fourth = work(EVERY)
    await fourth.idle()
    expect([await all(), fourth.handled]).toMatchObject([[{ state: 'waiting' }], 0])
  })

  test('that failed for the last time is due again when its time has passed', async () => {
    const runner = work({ ...EVERY, attempts: 1 }, { handle: () => Promise.reject(new Error('no')) })
    await until(() => failures.length === 1)
    await runner.idle()
    expect(await all()).toMatchObject([{ state: 'retrying', attempts: 0, error: 'Error: no', deadAt: null }])
    expect(await jobsState(database, [])).toMatchObject([{ name: 'count', retrying: 1, dead: 0 }])
    expect(await jobsRestMs(database, ['count'])).toBeGreaterThan(50_000)
    await runner.stop()
    await letTimePass()
    const next = work(EVERY)
    await until(() => next.handled === 1)
    expect(await all()).toMatchObject([{ state: 'waiting', error: null }])
  })

  test('that is none any more leaves no row, where it runs when it is done', async () => {
    const scheduled = work(EVERY)
    await until(() => scheduled.handled === 1)
    await scheduled.stop()
    await work().idle()
    expect(await all()).toEqual([])
    const slow = held()
    const old = work(EVERY, { handle: slow.handle })
    await until(() => slow.begun.length === 1)
    const built = work()
    await built.idle()
    expect(await all()).toMatchObject([{ state: 'running', everyMs: null }])
    slow.end()
    await until(() => old.handled === 1)
    expect([await all(), built.handled]).toEqual([[], 0])
  })

  test('that runs while its pace changes is in hand for as long as before', async () => {
    const slow = held()
    work({ everyMs: 86_400_000 }, { handle: slow.handle })
    await until(() => slow.begun.length === 1)
    await work({ everyMs: 1_000 }, { handle: slow.handle }).idle()
    expect(await jobsRestMs(database, ['count'])).toBeGreaterThan(15_000)
    expect(await all()).toMatchObject([{ state: 'running', everyMs: 1_000 }])
    slow.end()
    await until(async () => (await effects()).length > 0)
  })

  test('whose pace changes is due by the new one', async () => {
    const slow = work({ everyMs: 86_400_000 })
    await until(() => slow.handled === 1)
    await slow.stop()
    const quick = work(EVERY)
    await quick.idle()
    expect(await jobsRestMs(database, ['count'])).toBeLessThanOrEqual(60_000)
    expect(await all()).toHaveLength(1)
  })
})

test('FC-71: a process rests while nothing is due, or another has all of it in hand', async () => {
  await enqueue(1)
  const slow = held()
  const first = work({}, { handle: slow.handle })
  await until(() => slow.begun.length === 1)
  let statements = 0
  const counted: Database = {
    ...database,
    cells: (...args) => {
      statements++
      return database.cells(...args)
    },
    query: (...args) => {
      statements++
      return database.query(...args)
    },
  }
  const second = work({}, { database: counted, pollMs: 60_000 })
  await second.idle()
  statements = 0
  second.wake()
  await second.idle()
  // Whether there is something, and when there will be.
  expect(statements).toBe(2)
  slow.end()
  await until(() => first.handled + second.handled === 1)
  expect(statements).toBe(2)
})

test('R-EVT-6: a job that is due, and that nobody takes, is told apart from those that wait for a place', async () => {
  for (const number of [1, 2]) await enqueue(number)
  await enqueue(3, { name: 'mail' })
  await enqueue(4, { name: 'locked' })
  const slow = held()
  const lock = held()
  const locking = run(async ({ tx }) => {
    await tx.query(`select from lintel.work where job = 'locked' for update`)
    await lock.wait()
  })
  await until(() => lock.begun.length === 1)
  const jobs = runJobs<Unit>({
    jobs: { count: job({ concurrency: 1, timeoutMs: 900_000 }), mail: job(), locked: job() },
    waiting: new Set(['mail']),
    database,
    run,
    handle: slow.handle,
    failed: () => {},
    graceMs: 0,
  })
  try {
    await until(() => slow.begun.length === 1)
    await until(async () => (await jobs.state()).stuckMs > 50)
    lock.end()
    await locking
    jobs.wake()
    await until(() => slow.begun.length === 2)
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
    expect((await jobs.state()).stuckMs).toBe(0)
    clock.mockReturnValue(performance.now() + 61_000)
    expect((await jobs.state()).stuckMs).toBe(0)
    clock.mockRestore()
    slow.end()
    await until(async () => (await jobs.state()).handled === 3)
    // What waits for something that is not there is no sign of that.
    expect(await jobs.state()).toMatchObject({ stuckMs: 0, handled: 3 })
  } finally {
    vi.restoreAllMocks()
    lock.end()
    slow.end()
    await jobs.stop()
  }
})

test('a backlog of one kind is not read to find a job of another, nor to count those', async () => {
  await database.query(`insert into lintel.work (id, job, data, due_at)
    select gen_random_uuid(), case n when 1 then 'mail' else 'bulk' end, '{}', now() - interval '1 hour' from generate_series(1, 10006) n`)
  await database.query(`update lintel.work set claim = gen_random_uuid(), attempts = 1, due_at = now() + interval '1 minute'
    where id in (select id from lintel.work where job = 'bulk' limit 4)`)
  await database.query(`insert into lintel.work (id, job, data, due_at, attempts, dead_at)
    select gen_random_uuid(), name, '{}', now(), 1, now() from unnest(array['bulk', 'mail']) as name`)
  await database.query('analyze lintel.work')
  expect(await jobsState(database, ['mail', 'tidy'])).toMatchObject([
    { name: 'bulk', waiting: 10_000, running: 4, dead: 1 },
    { name: 'mail', waiting: 1, running: 0, dead: 1 },
    { name: 'tidy', waiting: 0, running: 0, dead: 0, oldestDueMs: 0 },
  ])
  await run(async ({ tx }) => {
    expect(await claimJob(tx, ['mail'], [30_000])).toMatchObject({ name: 'mail' })
    const [[read]] = (await tx.cells(
      `select pg_stat_get_xact_tuples_returned(t) + pg_stat_get_xact_tuples_fetched(t) from (select 'lintel.work'::regclass as t) t`,
    )) as [[string]]
    expect(Number(read)).toBeLessThan(50)
  })
})

test('what waits, runs and is dead is counted by the name of the job', async () => {
  await enqueue(1)
  await enqueue(2, { delayMs: 60_000 })
  await enqueue(3, { name: 'other' })
  const claimed = await claimJob(database, ['other'], [30_000])
  await enqueue(4, { name: 'other' })
  await database.query(`update lintel.work set dead_at = now(), error = 'no' where job = 'other' and claim is null`)
  await database.query(`update lintel.work set due_at = now() - interval '5 s' where data->>'number' = '1'`)
  expect(await jobsState(database, [])).toMatchObject([
    { name: 'count', waiting: 2, running: 0, retrying: 0, dead: 0 },
    { name: 'other', waiting: 0, running: 1, retrying: 0, dead: 1, oldestDueMs: 0 },
  ])
  expect((await jobsState(database, []))[0]!.oldestDueMs).toBeGreaterThanOrEqual(5_000)
  expect(await run(({ tx }) => finishJob(tx, claimed!))).toBe(true)
  expect(await run(({ tx }) => finishJob(tx, claimed!))).toBe(false)
})
