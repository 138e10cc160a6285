import { Problem } from '../base/errors.ts'
import { noteStatement, Overtaken } from '../base/failure.ts'
import { uuidv7 } from '../base/ids.ts'
import type { Cache, Change } from '../cache/cache.ts'
import { listTag, rowTag } from '../contract/cached.ts'
import type { Deadline } from '../resilience/deadline.ts'
import { type Bound, type UnderWay, watch } from '../resilience/watch.ts'
import { leaveChanges } from './cache-changes.ts'
import { type Held, isOfSharing } from './connections.ts'
import { enqueueing, type NewJob } from './enqueue.ts'
import { isSerialisation } from './faults.ts'
import { type ForetoldInsert, REFUTED } from './foretold.ts'
import { type Database, queryable, type Writable } from './pool.ts'
import type { Step } from './text-query.ts'

/** A transaction of one service's database. It begins with the first statement, and commits when the work has ended well. */
export interface Transaction extends Writable {
  /** Drops what the cache has with this tag when the transaction commits. */
  drop(tag: string): void
  /** Tags that it changes. */
  readonly tags: ReadonlySet<string>
  /** Whether it may have written something: others must not see what it reads from then on. */
  hasWritten(): boolean
  /** Throws once the work has ended: what it still does then must have no effect. */
  assertOpen(): void
  /** Sends a statement for the work, outside its transaction; rejects when the work has ended, or its time is over. */
  whileOpen<T>(send: () => Promise<T>): Promise<T>
  /** Writes an event to the outbox when the transaction commits; with a rollback it never was. */
  emit(event: OutboxEvent): void
  /** Stores a job when the transaction commits; with a rollback it never was. */
  enqueue(job: NewJob): void
  /** Takes a statement that is sent with COMMIT, in front of the events, and can wait for nothing. */
  lastly(step: Step): void
  /** Called once the transaction has committed. */
  afterCommit(note: () => void): void
  /**
   * Does work that is undone by itself when it fails: what it has written, emitted and changed, and nothing that came before, whose locks
   * stay. Resolves with the failure then. Rejects when the transaction can't go on: its connection is lost, or it met another and is
   * done again from its beginning.
   */
  attempt(work: (tx: Transaction) => Promise<void>): Promise<Failed | undefined>
}

/** Work that was undone. */
export interface Failed {
  readonly error: unknown
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

export interface TransactionOptions {
  /** What it changes is dropped from it. */
  readonly cache?: Pick<Cache, 'change'> | undefined
  /** With which others it shares connections: where all of them wait for one lock, the rest goes on. */
  readonly share?: string | undefined
}

const RETRIES = 3
/** A statement that is under way when work has failed may take so long; then it is cancelled. */
const SOON_MS = 200
const NONE: never[] = []
/** Not `with`, which may write: whoever begins so is taken to have written. */
const READS = /^\s*select\b/i
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
  const { bound } = request
  const events: OutboxEvent[] = []
  const notes: (() => void)[] = []
  const tags = new Set<string>()
  let wrote = false
  let over = false
  /** The request was over before the work was. */
  let left = false
  let begun: Promise<Held> | undefined
  /** BEGIN was sent. */
  let isOpen = false
  // Not awaited before the next statement: both go out in one write, and answers come in order.
  let beginning: Promise<unknown> | undefined

  /** What need not be sent before COMMIT. */
  let pending: ForetoldInsert[] = []
  const lastSteps: Step[] = []
  /** One of them may meet another transaction: of a job with the same key. */
  let mayWait = false

  const acquire = async () => {
    const held = await database.acquire(request.deadline, share)
    if (!left) return held
    held.release()
    throw ended()
  }
  const begin = () =>
    (begun ??= acquire().then((held) => {
      isOpen = true
      beginning = held.send('begin', [])
      beginning.catch(() => {})
      return held
    }))
  /** Work that nobody waits for any more must not write through a connection that is another's by now. */
  const assertOpen = (isOver: () => boolean) => {
    if (over || isOver()) throw ended()
  }
  /** Of the first statement that failed, whether anybody awaits it or not. */
  let failure: unknown
  /** The last statement without an answer. */
  let last: Sent | undefined
  async function sending<R>(send: () => Promise<R>): Promise<R> {
    let sent: Sent | undefined
    try {
      // Whoever waits for it is told at once when the time is over: what they say then names the statement and their place.
      return await new Promise<R>((resolve, reject) => {
        sent = { sinceMs: performance.now(), reject }
        last = sent
        send().then(resolve, reject)
      })
    } finally {
      if (last === sent) last = undefined
    }
  }
  const endLate = (): Problem => {
    const problem = new Problem('GATEWAY_TIMEOUT', undefined, {
      cause: last && new Overtaken(performance.now() - last.sinceMs),
    })
    last?.reject(problem)
    return problem
  }
  const open = (isOver: () => boolean, beforeFirst?: (held: Held) => void): Transaction => {
    const whileOpen: Transaction['whileOpen'] = async (send) => {
      assertOpen(isOver)
      return sending(send)
    }
    return {
      ...queryable((statement, values) =>
        whileOpen(async () => {
          wrote ||= !READS.test(statement)
          const held = await begin()
          beforeFirst?.(held)
          const earlier = sendPending(held)
          const answer = held.send(statement, values)
          answer.catch((error) => {
            failure ??= error
          })
          // Of its failure the statement hears only that the transaction has failed.
          if (earlier.length > 0) await allOf([...earlier, answer])
          return answer
        }),
      ),
      atCommit(insert) {
        assertOpen(isOver)
        wrote = true
        pending.push(insert)
      },
      assertOpen: () => assertOpen(isOver),
      whileOpen,
      emit(event) {
        assertOpen(isOver)
        events.push(event)
      },
      enqueue(job) {
        assertOpen(isOver)
        mayWait ||= job.key !== undefined
        lastSteps.push(enqueueing(job))
      },
      lastly(step) {
        assertOpen(isOver)
        lastSteps.push(step)
      },
      afterCommit: (note) => void notes.push(note),
      changed(resource, id) {
        if (resource.cached === undefined) return
        tags.add(rowTag(resource, id)).add(listTag(resource))
      },
      drop: (tag) => void tags.add(tag),
      tags,
      hasWritten: () => wrote,
      attempt,
    }
  }
  async function attempt(work: (tx: Transaction) => Promise<void>): Promise<Failed | undefined> {
    const held = await begin()
    await allOf(sendPending(held))
    const before = { events: events.length, last: lastSteps.length, notes: notes.length, tags: [...tags] }
    let isOver = false
    let isMarked = false
    /** Not awaited: it goes out with the first statement. */
    const mark = () => {
      if (isMarked) return
      isMarked = true
      held.send('savepoint attempt', []).catch(() => {})
    }
    try {
      await work(open(() => isOver, mark))
      if (pending.length > 0) mark()
      await allOf(sendPending(held))
      // A statement that has failed, and was not heard, has failed the transaction, unless the work has rolled back to a savepoint of its own.
      if (failure !== undefined) await held.send('select 1', [])
      return undefined
    } catch (thrown) {
      // What it still does must not become part of what follows.
      isOver = true
      const error = isAborted(thrown) ? new RolledBack(failure) : thrown
      if (isToBeRepeated(error)) throw error
      events.length = before.events
      lastSteps.length = before.last
      notes.length = before.notes
      pending = []
      tags.clear()
      for (const tag of before.tags) tags.add(tag)
      if (isMarked && !(await isSoon(held.send('rollback to savepoint attempt', [])))) {
        // A statement is still under way, or the connection is lost.
        left = true
        throw error
      }
      failure = undefined
      database.outage.note(error)
      return { error: database.faults.problemOf(error) }
    } finally {
      isOver = true
    }
  }
  const tx = open(() => false)
  const sendPending = (held: Held): Promise<unknown>[] => {
    if (pending.length === 0) return NONE
    const sent = pending.map((insert) => foretold(insert, () => held.send(insert.text, insert.values)))
    for (const one of sent) one.catch(() => {})
    pending = []
    return sent
  }
  const end = async (steps: readonly Step[]) => {
    if (begun === undefined && (await runAmongOthers(database, steps, request.deadline))) return
    begun ??= acquire()
    await commit(await begun, steps, isOpen)
    await beginning
  }
  let refused: Problem | undefined
  let change: Change | undefined
  let outcome: 'over' | 'uncertain' = 'over'
  try {
    const result = await inTime(() => work(tx), bound, endLate)
      .catch((error) => {
        if (!(error instanceof Problem && error.commits)) throw error
        refused = error
        return undefined as T
      })
      .finally(() => {
        over = true
      })
    if (begun || pending.length > 0 || lastSteps.length > 0 || events.length > 0 || tags.size > 0) {
      // Before COMMIT: whoever dies behind it leaves nothing that is old, and nobody reads the new value and then the old one.
      if (cache !== undefined && tags.size > 0) change = await cache.change(tags)
      const steps = [...pending.map(stepOf), ...lastSteps, ...events.map(emitting)]
      if (change?.isKnown === false) steps.push(leaveChanges(tags))
      outcome = 'uncertain'
      // What waits for a lock is cancelled when the time is over, as any statement.
      if (pending.length > 0 || mayWait) await inTime(() => end(steps), bound, endLate)
      else {
        if (bound) bound.committing = true
        await end(steps)
      }
      outcome = 'over'
      database.outage.over()
    }
    for (const note of notes) note()
    if (!refused) return result
  } catch (thrown) {
    // Of a statement after the one that failed, PostgreSQL says only that the transaction is aborted.
    const error = isAborted(thrown) && failure !== undefined ? new RolledBack(failure) : thrown
    left ||= bound?.isOver === true
    if (outcome === 'uncertain' && isRolledBack(error)) outcome = 'over'
    if (!left && isOpen) await begun?.then((held) => held.send('rollback', [])).catch(() => {})
    throw error
  } finally {
    // Cancelled and rolled back, which nobody waits for: the caller is to be answered.
    if (left) begun?.then((held) => held.abandon()).catch(() => {})
    else await begun?.then((held) => held.release()).catch(() => {})
    if (change !== undefined) await change.end(outcome)
  }
  throw refused
}

interface Sent {
  readonly sinceMs: number
  reject(error: unknown): void
}

function ended(): Error {
  return new Error('the unit of work has ended: nothing more can be done in it')
}

/** Ends the wait for work that is late; what it does afterwards is refused by its transaction. */
async function inTime<T>(work: () => Promise<T>, bound: Bound | undefined, endLate: () => Problem): Promise<T> {
  if (bound === undefined) return work()
  let end!: () => void
  const late = new Promise<never>((_, reject) => {
    end = () => reject(endLate())
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

/** Where nothing was sent before. False if it takes a connection of its own; then nothing was done. */
async function runAmongOthers(
  database: Database,
  steps: readonly Step[],
  deadline: Deadline | undefined,
): Promise<boolean> {
  if (steps.length === 0) return false
  try {
    return (await database.runBatch(steps, deadline)) !== undefined
  } catch (error) {
    if (isOfSharing(error)) return false
    throw error
  }
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
  return { text, values, failed: (error) => refutation(insert, error) ?? error }
}

function emitting({ type, aggregateId, data, headers }: OutboxEvent): Step {
  return { text: EMIT, values: [uuidv7(), type, aggregateId, data, headers ?? null], failed: unwritten }
}

/** Sends an insert whose row is known; NotAsForetold where what is written is another, so that nothing is. */
async function foretold<T>(insert: ForetoldInsert, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    noteStatement(error, insert.text)
    throw refutation(insert, error) ?? error
  }
}

function refutation(insert: ForetoldInsert, error: unknown): NotAsForetold | undefined {
  if ((error as { code?: unknown }).code !== REFUTED) return undefined
  insert.refuted()
  return new NotAsForetold(error)
}

/** Whether work that has failed by this may go well when all of it is done again. */
function isToBeRepeated(error: unknown): boolean {
  return isSerialisation(error) || error instanceof NotAsForetold
}

/** The work is done again, and waits for what the database makes of it. */
class NotAsForetold extends Error {
  constructor(cause: unknown) {
    super('a row is not what it was given to be', { cause })
  }
}

/** A statement had failed, and the work ended well all the same. */
class RolledBack extends Error {
  readonly sqlState: unknown

  constructor(cause?: unknown) {
    const which = cause instanceof Error ? `: ${cause.message}` : ''
    super(
      `the transaction was rolled back: a statement had failed that was not awaited, or whose failure was caught${which}`,
      { cause },
    )
    this.sqlState = (cause as { code?: unknown } | undefined)?.code
  }
}

/** COMMIT was sent after a statement that failed, alone or behind others. */
function isAborted(error: unknown): boolean {
  return error instanceof RolledBack || (error as { code?: unknown } | undefined)?.code === '25P02'
}

/** PostgreSQL itself has refused a statement, or the COMMIT: nothing of it can come true any more. */
function isRolledBack(error: unknown): boolean {
  if (error instanceof RolledBack) return true
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code } = one as { code?: unknown }
    if (typeof code === 'string' && /^(?:2[2357]|4\d|P0|0A)\w{3}$/.test(code)) return true
  }
  return false
}

/** Nothing that a caller has sent is at fault where the platform's own statement is refused. */
function unwritten(cause: Error & { code?: string }): Error {
  return /^2[23]/.test(cause.code ?? '') ? new Error(`an event cannot be written: ${cause.message}`, { cause }) : cause
}

/** Whether it resolves within a moment. */
async function isSoon(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, SOON_MS, false)
  })
  const done = work.then(
    () => true,
    () => false,
  )
  const isDone = await Promise.race([done, late])
  clearTimeout(timer)
  return isDone
}

/** The first failure, once every statement has ended: none may be left to fail unheard. */
async function allOf(writes: (Promise<unknown> | undefined)[]) {
  for (const outcome of await Promise.allSettled(writes)) if (outcome.status === 'rejected') throw outcome.reason
}
