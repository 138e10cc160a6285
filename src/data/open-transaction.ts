import { Problem } from '../base/errors.ts'
import { noteStatement, Overtaken } from '../base/failure.ts'
import { listTag, rowTag } from '../contract/cached.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Deadline } from '../resilience/deadline.ts'
import { type Bound, type UnderWay, watch } from '../resilience/watch.ts'
import type { Held } from './connections.ts'
import { enqueueing, type NewJob } from './enqueue.ts'
import type { ForetoldInsert } from './foretold.ts'
import { type Database, rowsOf, type Writable } from './pool.ts'
import { foretold, isAborted, isToBeRepeated, RolledBack } from './rollback.ts'
import type { Cells } from './row.ts'
import type { Step, TextResult } from './text-query.ts'

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
  whileOpen<T>(statement: string, send: () => Promise<T>): Promise<T>
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

/** A statement that is under way when work has failed may take so long; then it is cancelled. */
const SOON_MS = 200
const NONE: never[] = []
/** Not `with`, which may write: whoever begins so is taken to have written. */
const READS = /^\s*select\b/i

/** One attempt at a unit of work: the connection that it has, what it has sent, and what is to be sent with COMMIT. */
export class Attempt implements UnderWay {
  readonly events: OutboxEvent[] = []
  readonly lastSteps: Step[] = []
  readonly notes: (() => void)[] = []
  readonly tags = new Set<string>()
  /** What need not be sent before COMMIT. */
  pending: ForetoldInsert[] = []
  /** What is sent with COMMIT may meet another transaction: a job with the same key. */
  mayWait = false
  wrote = false
  /** The work has ended. */
  over = false
  /** The request was over before the work was. */
  left = false
  begun: Promise<Held> | undefined = undefined
  /** BEGIN was sent. */
  isOpen = false
  /** Not awaited before the next statement: both go out in one write, and answers come in order. */
  beginning: Promise<unknown> | undefined = undefined
  /** Of the first statement that failed, whether anybody awaits it or not. */
  failure: unknown = undefined
  watchedAt = -1
  readonly database: Database
  readonly #request: Bounded
  readonly #share: string | undefined
  /** The last statement without an answer. */
  #last: Sent | undefined = undefined
  /** Once the time is over. */
  #late: Problem | undefined = undefined
  #endWait: ((problem: Problem) => void) | undefined = undefined

  constructor(database: Database, request: Bounded, share: string | undefined) {
    this.database = database
    this.#request = request
    this.#share = share
    if (request.bound !== undefined) watch.add(this)
  }

  get isOver(): boolean {
    return this.#request.bound!.isOver
  }

  /** Whoever waits for a statement is told at once: what they say then names the statement and their place. */
  end(): void {
    const last = this.#last
    this.#late = new Problem('GATEWAY_TIMEOUT', undefined, {
      cause: last && new Overtaken(performance.now() - last.sinceMs),
    })
    last?.reject(this.#late)
    this.#endWait?.(this.#late)
  }

  /** Ends the wait for work that is late; what it does afterwards is refused. Once it is late, no more is begun. */
  inTime<T>(work: () => Promise<T>): Promise<T> {
    if (this.#request.bound === undefined) return work()
    if (this.#late !== undefined) return Promise.reject(this.#late)
    return new Promise((resolve, reject) => {
      this.#endWait = reject
      work().then(resolve, reject)
    })
  }

  async acquire(): Promise<Held> {
    const held = await this.database.acquire(this.#request.deadline, this.#share)
    if (!this.left) return held
    held.release()
    throw ended()
  }

  begin(): Promise<Held> {
    this.begun ??= this.#open()
    return this.begun
  }

  async #open(): Promise<Held> {
    const held = await this.acquire()
    this.isOpen = true
    this.beginning = held.send('begin', [])
    this.beginning.catch(() => {})
    return held
  }

  async sending<T>(statement: string, send: () => Promise<T>): Promise<T> {
    let sent: Sent | undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        sent = { sinceMs: performance.now(), reject }
        this.#last = sent
        send().then(resolve, reject)
      })
    } catch (error) {
      noteStatement(error, statement)
      throw error
    } finally {
      if (this.#last === sent) this.#last = undefined
    }
  }

  async send(statement: string, values: readonly unknown[], beforeFirst?: (held: Held) => void): Promise<TextResult> {
    this.wrote ||= !READS.test(statement)
    const held = await this.begin()
    beforeFirst?.(held)
    const earlier = this.sendPending(held)
    const answer = held.send(statement, values)
    answer.catch((error) => {
      this.failure ??= error
    })
    // Of its failure the statement hears only that the transaction has failed.
    if (earlier.length > 0) await allOf([...earlier, answer])
    return answer
  }

  sendPending(held: Held): Promise<unknown>[] {
    if (this.pending.length === 0) return NONE
    const sent = this.pending.map((insert) => foretold(insert, () => held.send(insert.text(1), insert.values)))
    for (const one of sent) one.catch(() => {})
    this.pending = []
    return sent
  }
}

interface Sent {
  readonly sinceMs: number
  reject(error: unknown): void
}

/** What of an attempt is undone by itself (`Transaction.attempt`). */
interface Part {
  isOver: boolean
  mark(held: Held): void
}

/** An attempt, to those who work in it. */
export class OpenTransaction implements Transaction {
  private readonly all: Attempt
  private readonly part: Part | undefined

  constructor(all: Attempt, part?: Part) {
    this.all = all
    this.part = part
  }

  async cells(statement: string, values: readonly unknown[] = []): Promise<Cells[]> {
    return (await this.send(statement, values)).cells
  }

  async query<T extends object>(statement: string, values: readonly unknown[] = []): Promise<T[]> {
    return rowsOf<T>(await this.send(statement, values))
  }

  private send(statement: string, values: readonly unknown[]): Promise<TextResult> {
    return this.whileOpen(statement, () => this.all.send(statement, values, this.part?.mark))
  }

  whileOpen<T>(statement: string, send: () => Promise<T>): Promise<T> {
    return this.all.sending(statement, () => {
      this.assertOpen()
      return send()
    })
  }

  /** Work that nobody waits for any more must not write through a connection that is another's by now. */
  assertOpen(): void {
    if (this.all.over || this.part?.isOver === true) throw ended()
  }

  atCommit(insert: ForetoldInsert): boolean {
    this.assertOpen()
    this.all.wrote = true
    this.all.pending.push(insert)
    return true
  }

  emit(event: OutboxEvent): void {
    this.assertOpen()
    this.all.events.push(event)
  }

  enqueue(job: NewJob): void {
    this.assertOpen()
    this.all.mayWait ||= job.key !== undefined
    this.all.lastSteps.push(enqueueing(job))
  }

  lastly(step: Step): void {
    this.assertOpen()
    this.all.lastSteps.push(step)
  }

  afterCommit(note: () => void): void {
    this.all.notes.push(note)
  }

  changed(resource: AnyResource, id: string): void {
    if (resource.cached !== undefined) this.all.tags.add(rowTag(resource, id)).add(listTag(resource))
  }

  drop(tag: string): void {
    this.all.tags.add(tag)
  }

  get tags(): ReadonlySet<string> {
    return this.all.tags
  }

  hasWritten(): boolean {
    return this.all.wrote
  }

  async attempt(work: (tx: Transaction) => Promise<void>): Promise<Failed | undefined> {
    const { all } = this
    if (all.pending.length > 0) await allOf(all.sendPending(await all.begin()))
    const before = {
      events: all.events.length,
      last: all.lastSteps.length,
      notes: all.notes.length,
      tags: [...all.tags],
    }
    let marked: Held | undefined
    const part: Part = {
      isOver: false,
      // Not awaited: it goes out with the first statement.
      mark(held) {
        if (marked !== undefined) return
        marked = held
        held.send('savepoint attempt', []).catch(() => {})
      },
    }
    try {
      await work(new OpenTransaction(all, part))
      if (all.pending.length > 0) {
        const held = await all.begin()
        part.mark(held)
        await allOf(all.sendPending(held))
      }
      // A statement that has failed, and was not heard, has failed the transaction, unless the work has rolled back to a savepoint of its own.
      if (all.failure !== undefined) await (await all.begin()).send('select 1', [])
      return undefined
    } catch (thrown) {
      // What it still does must not become part of what follows.
      part.isOver = true
      const error = isAborted(thrown) ? new RolledBack(all.failure) : thrown
      if (isToBeRepeated(error)) throw error
      all.events.length = before.events
      all.lastSteps.length = before.last
      all.notes.length = before.notes
      all.pending = []
      all.tags.clear()
      for (const tag of before.tags) all.tags.add(tag)
      if (marked !== undefined && !(await isSoon(marked.send('rollback to savepoint attempt', [])))) {
        // A statement is still under way, or the connection is lost.
        all.left = true
        throw error
      }
      all.failure = undefined
      all.database.outage.note(error)
      return { error: all.database.faults.problemOf(error) }
    } finally {
      part.isOver = true
    }
  }
}

function ended(): Error {
  return new Error('the unit of work has ended: nothing more can be done in it')
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
