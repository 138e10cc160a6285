import { Problem } from '../base/errors.ts'
import { uuidv7 } from '../base/ids.ts'
import type { Cache, Change } from '../cache/cache.ts'
import type { Deadline } from '../resilience/deadline.ts'
import { watch } from '../resilience/watch.ts'
import { leaveChanges } from './cache-changes.ts'
import type { Held } from './connections.ts'
import type { ForetoldInsert } from './foretold.ts'
import { Attempt, type Bounded, OpenTransaction, type OutboxEvent, type Transaction } from './open-transaction.ts'
import type { Database } from './pool.ts'
import { isAborted, isRolledBack, isToBeRepeated, RolledBack, refutation, unwritten } from './rollback.ts'
import { isOfSharing } from './sharing.ts'
import type { Step } from './text-query.ts'

export interface TransactionOptions {
  /** What it changes is dropped from it. */
  readonly cache?: Pick<Cache, 'change'> | undefined
  /** With which others it shares connections: where all of them wait for one lock, the rest goes on. */
  readonly share?: string | undefined
}

const RETRIES = 3
const EMIT = 'insert into lintel.outbox (id, type, aggregate_id, data, headers) values ($1, $2, $3, $4, $5)'
const COMMIT: Step = { text: 'commit', values: [] }

/**
 * Runs `work` in a transaction (read committed). An error rolls everything back; a deadlock or a serialisation failure
 * runs `work` again, at most three times more. Statements that need no answer first share a write with the next: BEGIN with the
 * first statement, and inserts that may wait until then, with the outbox rows, with COMMIT. Where that is all there is, it takes
 * neither BEGIN nor COMMIT: statements of one batch are one transaction.
 */
export async function transaction<T>(
  database: Database,
  work: (tx: Transaction) => Promise<T>,
  request: Bounded = {},
  options: TransactionOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(database, work, request, options)
    } catch (error) {
      database.outage.note(error)
      if (!isToBeRepeated(error) || attempt > RETRIES || request.bound?.isOver) throw database.faults.problemOf(error)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt))
    }
  }
}

async function once<T>(
  database: Database,
  work: (tx: Transaction) => Promise<T>,
  request: Bounded,
  { cache, share }: TransactionOptions,
): Promise<T> {
  const { bound, deadline } = request
  const all = new Attempt(database, request, share)
  let refused: Problem | undefined
  let change: Change | undefined
  let outcome: 'over' | 'uncertain' = 'over'
  try {
    let result: T | undefined
    try {
      result = await all.inTime(() => work(new OpenTransaction(all)))
    } catch (error) {
      if (!(error instanceof Problem && error.commits)) throw error
      refused = error
    } finally {
      all.over = true
    }
    const { pending, lastSteps, events, tags } = all
    if (all.begun || pending.length > 0 || lastSteps.length > 0 || events.length > 0 || tags.size > 0) {
      // Before COMMIT: whoever dies behind it leaves nothing that is old, and nobody reads the new value and then the old one.
      if (cache !== undefined && tags.size > 0) change = await cache.change(tags)
      if (change?.isKnown === false) lastSteps.push(leaveChanges(tags))
      outcome = 'uncertain'
      // What waits for a lock is cancelled when the time is over, as any statement.
      if (pending.length > 0 || all.mayWait) await all.inTime(() => end(all, deadline))
      else {
        if (bound) bound.committing = true
        await end(all, deadline)
      }
      outcome = 'over'
      database.outage.over()
    }
    for (const note of all.notes) note()
    if (!refused) return result as T
  } catch (thrown) {
    // Of a statement after the one that failed, PostgreSQL says only that the transaction is aborted.
    const error = isAborted(thrown) && all.failure !== undefined ? new RolledBack(all.failure) : thrown
    all.left ||= bound?.isOver === true
    if (outcome === 'uncertain' && isRolledBack(error)) outcome = 'over'
    if (!all.left && all.isOpen) await all.begun?.then((held) => held.send('rollback', [])).catch(() => {})
    throw error
  } finally {
    watch.delete(all)
    // Cancelled and rolled back, which nobody waits for: the caller is to be answered.
    if (all.left) all.begun?.then((held) => held.abandon()).catch(() => {})
    else await all.begun?.then((held) => held.release()).catch(() => {})
    if (change !== undefined) await change.end(outcome)
  }
  throw refused
}

async function end(all: Attempt, deadline: Deadline | undefined): Promise<void> {
  if (all.begun === undefined) {
    const one = joined(all)
    const steps = one === undefined ? stepsOf(all) : [one]
    // It has only dropped tags.
    if (steps.length === 0) return
    try {
      if ((await all.database.runBatch(steps, deadline)) !== undefined) return
    } catch (error) {
      // Nothing was done. What is refused in one statement is sent again in two: each knows what its own refusal means.
      if (!isOfSharing(error) && !(one && isRolledBack(error))) throw error
    }
    all.begun = all.acquire()
  }
  await commit(await all.begun, stepsOf(all), all.isOpen)
  await all.beginning
}

function stepsOf({ pending, lastSteps, events }: Attempt): Step[] {
  return [...pending.map(stepOf), ...lastSteps, ...events.map(emitting)]
}

/**
 * A row and its event in one statement, where that is all. It holds its lock on the log, which readers wait for, while it waits for a unique key
 * or a table: among others that is 50 ms at most (`BOUNDS` of sharing), and the next is sent in two.
 */
function joined({ pending, lastSteps, events }: Attempt): Step | undefined {
  if (pending.length !== 1 || lastSteps.length > 0 || events.length !== 1) return undefined
  const { textWithEvents, values } = pending[0]!
  return { text: textWithEvents(1), textFor: textWithEvents, values: [...values, ...emitting(events[0]!).values] }
}

async function commit(held: Held, steps: readonly Step[], isOpen: boolean): Promise<void> {
  if (!isOpen) {
    if (steps.length > 0) await held.sendBatch(steps)
    return
  }
  const tag =
    steps.length > 0 ? (await held.sendBatch([...steps, COMMIT])).at(-1) : (await held.send('commit', [])).command
  // A transaction that has failed is rolled back by COMMIT, without an error.
  if (tag !== 'COMMIT') throw new RolledBack()
}

function stepOf(insert: ForetoldInsert): Step {
  const { text, values } = insert
  return { text: text(1), textFor: text, values, failed: (error) => refutation(insert, error) ?? error }
}

function emitting({ type, aggregateId, data, headers }: OutboxEvent): Step {
  return { text: EMIT, values: [uuidv7(), type, aggregateId, data, headers ?? null], failed: unwritten }
}
