import { type Backoff, halfJitterMs } from '../base/backoff.ts'
import { Problem } from '../base/errors.ts'
import { type Loop, loop } from '../base/loop.ts'
import {
  claimInbox,
  failInbox,
  finishInbox,
  type InboxEvent,
  inboxRestMs,
  type Failure as NotedFailure,
} from '../data/inbox.ts'
import type { Database } from '../data/pool.ts'
import type { Transaction } from '../data/transaction.ts'
import { Deadline } from '../resilience/deadline.ts'
import { either } from '../resilience/within.ts'
import type { CarriedEvent } from './carrier.ts'

export interface Consumer {
  /** Something is in the inbox: a hint. */
  wake(): void
  /** Resolves when nothing that is due waits any more. */
  idle(): Promise<void>
  stop(): Promise<void>
  readonly handled: number
  /** Handlers that failed. */
  readonly failures: number
}

export interface ConsumerOptions<U extends { readonly tx: Transaction }> {
  /** `orders.buyers` */
  readonly name: string
  /** What it handles; other types wait for a build that does. */
  readonly types: readonly string[]
  readonly database: Database
  /** Runs work in a transaction of the service's, with the events that it emits. */
  run<T>(work: (unit: U) => Promise<T>): Promise<T>
  /** `signal` aborts when the deadline has passed, and when the service stops and waits no longer. */
  handle(event: CarriedEvent, unit: U, signal: AbortSignal, deadline: Deadline): Promise<void>
  /** Told of each failure; `dead` says whether it was the last. */
  failed(error: unknown, event: InboxEvent | undefined, dead: boolean): void
  /** How often an event is tried before it is a dead letter. */
  readonly attempts: number
  /** How many events are handled at once; 4. */
  readonly concurrency?: number
  /** Told, at most once a second, when all workers have something to do: other processes may have time. */
  busy?(): void
  /** How often the inbox is looked at without being woken; 5,000. */
  readonly pollMs?: number
  /** How long a handler may take; 20,000: less than the 30 s after which PostgreSQL ends a transaction that does nothing. */
  readonly handlerTimeoutMs?: number
  readonly graceMs?: number
}

interface Failure {
  readonly error: unknown
  readonly noted: NotedFailure
}

const BACKOFF: Backoff = { baseMs: 200, maxMs: 600_000 }
const HELP_EVERY_MS = 1_000

/**
 * Handles the events of an inbox (R-EVT-2): the handler's effect and the note that it is done commit together, so an event
 * that comes twice, or a process that dies in the middle, makes no second effect.
 */
export function createConsumer<U extends { readonly tx: Transaction }>(options: ConsumerOptions<U>): Consumer {
  const { name, types, database, run, handle, failed, attempts } = options
  const { concurrency = 4, pollMs = 5_000, handlerTimeoutMs = 20_000, graceMs = 2_000 } = options
  let handled = 0
  let failures = 0

  const cut = new AbortController()
  /** Each handles one event after another, until there is none. */
  const workers = new Set<Promise<void>>()
  let broken: unknown
  let stopping = false
  let helpedAtMs = Number.NEGATIVE_INFINITY

  /** Begins workers until one finds nothing to do; those that have something go on after it, however long that takes (FC-70). */
  async function round(): Promise<number> {
    let lookedAtMs = performance.now()
    while (workers.size < concurrency && !stopping) {
      lookedAtMs = performance.now()
      if (!(await begin())) break
    }
    if (workers.size === concurrency && !stopping) {
      callForHelp()
      // It ends when there is nothing more for it to do.
      await Promise.race(workers)
    }
    if (broken) {
      const error = broken
      broken = undefined
      throw error
    }
    const sinceMs = performance.now() - lookedAtMs
    return Math.min(Math.max((await inboxRestMs(database, name, types, sinceMs)) ?? pollMs, 5), pollMs)
  }

  /** Other processes rest while there is nothing for them; what is more than four handlers' work is for them too. */
  function callForHelp(): void {
    const nowMs = performance.now()
    if (nowMs - helpedAtMs < HELP_EVERY_MS) return
    helpedAtMs = nowMs
    options.busy?.()
  }

  /** Answers whether there was an event to handle, as soon as that is known. */
  function begin(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let found = false
      async function work() {
        const claimed = () => {
          found = true
          resolve(true)
        }
        try {
          while (!stopping && (await handleNext(claimed)));
          resolve(false)
        } catch (error) {
          if (found) broken = error
          else reject(error)
        }
      }
      const worker: Promise<void> = work().then(() => {
        workers.delete(worker)
        // What has failed is due again some time, and the loop may rest for longer.
        if (found) running.wake()
      })
      workers.add(worker)
    })
  }

  /** False when there was nothing to do. Rejects when it could not even be looked for. */
  async function handleNext(found: () => void): Promise<boolean> {
    let event: InboxEvent | undefined
    let failure: Failure | undefined
    try {
      await run(async (unit) => {
        // Work that met another transaction is done again, and may find something else.
        failure = undefined
        event = await claimInbox(unit.tx, name, types)
        if (!event) return
        const claimed = event
        found()
        const undone = await unit.tx.attempt(async (tx) => {
          await bounded(claimed, { ...unit, tx }, cut.signal)
          await finishInbox(tx, name, claimed)
        })
        if (!undone) return
        // It was cut short because the service stops: that says nothing of the event.
        if (cut.signal.aborted) throw undone.error
        failure = failureOf(claimed, undone.error)
        // Its lock is held until this commits: nobody else can try it before it is due again (FC-72).
        await failInbox(unit.tx, name, claimed, failure.noted)
      })
    } catch (error) {
      if (!event) throw error
      if (cut.signal.aborted) return false
      // The failure took the transaction with it, as one of its connection does, or of its COMMIT.
      const lost = failure ?? failureOf(event, error)
      failure = lost
      await run(({ tx }) => failInbox(tx, name, event!, lost.noted)).catch((unnoted) =>
        failed(unnoted, undefined, false),
      )
    }
    if (failure) {
      failures++
      failed(failure.error, event, failure.noted.againInMs === undefined)
    } else if (event) handled++
    return event !== undefined
  }

  /** A handler that waits for ever would keep its event, and a worker, for ever. */
  async function bounded(event: InboxEvent, unit: U, cut: AbortSignal): Promise<void> {
    const deadline = Deadline.after(handlerTimeoutMs)
    const late = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late.abort()
        reject(new Error(`the handler took longer than ${handlerTimeoutMs} ms`))
      }, handlerTimeoutMs)
    })
    try {
      await either(cut, late.signal, (signal) => Promise.race([handle(event, unit, signal, deadline), tooLate]))
    } catch (error) {
      // What commits with a refusal elsewhere would commit here at each try.
      throw error instanceof Problem && error.commits ? new Error(error.message || error.code, { cause: error }) : error
    } finally {
      clearTimeout(timer)
    }
  }

  function failureOf({ attempts: before }: InboxEvent, error: unknown): Failure {
    return { error, noted: { error: textOf(error), againInMs: before + 1 >= attempts ? undefined : delayMs(before) } }
  }

  const running: Loop = loop(round, {
    graceMs,
    failed: (error) => failed(error, undefined, false),
    afterFailureMs: 100,
  })
  return {
    wake: running.wake,
    async idle() {
      do {
        await running.idle()
        await Promise.all(workers)
      } while (running.isBusy)
    },
    async stop() {
      stopping = true
      const timer = setTimeout(() => cut.abort(), graceMs)
      await running.stop()
      await Promise.all(workers)
      clearTimeout(timer)
    },
    get handled() {
      return handled
    },
    get failures() {
      return failures
    },
  }
}

/** With jitter, so that what failed together does not come back together. */
export function delayMs(attempts: number, random = Math.random): number {
  return halfJitterMs(attempts, BACKOFF, random)
}

/** For operators to read: bounded, and without a stack, which is in the log. */
function textOf(error: unknown): string {
  return (
    (
      error instanceof Error
        ? `${error.name}: ${error.message || ((error as { code?: string }).code ?? '')}`
        : String(error)
    )
      // PostgreSQL takes no NUL in text.
      .replaceAll('\0', '')
      .slice(0, 2_000)
  )
}
