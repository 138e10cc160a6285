import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { heardSignals } from '../../test/heard-signals.ts'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { Problem } from '../base/errors.ts'
import { uuidv7 } from '../base/ids.ts'
import { dropDead, listDead, resendDead } from '../data/dead-letters.ts'
import { acquireLease, inboxRestMs, inboxState, receive, registerConsumer, sweepInbox } from '../data/inbox.ts'
import type { Transaction } from '../data/open-transaction.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { transaction } from '../data/transaction.ts'
import type { Clone } from '../testing/database.ts'
import type { CarriedEvent } from './carrier.ts'
import { type Consumer, type ConsumerOptions, createConsumer, delayMs } from './consumer.ts'

let clone: Clone
let database: Database
let name: string
let holder: string
const running: Consumer[] = []

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  await database.query(
    'create table effects (place bigint generated always as identity, aggregate text, number integer)',
  )
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(async () => {
  await database.query('truncate effects, lintel.inbox, lintel.receivers')
  await database.query('delete from lintel.outbox')
  name = `orders.${randomUUID()}`
  holder = randomUUID()
  await acquireLease(database, name, holder, 60_000)
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

let numbers = 0
const event = (aggregateId: string, type = 'thing.made'): CarriedEvent => ({
  id: uuidv7(),
  type,
  aggregateId,
  occurredAt: new Date().toISOString(),
  data: JSON.stringify({ number: ++numbers }),
})
const arrive = (...events: CarriedEvent[]) => receive(database, name, holder, events)
const numberOf = ({ data }: CarriedEvent): number => JSON.parse(data).number
const effect = ({ aggregateId, ...rest }: CarriedEvent, { tx }: { tx: Transaction }) =>
  tx.query('insert into effects (aggregate, number) values ($1, $2)', [aggregateId, numberOf({ aggregateId, ...rest })])
const effects = async (aggregate = '%') =>
  (await database.cells('select number from effects where aggregate like $1 order by place', [aggregate])).map(
    ([number]) => Number(number),
  )
const run = <T>(work: (unit: { tx: Transaction }) => Promise<T>) => transaction(database, (tx) => work({ tx }))

type Options = Partial<ConsumerOptions<{ tx: Transaction }>>
const failures: { message: string; dead: boolean; attempt: number | undefined }[] = []
function consume(options: Options = {}): Consumer {
  failures.length = 0
  const consumer = createConsumer<{ tx: Transaction }>({
    name,
    types: ['thing.made'],
    database,
    run,
    attempts: 3,
    handle: async (one, unit) => void (await effect(one, unit)),
    failed: (error, failed, dead) =>
      failures.push({
        message: String((error as Error | undefined)?.message),
        dead,
        attempt: failed && failed.attempts + 1,
      }),
    pollMs: 20,
    graceMs: 0,
    ...options,
  })
  running.push(consumer)
  return consumer
}
/** What waits for another try waits no longer: the growing delays are the database's to keep. */
const letTimePass = () => database.query(`update lintel.inbox set due_at = now() where done_at is null`)
const waiting = async () => (await inboxState(database)).find(({ consumer }) => consumer === name)!

describe('R-EVT-2: effects happen once', () => {
  test('an event that comes twice, and three times at once, has one effect', async () => {
    const [one, other] = [event('a'), event('b')]
    expect(await arrive(one, one, other)).toEqual({ held: true, stored: 2 })
    const consumer = consume()
    await until(async () => (await effects()).length === 2)
    expect(await arrive(one, other)).toEqual({ held: true, stored: 0 })
    consumer.wake()
    await consumer.idle()
    expect(await effects()).toHaveLength(2)
    expect(consumer.handled).toBe(2)
  })

  test('FC-75: handling events leaves nothing behind in signals that live on', async () => {
    const signals = heardSignals()
    await arrive(...Array.from({ length: 30 }, (_, i) => event(`a${i}`)))
    const consumer = consume({
      handle: async (one, unit, { signal }) => {
        signal.addEventListener('abort', () => {})
        await effect(one, unit)
      },
    })
    await until(() => consumer.handled === 30)
    await consumer.idle()
    expect(signals.count).toBeGreaterThan(20)
    expect(signals.most).toBeLessThan(3)
    expect(signals.joined).toBe(0)
  })

  test('each consumer has its own copy', async () => {
    const one = event('a')
    await arrive(one)
    const first = consume()
    await until(() => first.handled === 1)
    name = `orders.${randomUUID()}`
    await acquireLease(database, name, holder, 60_000)
    expect(await arrive(one)).toEqual({ held: true, stored: 1 })
    const second = consume()
    await until(() => second.handled === 1)
    expect(await effects()).toHaveLength(2)
  })

  test('the effect, the events that it emits and the note that it is done commit together or not at all', async () => {
    await arrive(event('a'))
    let broken = true
    const consumer = consume({
      handle: async (one, unit) => {
        await effect(one, unit)
        unit.tx.emit({ type: 'thing.seen', aggregateId: 'a', data: '{}' })
        if (broken) throw new Error('after its effect')
      },
    })
    await until(() => failures.length === 1)
    await consumer.idle()
    expect(await effects()).toEqual([])
    expect(await database.query('select 1 as one from lintel.outbox')).toEqual([])
    broken = false
    await letTimePass()
    await until(() => consumer.handled === 1)
    expect(await effects()).toHaveLength(1)
    expect(await database.query('select 1 as one from lintel.outbox')).toHaveLength(1)
  })

  test('a handler that meets another transaction is done again at once, leaves one effect, and has not failed', async () => {
    await arrive(event('a'))
    let runs = 0
    const consumer = consume({
      handle: async (one, unit) => {
        await effect(one, unit)
        unit.tx.emit({ type: 'thing.seen', aggregateId: 'a', data: '{}' })
        if (++runs === 1)
          await unit.tx.query(`do $$ begin raise exception 'met another' using errcode = '40001'; end $$`)
      },
    })
    await until(() => consumer.handled === 1)
    expect([runs, failures]).toEqual([2, []])
    expect(await effects()).toHaveLength(1)
    expect(await database.query('select 1 as one from lintel.outbox')).toHaveLength(1)
  })

  test('a handler that throws a problem that would commit elsewhere commits nothing', async () => {
    await arrive(event('a'))
    consume({
      attempts: 2,
      handle: async (one, unit) => {
        await effect(one, unit)
        throw new Problem('INVALID_TOKEN', 'refused', { commits: true })
      },
    })
    await until(() => failures.length === 1)
    await letTimePass()
    await until(() => failures.length === 2)
    expect(await effects()).toEqual([])
    expect((await listDead(database, {}, 10))[0]?.error).toContain('refused')
  })

  test('two processes share the work: each event once, and each aggregate in its order', async () => {
    const events = Array.from({ length: 200 }, (_, i) => event(`a${i % 20}`))
    const both = [consume(), consume()]
    for (let i = 0; i < 200; i += 20) await arrive(...events.slice(i, i + 20))
    for (const one of both) one.wake()
    await until(async () => (await effects()).length >= 200)
    for (let i = 0; i < 20; i++)
      expect(await effects(`a${i}`)).toEqual(events.filter(({ aggregateId }) => aggregateId === `a${i}`).map(numberOf))
    expect(both[0]!.handled + both[1]!.handled).toBe(200)
  })

  test('while an event is handled nobody else has it, nor what its aggregate sent after it', async () => {
    const [first, second, another] = [event('a'), event('a'), event('b')]
    await arrive(first, second, another)
    const begun: number[] = []
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const handle = async (one: CarriedEvent, unit: { tx: Transaction }) => {
      begun.push(numberOf(one))
      if (one.id === first.id) await ended
      await effect(one, unit)
    }
    const both = [consume({ handle }), consume({ handle })]
    await until(() => both[0]!.handled + both[1]!.handled === 1)
    for (const one of both) one.wake()
    await until(async () => (await effects('b')).length === 1)
    expect(begun.sort()).toEqual([numberOf(first), numberOf(another)].sort())
    end()
    await until(async () => (await effects('a')).length === 2)
    expect(await effects('a')).toEqual([numberOf(first), numberOf(second)])
  })

  test.each([1, 50])(
    'FC-70: while one handler takes long, what comes for other aggregates is handled, and what failed is tried again (batch: %i)',
    async (batch) => {
      const slow = event('slow')
      let end = () => {}
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      let begun = false
      let failed = false
      const consumer = consume({
        pollMs: 60_000,
        batch,
        handle: async (one, unit) => {
          if (one.id === slow.id) {
            begun = true
            await ended
          }
          if (one.aggregateId === 'fails' && !failed) {
            failed = true
            throw new Error('once')
          }
          await effect(one, unit)
        },
      })
      // The first of a process are handled one by one.
      await arrive(event('first'))
      consumer.wake()
      await consumer.idle()
      await arrive(slow)
      consumer.wake()
      await until(() => begun)
      // Whoever looked for more has found nothing by now.
      await until(async () => (await inboxRestMs(database, name, ['thing.made'], 0)) === undefined)
      const [first, second] = [event('quick'), event('fails')]
      await arrive(first, second)
      consumer.wake()
      await until(() => consumer.handled === 3)
      // The slow one has not run out of time before; what fails in a batch is a failure only if it fails by itself too.
      expect(consumer.failures).toBe(batch === 1 ? 1 : 0)
      expect([await effects('quick'), await effects('fails')]).toEqual([[numberOf(first)], [numberOf(second)]])
      end()
      await until(() => consumer.handled === 4)
    },
  )

  test('FC-70: where a worker that took long is the first to find more, others handle what it leaves', async () => {
    const [slow, slower] = [event('slow'), event('slower')]
    const ends = new Map<string, () => void>()
    const consumer: Consumer = consume({
      pollMs: 60_000,
      batch: 2,
      handle: async (one, unit) => {
        if (one.id === slow.id || one.id === slower.id) {
          const ended = new Promise<void>((resolve) => ends.set(one.id, resolve))
          // As if the others had just come.
          if (one.id === slower.id) consumer.wake()
          await ended
        }
        await effect(one, unit)
      },
    })
    await arrive(event('first'))
    consumer.wake()
    await consumer.idle()
    await arrive(slow)
    consumer.wake()
    await until(() => ends.has(slow.id))
    // The next has found nothing, and rests.
    await arrive(event('between'))
    consumer.wake()
    await until(() => consumer.handled === 2)
    await delay(100)
    await arrive(slower, event('beside'), event('left'), event('left too'))
    ends.get(slow.id)!()
    await until(() => ends.has(slower.id))
    await until(async () => (await effects('left%')).length === 2)
    ends.get(slower.id)!()
    await until(() => consumer.handled === 7)
  })

  test('FC-71: while another process has all that is due in hand, this one rests until it is woken', async () => {
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let begun = false
    const first = consume({
      handle: async (one, unit) => {
        begun = true
        await ended
        await effect(one, unit)
      },
    })
    await first.idle()
    await arrive(event('a'), event('a'))
    first.wake()
    await until(() => begun)
    let looks = 0
    const second = consume({
      pollMs: 60_000,
      run: (work) => {
        looks++
        return run(work)
      },
    })
    await second.idle()
    expect(looks).toBe(1)
    expect(await inboxRestMs(database, name, ['thing.made'], 0)).toBeUndefined()
    second.wake()
    await second.idle()
    expect(looks).toBe(2)
    end()
    await until(() => first.handled + second.handled === 2)
  })

  test('R-EVT-6: of a consumer with a batch, events that wait are handled many to a transaction, those of one aggregate in order', async () => {
    const events = Array.from({ length: 400 }, (_, i) => event(`a${i % 200}`))
    await arrive(...events)
    const transactions = new Set<string>()
    const consumer = consume({
      batch: 50,
      handle: async (one, unit) => {
        await effect(one, unit)
        const [row] = await unit.tx.cells('select pg_current_xact_id()::text')
        transactions.add(row![0]!)
      },
    })
    await until(() => consumer.handled === 400)
    expect(transactions.size).toBeLessThan(200)
    for (const i of [0, 57, 199])
      expect(await effects(`a${i}`)).toEqual([numberOf(events[i]!), numberOf(events[i + 200]!)])
    expect(await effects()).toHaveLength(400)
  })

  test('R-EVT-6: where one of a batch fails, the others have their effect once, and it is tried as any other', async () => {
    const events = Array.from({ length: 200 }, (_, i) => event(`a${i}`))
    const poison = events[150]!
    const others = events.filter((one) => one !== poison)
    await arrive(...events)
    const tried: string[] = []
    const consumer = consume({
      batch: 50,
      attempts: 2,
      handle: async (one, unit) => {
        await effect(one, unit)
        if (one.id !== poison.id) return
        unit.tx.emit({ type: 'thing.seen', aggregateId: 'a', data: '{}' })
        tried.push(one.id)
        throw new Error('no')
      },
    })
    await until(async () => consumer.handled === 199 && (await waiting()).dead === 1)
    await consumer.idle()
    expect(consumer.failures).toBe(2)
    expect(new Set(await effects())).toEqual(new Set(others.map(numberOf)))
    expect(await effects()).toHaveLength(199)
    expect(await database.cells('select from lintel.outbox')).toEqual([])
  })

  test('R-EVT-6: handlers with savepoints of their own share no transaction: none undoes what another has done', async () => {
    const events = Array.from({ length: 300 }, (_, i) => event(`a${i}`))
    await arrive(...events)
    const consumer = consume({
      batch: 50,
      handle: async (one, unit) => {
        if (numberOf(one) % 3 > 0) return void (await effect(one, unit))
        await unit.tx.query('savepoint mine')
        await expect(unit.tx.query(`insert into effects (number) values ('no number'::integer)`)).rejects.toThrow()
        await unit.tx.query('rollback to savepoint mine')
        await effect(one, unit)
      },
    })
    await until(() => consumer.handled === 300)
    expect(new Set(await effects())).toEqual(new Set(events.map(numberOf)))
    expect(failures).toEqual([{ message: expect.stringContaining('must have no `batch`'), dead: false, attempt: 1 }])
  })

  test('R-EVT-6: where handlers share no transaction after all, several workers handle events again', async () => {
    let [atOnce, most] = [0, 0]
    const consumer = consume({
      batch: 50,
      handle: async (one, unit) => {
        const isAlone = failures.length > 0
        if (isAlone) most = Math.max(most, ++atOnce)
        await unit.tx.query('savepoint mine')
        await effect(one, unit)
        if (isAlone) atOnce--
      },
    })
    await arrive(event('first'))
    consumer.wake()
    await consumer.idle()
    await arrive(...Array.from({ length: 300 }, (_, i) => event(`a${i}`)))
    consumer.wake()
    await until(() => consumer.handled === 301)
    expect(failures).toEqual([{ message: expect.stringContaining('must have no `batch`'), dead: false, attempt: 1 }])
    expect(most).toBeGreaterThan(1)
  })

  test('R-EVT-6: a handler that is late while its statement waits for a lock is undone, and others have its connection', async () => {
    await database.query('create table if not exists shelves (id integer primary key)')
    await database.query('insert into shelves values (1) on conflict do nothing')
    let release = () => {}
    let locked = () => {}
    const isLocked = new Promise<void>((resolve) => {
      locked = resolve
    })
    const holding = transaction(database, async (tx) => {
      await tx.query('select 1 from shelves for update')
      locked()
      await new Promise<void>((resolve) => {
        release = resolve
      })
    })
    await isLocked
    const [stuck, other] = [event('stuck'), event('other')]
    await arrive(stuck, other)
    const consumer = consume({
      concurrency: 1,
      attempts: 1,
      handlerTimeoutMs: 300,
      handle: async (one, unit) => {
        await effect(one, unit)
        if (one.id === stuck.id) await unit.tx.query('delete from shelves where id = $1', [1])
      },
    })
    await until(() => consumer.handled === 1)
    expect(failures).toMatchObject([{ dead: true, message: 'the handler took longer than 300 ms' }])
    release()
    await holding
    expect(await effects()).toEqual([numberOf(other)])
    expect(await database.query('select id from shelves')).toEqual([{ id: 1 }])
  })

  test('R-EVT-3: an event that has failed before is noted as failed again before it is tried, as it may end the process', async () => {
    await arrive(event('a'))
    await database.query('update lintel.inbox set attempts = 1')
    const noted = async () =>
      (await database.query<{ attempts: number; error: string | null }>('select attempts, error from lintel.inbox'))[0]
    let seen: unknown
    const consumer = consume({
      handle: async (one, unit) => {
        seen = await noted()
        await effect(one, unit)
      },
    })
    await until(() => consumer.handled === 1)
    expect(seen).toEqual({ attempts: 2, error: 'Error: the process ended while it handled the event' })
    expect(await noted()).toMatchObject({ error: null })
  })

  test('FC-71: a consumer that is busy says so, and not again at once', async () => {
    await arrive(...Array.from({ length: 40 }, (_, i) => event(`a${i}`)))
    let calls = 0
    const consumer = consume({ busy: () => calls++ })
    await until(() => consumer.handled === 40)
    expect(calls).toBeGreaterThan(0)
    expect(calls).toBeLessThan(20)
  })

  test('a handler that is late writes nothing any more: its transaction is over, and its connection another’s', async () => {
    await arrive(event('a'))
    let late: Promise<unknown> | undefined
    let goOn = () => {}
    const consumer = consume({
      attempts: 1,
      handlerTimeoutMs: 20,
      handle: (one, unit) => {
        late = new Promise<void>((resolve) => {
          goOn = resolve
        }).then(() => effect(one, unit))
        return late.then(() => {})
      },
    })
    await until(() => failures.length === 1)
    await consumer.idle()
    expect(failures[0]).toMatchObject({ dead: true, message: 'the handler took longer than 20 ms' })
    goOn()
    await expect(late).rejects.toThrow('the unit of work has ended')
    expect(await effects()).toEqual([])
  })

  test('R-OPS-2: a handler that is cut short when the service stops has not used up an attempt', async () => {
    await arrive(event('a'))
    let begun = false
    const consumer = consume({
      attempts: 1,
      handle: (_, __, { signal }) =>
        new Promise((_, reject) => {
          begun = true
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    })
    await until(() => begun)
    await consumer.stop()
    expect(await waiting()).toMatchObject({ waiting: 1, dead: 0 })
    const next = consume()
    await until(() => next.handled === 1)
  })
})

describe('R-EVT-3: what fails', () => {
  /** Between tries. */
  const least = [0, 1].map((attempts) => delayMs(attempts, () => 0))
  const failing = (aggregate: string) => async (one: CarriedEvent, unit: { tx: Transaction }) => {
    if (one.aggregateId === aggregate) throw new Error(`no ${aggregate}`)
    await effect(one, unit)
  }

  test('is tried again later and later, in the end 10 minutes, never all at the same moment', () => {
    const least = Array.from({ length: 20 }, (_, i) => delayMs(i, () => 0))
    const most = Array.from({ length: 20 }, (_, i) => delayMs(i, () => 1))
    expect(most.slice(0, 5)).toEqual([200, 400, 800, 1_600, 3_200])
    expect(most.at(-1)).toBe(600_000)
    expect(most.map((ms, i) => ms / least[i]!)).toEqual(Array(20).fill(2))
    // What the contract's options say of the usual 15 attempts.
    const minutes = most.slice(0, 14).reduce((sum, ms) => sum + ms * 0.75, 0) / 60_000
    expect(Math.round(minutes)).toBe(25)
  })

  test('FC-72: of three replicas none tries again what has just failed before it is due, and each try counts', async () => {
    await arrive(event('bad'), event('bad'))
    const tries: { begun: number; failed: number }[] = []
    const options: Options = {
      pollMs: 5,
      // Whatever needs a transaction of its own comes late, as over a busy network.
      run: async (work) => {
        await delay(50)
        return run(work)
      },
      handle: async (one, unit) => {
        const begun = performance.now()
        await effect(one, unit)
        unit.tx.emit({ type: 'thing.seen', aggregateId: 'a', data: '{}' })
        await delay(150)
        tries.push({ begun, failed: performance.now() })
        throw new Error('after its effect')
      },
    }
    const replicas = [consume(options), consume(options), consume(options)]
    await until(async () => (await waiting()).dead === 1)
    await Promise.all(replicas.map((one) => one.idle()))
    expect(tries).toHaveLength(3)
    expect(tries.map(({ begun }, i) => i === 0 || begun - tries[i - 1]!.failed > least[i - 1]!)).toEqual([
      true,
      true,
      true,
    ])
    expect(failures.map(({ attempt, dead }) => [attempt, dead])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ])
    expect(await effects()).toEqual([])
    expect(await database.cells('select from lintel.outbox')).toEqual([])
  })

  test('FC-72: a failure that takes the connection with it is a try like any other, and ends as a dead letter', async () => {
    const [poison, other] = [event('bad'), event('good')]
    await arrive(poison, other)
    const handle = async (one: CarriedEvent, unit: { tx: Transaction }) => {
      await effect(one, unit)
      if (one.id === poison.id) await unit.tx.query('select pg_terminate_backend(pg_backend_pid())')
    }
    const replicas = [consume({ handle }), consume({ handle })]
    await until(async () => (await waiting()).dead === 1)
    await Promise.all(replicas.map((one) => one.idle()))
    expect(await listDead(database, {}, 10)).toMatchObject([{ eventId: poison.id, attempts: 3 }])
    expect(await effects()).toEqual([numberOf(other)])
  })

  test('is tried again after its delay, then a dead letter that says why, and parks its own aggregate alone', async () => {
    const [poison, behind, other] = [event('bad'), event('bad'), event('good')]
    await arrive(poison, behind, other)
    const consumer = consume({ handle: failing('bad') })
    for (let attempt = 1; attempt <= 3; attempt++) {
      await until(() => failures.length === attempt)
      await consumer.idle()
      const [row] = await database.query<{ ms: number; attempts: number }>(
        `select extract(epoch from due_at - clock_timestamp()) * 1000 as ms, attempts from lintel.inbox where event_id = $1`,
        [poison.id],
      )
      expect(row!.attempts).toBe(attempt)
      if (attempt < 3) expect(row!.ms).toBeLessThanOrEqual(200 * 2 ** (attempt - 1))
      await letTimePass()
    }
    expect(failures).toEqual([
      { message: 'no bad', dead: false, attempt: 1 },
      { message: 'no bad', dead: false, attempt: 2 },
      { message: 'no bad', dead: true, attempt: 3 },
    ])
    expect(await effects()).toEqual([numberOf(other)])
    expect(await listDead(database, {}, 10)).toMatchObject([
      {
        consumer: name,
        eventId: poison.id,
        aggregateId: 'bad',
        attempts: 3,
        error: 'Error: no bad',
        waiting: 1,
        data: poison.data,
      },
    ])
    expect(await waiting()).toMatchObject({ waiting: 1, dead: 1 })
    // Others go on.
    const later = event('good')
    await arrive(later)
    consumer.wake()
    await until(async () => (await effects()).length === 2)
  })

  test('sent again it is tried from the first attempt on, and what waited behind it follows in order', async () => {
    const [poison, behind] = [event('bad'), event('bad')]
    await arrive(poison, behind)
    let broken = true
    const consumer = consume({
      attempts: 1,
      handle: (one, unit) => (broken ? failing('bad')(one, unit) : effect(one, unit).then(() => {})),
    })
    await until(() => failures.length === 1)
    await consumer.idle()
    expect(await resendDead(database, { consumer: 'another' })).toBe(0)
    broken = false
    expect(await resendDead(database, { eventId: poison.id })).toBe(1)
    await until(() => consumer.handled === 2)
    expect(await effects()).toEqual([numberOf(poison), numberOf(behind)])
    expect(await listDead(database, {}, 10)).toEqual([])
  })

  test('dropped it is given up, and what waited behind it goes on; it does not come again', async () => {
    const [poison, behind] = [event('bad'), event('bad')]
    await arrive(poison, behind)
    const consumer = consume({
      attempts: 1,
      handle: async (one, unit) => {
        if (one.id === poison.id) throw new Error('no')
        await effect(one, unit)
      },
    })
    await until(() => failures.length === 1)
    await consumer.idle()
    expect(await dropDead(database, { consumer: name })).toBe(1)
    await until(() => consumer.handled === 1)
    expect(await effects()).toEqual([numberOf(behind)])
    expect(await arrive(poison)).toEqual({ held: true, stored: 0 })
    expect(await waiting()).toMatchObject({ waiting: 0, dead: 0 })
  })

  test('says so in text that PostgreSQL takes, whatever was thrown', async () => {
    const thrown = [new Error('a\0b'), 'text', undefined, { of: 'no kind' }, new Error('x'.repeat(5_000))]
    await arrive(...thrown.map((_, i) => event(`a${i}`)))
    const given = [...thrown]
    const consumer = consume({
      attempts: 1,
      concurrency: 1,
      handle: async () => {
        throw given.shift()
      },
    })
    await until(async () => (await waiting()).dead === 5)
    await consumer.idle()
    const errors = (await listDead(database, {}, 10)).map(({ error }) => error)
    expect(errors.slice(0, 4)).toEqual(['Error: ab', 'text', 'undefined', '[object Object]'])
    expect(errors[4]).toHaveLength(2_000)
  })

  test('an event that comes due between two looks is not kept waiting for the next poll', async () => {
    await arrive(event('a'))
    await database.query(`update lintel.inbox set due_at = now() + interval '300 milliseconds'`)
    let looks = 0
    // The second look, for how long to rest, comes late, as on a busy machine: the event has come due by then.
    const late: Database = {
      ...database,
      async query(...args) {
        if (looks++ === 0) await until(async () => ((await inboxRestMs(database, name, ['thing.made'])) ?? 0) < 0)
        return database.query(...args)
      },
    }
    const consumer = consume({ database: late, pollMs: 3_600_000 })
    await until(() => consumer.handled === 1)
  })

  test('a wait behind a dead letter, or behind another try, is no reason to look again and again', async () => {
    await arrive(event('bad'), event('bad'))
    expect(await inboxRestMs(database, name, ['thing.made'], 60_000)).toBeLessThanOrEqual(0)
    await database.query(`update lintel.inbox set due_at = now() + interval '1 minute'
      where position = (select min(position) from lintel.inbox)`)
    expect(await inboxRestMs(database, name, ['thing.made'], 60_000)).toBeGreaterThan(50_000)
    await database.query(
      'update lintel.inbox set dead_at = now() where position = (select min(position) from lintel.inbox)',
    )
    expect(await inboxRestMs(database, name, ['thing.made'], 60_000)).toBeUndefined()
  })

  test('R-EVT-2: a type that only a newer build handles waits for one, with what follows it, and is no reason to look again and again', async () => {
    const [renamed, behind, other] = [event('a', 'thing.renamed'), event('a'), event('b')]
    await arrive(renamed, behind, other)
    const older = consume()
    await until(() => older.handled === 1)
    await older.idle()
    expect(await effects()).toEqual([numberOf(other)])
    expect(failures).toEqual([])
    expect(await inboxRestMs(database, name, ['thing.made'], 60_000)).toBeUndefined()
    consume({ types: ['thing.made', 'thing.renamed'] })
    await until(async () => (await waiting()).waiting === 0)
    expect(await effects('a')).toEqual([numberOf(renamed), numberOf(behind)])
  })

  test('an inbox that can not be read is looked at again', async () => {
    await arrive(event('a'))
    let down = 2
    const consumer = consume({
      run: (work) => (down-- > 0 ? Promise.reject(new Error('the database is away')) : run(work)),
    })
    await until(() => consumer.handled === 1)
    expect(failures.filter(({ attempt }) => attempt === undefined).length).toBeGreaterThan(0)
    expect(await effects()).toHaveLength(1)
  })
})

test('R-EVT-5: what is done is known for as long as it may come again, then swept; what is not stays', async () => {
  const [done, dead] = [event('a'), event('b')]
  await arrive(done, dead)
  await database.query(`update lintel.inbox set done_at = now() - interval '3 hours' where event_id = $1`, [done.id])
  await database.query(`update lintel.inbox set dead_at = now() - interval '3 hours' where event_id = $1`, [dead.id])
  expect(await sweepInbox(database, 4 * 3_600_000)).toBe(0)
  expect(await sweepInbox(database, 2 * 3_600_000)).toBe(1)
  expect(await listDead(database, {}, 10)).toHaveLength(1)
})

test('a consumer is known from when it was first heard of', async () => {
  const other = `orders.${randomUUID()}`
  await registerConsumer(database, other)
  const first = await acquireLease(database, other, randomUUID(), 0)
  expect(first).toEqual({ term: 2, since: expect.stringMatching(/Z$/) })
  await registerConsumer(database, other)
  expect(await acquireLease(database, other, randomUUID(), 0)).toEqual({ ...first, term: 3 })
})
