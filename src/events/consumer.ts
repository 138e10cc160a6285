import { type Backoff, halfJitterMs } from '../base/backoff.ts'
import { type Loop, loop } from '../base/loop.ts'
import {
  claimInbox,
  claimNoted,
  failInbox,
  finishInbox,
  forgetNoted,
  type InboxEvent,
  inboxRestMs,
  type Failure as NotedFailure,
  noteTry,
} from '../data/inbox.ts'
import type { Transaction } from '../data/open-transaction.ts'
import type { Database } from '../data/pool.ts'
import { createArrivals, type Taken } from './arrivals.ts'
import type { CarriedEvent } from './carrier.ts'
import { textOf } from './error-text.ts'
import { HandlerTime } from './handler-time.ts'
import { allEnded, type Handle, HasSavepoint, handleInOrder, inTime, WithoutSavepoints } from './together.ts'

export interface Consumer {
  /** Something is in the inbox: a hint. */
  wake(): void
  /** Handles what has arrived at once, as far as it may; undefined where one handles all by the inbox. `holder` is who receives it. */
  readonly take: ((events: readonly CarriedEvent[], holder: string) => Promise<Taken>) | undefined
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
  readonly handle: Handle<U>
  /** Told of each failure; `dead` says whether it was the last. */
  failed(error: unknown, event: Omit<InboxEvent, 'position'> | undefined, dead: boolean): void
  /** How often an event is tried before it is a dead letter. */
  readonly attempts: number
  /** How many transactions handle events at once; 4. */
  readonly concurrency?: number
  /** How many events are handled in one transaction while many come; 1. */
  readonly batch?: number
  /** Told, at most once a second, when all workers have something to do: other processes may have time. */
  busy?(): void
  /** How often the inbox is looked at without being woken; 10,000. */
  readonly pollMs?: number
  /** How long a handler may take; 20,000: less than the 30 s after which PostgreSQL ends a transaction that does nothing. */
  readonly handlerTimeoutMs?: number
  readonly graceMs?: number
}

interface Failure {
  readonly error: unknown
  /** Undefined where one of several has failed: nothing is noted, and each is handled by itself. */
  readonly noted: NotedFailure | undefined
}

const BACKOFF: Backoff = { baseMs: 200, maxMs: 600_000 }
const HELP_EVERY_MS = 1_000
/** A look at the inbox that takes so long comes late. */
const LATE_MS = 50
/**
 * Of several workers that claim many at once, each would meet what another has just done and look at every row of it again: a claim of
 * 8 ms instead of 0.6. So one claims at a time, and the next when that one has been handling for so long.
 */
const TURN_MS = 20
/** More than a process can have had in hand when it ended. */
const WARY_EVENTS = 100

/**
 * Handles the events of an inbox (R-EVT-2): the handler's effect and the note that it is done commit together, so an event
 * that comes twice, or a process that dies in the middle, makes no second effect.
 */
export function createConsumer<U extends { readonly tx: Transaction }>(options: ConsumerOptions<U>): Consumer {
  const { name, types, database, run, handle, failed, attempts } = options
  const { concurrency = 4, batch = 1, pollMs = 10_000, handlerTimeoutMs = 20_000, graceMs = 2_000 } = options
  let handled = 0
  let failures = 0
  /** An event may have ended the process before this one: how many are yet to be noted before they are tried. */
  let wary = WARY_EVENTS
  /** How many are yet to be handled one by one, after several together have failed. */
  let singly = 0
  /** How many are handled together at most. */
  let together = batch

  const cut = new AbortController()
  /** Each handles one event after another, until there is none. */
  const workers = new Set<Promise<void>>()
  let broken: unknown
  let stopping = false
  let helpedAtMs = Number.NEGATIVE_INFINITY
  /** The worker that claims many at once: no other does until this one takes long, or has found nothing. */
  let claimer: object | undefined
  let handOver = () => {}
  /** Something may have come since it was last looked. */
  let hinted = true
  /** When the next is due of those that have failed here: what comes due between a claim and the look behind it is in neither. */
  let retryAtMs = Number.POSITIVE_INFINITY

  /** Begins workers until one finds nothing to do; those that have something go on after it, however long that takes (FC-70). */
  async function round(): Promise<number> {
    if (performance.now() >= retryAtMs) {
      retryAtMs = Number.POSITIVE_INFINITY
      hinted = true
    }
    // The poll of an idle consumer is one statement.
    if (!hinted && workers.size === 0) {
      const restMs = await inboxRestMs(database, name, types)
      if (restMs === undefined || restMs > 0) return bounds(restMs)
    }
    hinted = false
    let lookedAtMs = performance.now()
    while (workers.size < concurrency && !stopping) {
      if (claimer !== undefined) {
        // It may be one from before, and leave much: a worker that yields to it has not looked.
        await new Promise<void>((resolve) => (handOver = resolve))
        continue
      }
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
    const askedAtMs = performance.now()
    const restMs = bounds(await inboxRestMs(database, name, types, askedAtMs - lookedAtMs))
    if (performance.now() - askedAtMs < LATE_MS) return restMs
    // What came due between the two looks is in neither.
    hinted = true
    return Math.min(restMs, 4 * LATE_MS)
  }

  const bounds = (restMs = pollMs) => Math.min(Math.max(Math.min(restMs, retryAtMs - performance.now()), 5), pollMs)

  function wake(): void {
    hinted = true
    running.wake()
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
        const me = {}
        let timer: NodeJS.Timeout | undefined
        const leave = () => {
          if (claimer !== me) return
          claimer = undefined
          handOver()
        }
        const claimed = () => {
          found = true
          if (claimer === me) timer = setTimeout(leave, TURN_MS)
          resolve(true)
        }
        let goesOn = true
        try {
          while (goesOn && !stopping) {
            const most = mostAtOnce()
            if (most === 1) leave()
            else claimer ??= me
            if (most > 1 && claimer !== me) break
            goesOn = await handleNext(most, claimed).finally(() => clearTimeout(timer))
          }
          resolve(false)
        } catch (error) {
          if (found) broken = error
          else reject(error)
        } finally {
          leave()
        }
      }
      const worker: Promise<void> = work().then(() => {
        workers.delete(worker)
        // What has failed is due again some time, and the loop may rest for longer.
        if (found) wake()
      })
      workers.add(worker)
    })
  }

  const mostAtOnce = () => (wary > 0 || singly > 0 ? 1 : together)

  /** False when there was nothing to do. Rejects when it could not even be looked for. */
  async function handleNext(most: number, found: () => void): Promise<boolean> {
    let events: InboxEvent[] = []
    let failure: Failure | undefined
    let suspect: InboxEvent | undefined
    let passedOver = 0
    try {
      await run(async (unit) => {
        // Work that met another transaction is done again, and may find something else.
        failure = undefined
        const claimed = await claimInbox(unit.tx, name, types, most)
        const isNew = ({ attempts: before }: InboxEvent) => before === 0
        events = claimed.length > 1 ? claimed.filter(isNew) : claimed
        passedOver = claimed.length - events.length
        const [event] = events
        suspect = events.length === 1 && (wary > 0 || !isNew(event!)) ? event : undefined
        if (claimed.length > 0) found()
        if (events.length > 0 && suspect === undefined) failure = await attempt(events, unit)
      })
    } catch (error) {
      const [event] = events
      if (event === undefined) throw error
      if (cut.signal.aborted) return false
      if (events.length === 1) {
        // The failure took the transaction with it, as one of its connection does, or of its COMMIT.
        failure ??= failureOf(event, error)
        await noteElsewhere(event, failure)
      } else failure = { error, noted: undefined }
    }
    if (passedOver > 0) singly = Math.max(singly, passedOver)
    if (events.length === 0) {
      wary = 0
      return passedOver > 0
    }
    return suspect === undefined ? settle(events, failure) : handleWarily(suspect)
  }

  /**
   * Notes an event as failed before it is tried, so that one that ends the process is tried a bounded number of times, and with growing
   * delays, as any other. So are those that have failed before, and the first of a process: one of them may have ended the one before.
   */
  async function handleWarily(event: InboxEvent): Promise<boolean> {
    const noted = notedOf(event, new Error('the process ended while it handled the event'))
    let isNoted = false
    let isOurs = false
    let failure: Failure | undefined
    if (wary > 0) wary--
    try {
      await run(async (unit) => {
        // With a connection in hand: it may take long to get one, and the event is due again soon after it is noted.
        await unit.tx.cells('select')
        isNoted ||= await noteTry(database, name, event, noted)
        isOurs = isNoted && (await claimNoted(unit.tx, name, event))
        failure = isOurs ? await attempt([event], unit) : undefined
      })
    } catch (error) {
      if (!isNoted) throw error
      // It was cut short because the service stops: that says nothing of the event.
      if (cut.signal.aborted) {
        await run(({ tx }) => forgetNoted(tx, name, event))
        return false
      }
      failure ??= failureOf(event, error)
      await noteElsewhere(event, failure)
      isOurs = true
    }
    if (isOurs) return settle([event], failure)
    // Somebody else has it, and what was noted was no try.
    if (isNoted) await run(({ tx }) => forgetNoted(tx, name, event))
    return true
  }

  /** Handles events together, in the transaction that has claimed them. */
  async function attempt(events: readonly InboxEvent[], unit: U): Promise<Failure | undefined> {
    const undone = await unit.tx.attempt(async (tx) => {
      const within = { ...unit, tx: events.length === 1 ? tx : new WithoutSavepoints(tx) }
      await allEnded(events.map((event) => bounded(event, within)))
    })
    if (!undone) {
      unit.tx.lastly(finishInbox(name, events))
      return undefined
    }
    // It was cut short because the service stops: that says nothing of the event.
    if (cut.signal.aborted) throw undone.error
    if (events.length > 1) {
      handleApart(undone.error, events[0]!)
      // Which of them it was is known when each is handled by itself.
      return { error: undone.error, noted: undefined }
    }
    const failure = failureOf(events[0]!, undone.error)
    // Its lock is held until this commits: nobody else can try it before it is due again (FC-72).
    await failInbox(unit.tx, name, events[0]!, failure.noted!)
    return failure
  }

  /** Where it was a savepoint, handlers share no transaction any more. */
  function handleApart(error: unknown, event: Omit<InboxEvent, 'position'>): void {
    if (!(error instanceof HasSavepoint) || together === 1) return
    together = 1
    failed(error, event, false)
  }

  async function noteElsewhere(event: InboxEvent, { noted }: Failure): Promise<void> {
    await run(({ tx }) => failInbox(tx, name, event, noted!)).catch((unnoted) => failed(unnoted, undefined, false))
  }

  function settle(events: readonly InboxEvent[], failure: Failure | undefined): boolean {
    if (singly > 0) singly--
    if (failure === undefined) handled += events.length
    else if (failure.noted === undefined) singly = events.length
    else {
      failures++
      if (failure.noted.againInMs !== undefined)
        retryAtMs = Math.min(retryAtMs, performance.now() + failure.noted.againInMs)
      failed(failure.error, events[0], failure.noted.againInMs === undefined)
    }
    return events.length > 0
  }

  async function bounded(event: InboxEvent, unit: U): Promise<void> {
    const time = new HandlerTime(handlerTimeoutMs, cut.signal)
    try {
      await inTime(handleInOrder(handle, [event], unit, time), time)
    } finally {
      time.clear()
    }
  }

  function failureOf(event: InboxEvent, error: unknown): Failure {
    return { error, noted: notedOf(event, error) }
  }

  function notedOf({ attempts: before }: InboxEvent, error: unknown): NotedFailure {
    return { error: textOf(error), againInMs: before + 1 >= attempts ? undefined : delayMs(before) }
  }

  const running: Loop = loop(round, {
    graceMs,
    failed: (error) => failed(error, undefined, false),
    afterFailureMs: 100,
  })
  const take = createArrivals({
    name,
    types,
    database,
    batch,
    concurrency,
    handlerTimeoutMs,
    cut: cut.signal,
    run,
    handle,
    mayGoOn: () => !stopping && together > 1,
    handled(count) {
      handled += count
    },
    failed(events, error) {
      singly = Math.max(singly, events.length)
      if (events.length > 0) handleApart(error, { ...events[0]!, attempts: 0 })
    },
  })
  return {
    wake,
    take: batch > 1 ? take : undefined,
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
