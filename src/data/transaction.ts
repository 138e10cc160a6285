import { Problem } from '../base/errors.ts'
import { uuidv7 } from '../base/ids.ts'
import type { Deadline } from '../resilience/deadline.ts'
import { type Bound, type UnderWay, watch } from '../resilience/watch.ts'
import type { Held } from './connections.ts'
import { isSerialisation } from './faults.ts'
import { type Database, type Queryable, queryable } from './pool.ts'

/** A transaction of one service's database. It begins with the first statement, and commits when the work has ended well. */
export interface Transaction extends Queryable {
  /** Writes an event to the outbox when the transaction commits; with a rollback it never was. */
  emit(event: OutboxEvent): void
}

export interface OutboxEvent {
  readonly type: string
  readonly aggregateId: string
  /** JSON text. */
  readonly data: string
  /** What goes with it besides, as JSON text: the request that caused it. */
  readonly headers?: string | undefined
}

/** What bounds a transaction: the request that it is part of. */
export interface Bounded {
  readonly bound?: Bound | undefined
  readonly deadline?: Deadline | undefined
}

const RETRIES = 3
const EMIT = `insert into lintel.outbox (id, type, aggregate_id, data, headers)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::json[], $5::json[])`

/**
 * Runs `work` in a transaction (read committed). An error rolls everything back; a deadlock or a serialisation failure
 * runs `work` again, at most three times more. Statements that need no answer first share a write with the next:
 * BEGIN with the first statement, the outbox rows with COMMIT.
 */
export async function transaction<T>(
  database: Database,
  work: (tx: Transaction) => Promise<T>,
  request: Bounded = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(database, work, request)
    } catch (error) {
      database.outage.note(error)
      if (!isSerialisation(error) || attempt > RETRIES || request.bound?.isOver) throw database.faults.problemOf(error)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt))
    }
  }
}

async function once<T>(database: Database, work: (tx: Transaction) => Promise<T>, request: Bounded): Promise<T> {
  const { bound } = request
  const events: OutboxEvent[] = []
  let over = false
  /** The request was over before the work was. */
  let left = false
  let begun: Promise<Held> | undefined
  // Not awaited before the next statement: both go out in one write, and answers come in order.
  let beginning: Promise<unknown> | undefined

  const begin = () =>
    (begun ??= database.acquire(request.deadline).then((held) => {
      if (left) {
        held.release()
        throw ended()
      }
      beginning = held.send('begin', [])
      beginning.catch(() => {})
      return held
    }))
  /** Work that nobody waits for any more must not write through a connection that is another's by now. */
  const assertOpen = () => {
    if (over) throw ended()
  }
  const tx: Transaction = {
    ...queryable(async (statement, values) => {
      assertOpen()
      return (await begin()).send(statement, values)
    }),
    emit(event) {
      assertOpen()
      events.push(event)
    },
  }
  let refused: Problem | undefined
  try {
    const result = await inTime(() => work(tx), bound)
      .catch((error) => {
        if (!(error instanceof Problem && error.commits)) throw error
        refused = error
        return undefined as T
      })
      .finally(() => {
        over = true
      })
    if (begun || events.length > 0) {
      if (bound) bound.committing = true
      await commit(await begin(), beginning, events)
      database.outage.over()
    }
    if (!refused) return result
  } catch (error) {
    left = bound?.isOver === true
    if (!left) await begun?.then((held) => held.send('rollback', [])).catch(() => {})
    throw error
  } finally {
    // Cancelled and rolled back, which nobody waits for: the caller is to be answered.
    if (left) begun?.then((held) => held.abandon()).catch(() => {})
    else await begun?.then((held) => held.release()).catch(() => {})
  }
  throw refused
}

function ended(): Error {
  return new Error('the transaction has ended: no further statement can run in it')
}

/** Ends the wait for work that is late; what it does afterwards is refused by its transaction. */
async function inTime<T>(work: () => Promise<T>, bound: Bound | undefined): Promise<T> {
  if (bound === undefined) return work()
  let end!: () => void
  const late = new Promise<never>((_, reject) => {
    end = () => reject(new Problem('GATEWAY_TIMEOUT'))
  })
  const one: UnderWay = {
    watchedAt: -1,
    get isOver() {
      return bound.isOver
    },
    end,
  }
  watch.add(one)
  try {
    return await Promise.race([work(), late])
  } finally {
    watch.delete(one)
  }
}

async function commit(held: Held, beginning: Promise<unknown> | undefined, events: readonly OutboxEvent[]) {
  const written = events.length > 0 ? held.send(EMIT, outboxColumns(events)).catch(unwritten) : undefined
  const committed = held.send('commit', [])
  await allOf([beginning, written, committed])
  // A transaction that has failed is rolled back by COMMIT, without an error.
  if ((await committed).command !== 'COMMIT') throw new Error('the transaction was rolled back')
}

/** Nothing that a caller has sent is at fault where the platform's own statement is refused. */
function unwritten(cause: Error & { code?: string }): never {
  throw /^2[23]/.test(cause.code ?? '') ? new Error(`an event cannot be written: ${cause.message}`, { cause }) : cause
}

/** The first failure, once every statement has ended: none may be left to fail unheard. */
async function allOf(writes: (Promise<unknown> | undefined)[]) {
  for (const outcome of await Promise.allSettled(writes)) if (outcome.status === 'rejected') throw outcome.reason
}

function outboxColumns(events: readonly OutboxEvent[]): unknown[] {
  return [
    events.map(() => uuidv7()),
    events.map((event) => event.type),
    events.map((event) => event.aggregateId),
    events.map((event) => event.data),
    events.map((event) => event.headers ?? null),
  ]
}
