import { type Backoff, fullJitterMs } from '../base/backoff.ts'
import { rest } from '../base/rest.ts'
import { createBulkhead } from '../resilience/bulkhead.ts'
import {
  type BreakerState,
  type CircuitBreakerOptions,
  createCircuitBreaker,
  type Outcome,
  type Pass,
} from '../resilience/circuit-breaker.ts'
import { Deadline } from '../resilience/deadline.ts'
import { createRetryBudget, type RetryBudgetOptions } from '../resilience/retry.ts'
import { within } from '../resilience/within.ts'
import type { Call, Port, Reply } from './call.ts'
import { CallProblem } from './call-problem.ts'
import { CalledContext, idOf, withContext } from './context.ts'

export interface GuardOptions {
  /** How long a call may take, retries included, if the request that it belongs to has as long; 1,000 (R-CALL-3). */
  readonly timeoutMs?: number
  /** Sends of a call at most; 3. */
  readonly maxAttempts?: number
  /** 25 and 250. */
  readonly backoff?: Backoff
  /** Retries are a tenth of the calls at most, and ten at first. */
  readonly retryBudget?: RetryBudgetOptions
  /** Calls under way; one more is rejected with SERVICE_UNAVAILABLE; 256. */
  readonly maxPending?: number
  /** Opens for 250 ms, and for a second at most: a probe a second costs little. `false`: calls are sent whatever fails. */
  readonly breaker?: CircuitBreakerOptions | false
}

/** A port that protects who calls from what is called, and the other way round. */
export interface GuardedPort {
  (call: Call): Promise<Reply>
  state(): GuardState
}

export interface GuardState {
  readonly breaker: BreakerState['kind']
  /** Calls under way. */
  readonly pending: number
}

const BACKOFF: Backoff = { baseMs: 25, maxMs: 250 }
const BREAKER: CircuitBreakerOptions = { openMs: 250, maxOpenMs: 1_000 }

/**
 * Gives a port a deadline, retries with a budget, a circuit breaker and a bulkhead, wherever it leads (R-CALL-3).
 *
 * What may be repeated once bytes were sent (GET, HEAD, OPTIONS, and POST with an idempotency key: R-GW-3) is tried again
 * when its answer was lost, and on 429, 503 and IDEMPOTENCY_IN_PROGRESS: after `Retry-After` and an exponential backoff
 * with full jitter, as long as deadline and budget allow. Anything else is tried again only where nothing was sent.
 *
 *     const port = guard(inProcess(running.port, users, { caller: serviceCaller('orders') }))
 */
export function guard(port: Port, options: GuardOptions = {}): GuardedPort {
  const { timeoutMs = 1_000, maxAttempts = 3, backoff = BACKOFF, maxPending = 256 } = options
  const budget = createRetryBudget(options.retryBudget)
  const breaker = options.breaker === false ? undefined : createCircuitBreaker({ ...BREAKER, ...options.breaker })
  const bulkhead = createBulkhead({ parallel: maxPending, waiting: 0 })

  async function guarded(call: Call): Promise<Reply> {
    if (bulkhead.load().running >= maxPending) throw notSent(call, `${maxPending} calls are under way`, 1)
    return bulkhead.run(() => send(call))
  }

  async function send(call: Call): Promise<Reply> {
    const { context } = call
    const limitMs = Math.min(timeoutMs, context.deadline.remainingMs())
    if (limitMs <= 0) throw late(call, limitMs, 'unsent')
    const deadline = Deadline.after(limitMs)
    const gate = new Gate(breaker)
    budget.earn()
    try {
      return await within(
        limitMs,
        () => late(call, limitMs, 'lost'),
        context.signal,
        (signal) => attempts(withContext(call, new CalledContext(context, { deadline, signal })), gate),
      )
    } catch (error) {
      // Less time than it is usually given says nothing of what was called; nor does a caller who is gone.
      gate.leave(isLate(error) && limitMs === timeoutMs ? 'failed' : 'unknown')
      throw error
    }
  }

  async function attempts(call: Call, gate: Gate): Promise<Reply> {
    const { deadline, signal } = call.context
    let failure: unknown
    for (let attempt = 0; ; attempt++) {
      if (!gate.enter()) throw failure ?? notSent(call, 'its circuit breaker is open', gate.retryInS())
      try {
        const reply = await port(call)
        gate.leave('succeeded')
        return reply
      } catch (error) {
        if (signal.aborted) throw error
        gate.leave(outcomeOf(error))
        if (!mayRepeat(error, call) || attempt + 1 >= maxAttempts) throw error
        // The jitter comes on top, so that those who were told the same second do not come back together.
        const waitMs = (error.retryAfterS ?? 0) * 1000 + fullJitterMs(attempt, backoff)
        if (waitMs >= deadline.remainingMs() || !budget.spend()) throw error
        failure = error
        await rest(waitMs, signal)
      }
    }
  }

  return Object.assign(guarded, {
    state: (): GuardState => ({ breaker: breaker?.state.kind ?? 'closed', pending: bulkhead.load().running }),
  })
}

/** One call's way through the breaker: a pass for each attempt, given back once, whoever learns first how it ended. */
class Gate {
  readonly #breaker: ReturnType<typeof createCircuitBreaker> | undefined
  #pass: Pass | undefined = undefined

  constructor(breaker: ReturnType<typeof createCircuitBreaker> | undefined) {
    this.#breaker = breaker
  }

  enter(): boolean {
    if (this.#breaker === undefined) return true
    this.#pass = this.#breaker.enter()
    return this.#pass !== undefined
  }

  leave(outcome: Outcome): void {
    if (this.#pass === undefined) return
    this.#breaker!.leave(this.#pass, outcome)
    this.#pass = undefined
  }

  retryInS(): number {
    return (this.#breaker?.retryInMs() ?? 0) / 1000
  }
}

/** What says of itself that it cannot, or cannot get at what it needs, fails; any other answer shows that all is well. */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof CallProblem)) return 'unknown'
  if (error.stage === 'unsent') return 'unreached'
  return error.stage === 'lost' || FAILING.has(error.status) ? 'failed' : 'succeeded'
}

const FAILING: ReadonlySet<number> = new Set([502, 503, 504])
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A PUT or DELETE that is sent twice may find what it has done itself: a success becomes 412 or 404 (FC-79). */
function mayRepeat(error: unknown, { method, idempotencyKey }: Call): error is CallProblem {
  if (!(error instanceof CallProblem)) return false
  const { stage, status, code } = error
  if (stage === 'unsent') return true
  if (!SAFE.has(method) && (method !== 'POST' || idempotencyKey === undefined)) return false
  return stage === 'lost' || status === 429 || status === 503 || code === 'IDEMPOTENCY_IN_PROGRESS'
}

function late({ operation, context }: Call, limitMs: number, stage: 'unsent' | 'lost'): CallProblem {
  const message = `${operation} did not respond within ${Math.round(limitMs)} ms`
  return new CallProblem(operation, 504, 'GATEWAY_TIMEOUT', message, { stage, requestId: idOf(context) })
}

function isLate(error: unknown): boolean {
  return error instanceof CallProblem && error.status === 504
}

function notSent({ operation, context }: Call, why: string, retryAfterS: number): CallProblem {
  const options = { stage: 'unsent', retryAfterS, requestId: idOf(context) } as const
  return new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', `${operation} was not called: ${why}`, options)
}
