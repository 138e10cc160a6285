import { Problem } from '../base/errors.ts'
import { createFairQueue } from '../resilience/fair-queue.ts'
import type { Connections, Held } from './connections.ts'
import { unavailable } from './faults.ts'
import type { SlowTexts } from './slow-texts.ts'
import { rejectStatement, resolveStatement, type Statement, waitUntilMs } from './statement.ts'

/**
 * Statements that may take long, each on a connection of its own: a few at once, the rest in a queue that is bounded and
 * fair between those who ask (FC-74, FC-91). One that nobody waits for any more is cancelled.
 */
export interface Alone {
  run(statement: Statement): void
  /** To be called every `TICK_MS` while something is under way; false when nothing is. */
  tick(): boolean
  load(): { readonly running: number; readonly waiting: number }
}

export interface AloneOptions {
  readonly connections: Connections
  /** How many run at once; half of them may be one asker's. */
  readonly places: number
  readonly slow: SlowTexts
  problemOf(error: unknown): unknown
}

const MOST_WAITING = 1_000
/** Where no request is to be answered. */
const LONGEST_MS = 15_000
/** What took less may go where others wait for it. */
const QUICK_MS = 200
const LEFT = 'nobody waits for it any more'

interface Waiting {
  readonly statement: Statement
  readonly signal: AbortSignal | undefined
  /** Until when it may wait, and until when it may run. */
  readonly beginsMs: number
  readonly untilMs: number
  held: Held | undefined
}

export function createAlone({ connections, places, slow, problemOf }: AloneOptions): Alone {
  const queue = createFairQueue<Waiting>({ places, share: Math.ceil(places / 2), waiting: MOST_WAITING })
  const running = new Set<Waiting>()

  function run(statement: Statement): void {
    const limitMs = Math.min(statement.asker?.deadline.remainingMs() ?? LONGEST_MS, LONGEST_MS)
    const waiting: Waiting = {
      beginsMs: waitUntilMs(statement.asker?.deadline, LONGEST_MS),
      statement,
      signal: statement.asker?.signal,
      untilMs: performance.now() + limitMs,
      held: undefined,
    }
    statement.sentOver = waiting
    if (queue.add(keyOf(statement), waiting)) {
      statement.asker?.setAside?.()
      next()
    } else rejectStatement(statement, unavailable(new Error('too many statements wait for a connection of their own')))
  }

  function next(): void {
    for (let waiting = queue.take(); waiting !== undefined; waiting = queue.take()) {
      running.add(waiting)
      begin(waiting).finally(next)
    }
  }

  async function begin(waiting: Waiting): Promise<void> {
    const { statement, beginsMs } = waiting
    try {
      waiting.held = await connections.forStatement(beginsMs)
      if (!isOver(waiting)) await execute(waiting, waiting.held)
      rejectStatement(statement, unavailable(new Error(LEFT)))
    } catch (error) {
      rejectStatement(statement, problemOf(error))
    } finally {
      waiting.held?.release()
      running.delete(waiting)
      queue.done(keyOf(statement))
    }
  }

  /** In one write, with what it needs set for it alone. */
  async function execute({ statement, untilMs }: Waiting, { send }: Held): Promise<void> {
    const startMs = performance.now()
    // It is cancelled before that, if it can be.
    const timeoutMs = Math.ceil(untilMs - startMs) + 1_000
    const begun = send(`begin; set local statement_timeout = ${timeoutMs}; ${statement.settings}`, [])
    const result = send(statement.text, statement.values)
    const ended = send('commit', [])
    // Each is heard, whichever fails first.
    const [, outcome] = await Promise.allSettled([begun, result, ended])
    if (performance.now() - startMs < QUICK_MS) slow.delete(statement.text)
    else slow.add(statement.text)
    if (outcome.status === 'rejected') throw outcome.reason
    resolveStatement(statement, outcome.value)
  }

  /** It has an answer from elsewhere, or nobody waits for it. */
  function isOver({ statement, signal }: Waiting): boolean {
    return statement.settled || signal?.aborted === true
  }

  function tick(): boolean {
    const nowMs = performance.now()
    for (const { statement, signal } of queue.removeIf((one) => one.beginsMs <= nowMs || isOver(one)))
      rejectStatement(statement, unavailable(new Error(signal?.aborted ? LEFT : 'no connection was free in time')))
    for (const waiting of running) {
      const { statement, signal, untilMs } = waiting
      if (untilMs > nowMs && !isOver(waiting)) continue
      rejectStatement(statement, signal?.aborted ? unavailable(new Error(LEFT)) : lateFor(statement))
      waiting.held?.abandon()
    }
    const { running: under, waiting } = queue.load()
    return under + waiting > 0
  }

  return { run, tick, load: queue.load }
}

function lateFor({ asker }: Statement): Problem {
  return asker
    ? new Problem('GATEWAY_TIMEOUT')
    : unavailable(new Error(`the statement took longer than ${LONGEST_MS} ms`))
}

/** Without an asker, what troubles one statement is no other's. */
function keyOf({ asker, text }: Statement): string {
  return asker?.key ?? text
}
