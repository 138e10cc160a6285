import { rest } from '../base/rest.ts'
import { CallProblem } from '../client/call-problem.ts'
import { mayPass } from '../client/repeatable.ts'
import {
  type BreakerState,
  type CircuitBreaker,
  type CircuitBreakerOptions,
  createCircuitBreaker,
  type Outcome,
  type Pass,
} from '../resilience/circuit-breaker.ts'
import { Deadline } from '../resilience/deadline.ts'
import { createRetries, type RetryOptions } from '../resilience/retry.ts'
import type { Call, Port, Reply } from './call.ts'
import { CallEnd } from './call-end.ts'
import { CalledContext, idOf, isOver, withContext } from './context.ts'
import { isFailing, isRepeatableCall } from './repeatable.ts'

export interface GuardOptions extends RetryOptions {
  /**
   * How long a call may take, retries included, if the request that it belongs to has as long; 1,000 (R-CALL-3). `false`: as
   * long as that request has, and whoever calls sees to its end, as the gateway does.
   */
  readonly timeoutMs?: number | false
  /**
   * `loss`: only a call whose answer was lost is tried again. `failure`, the default: also one that was not sent, and what was
   * answered with 429, 503 or IDEMPOTENCY_IN_PROGRESS, after its `Retry-After`.
   */
  readonly retryOn?: 'loss' | 'failure'
  /** Calls under way; one more is rejected with SERVICE_UNAVAILABLE; 256. */
  readonly maxPending?: number
  /**
   * Opens for 250 ms, and for a second at most: a probe a second costs little. `false`: calls are sent whatever fails. A function tells
   * the state of breakers that the port has of its own, such as one for each replica: then there is none here (decision 33).
   */
  readonly breaker?: CircuitBreakerOptions | false | (() => BreakerState['kind']) | undefined
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

/** Given less of its usual time than this, a call that is late says nothing of what was called. */
const ENOUGH = 0.75
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
  const { timeoutMs = 1_000, maxPending = 256, retryOn = 'failure' } = options
  const retries = createRetries(options)
  const [breaker, breakerState] = breakerOf(options)
  let pending = 0

  async function guarded(call: Call): Promise<Reply> {
    if (pending >= maxPending) throw notSent(call, `${maxPending} calls are under way`, 1)
    pending++
    try {
      return await send(call)
    } finally {
      pending--
    }
  }

  async function send(call: Call): Promise<Reply> {
    const { context } = call
    if (timeoutMs === false) {
      retries.earn()
      return attempts(call, new Gate(breaker), false)
    }
    const limitMs = Math.min(timeoutMs, context.deadline.remainingMs())
    if (limitMs <= 0) throw late(call, limitMs, 'unsent')
    const hurried = limitMs < timeoutMs * ENOUGH
    const deadline = Deadline.after(limitMs)
    const end = new CallEnd(context)
    const timed = withContext(call, new CalledContext(context, { deadline, end }))
    const gate = new Gate(breaker)
    retries.earn()
    try {
      return await end.wait(
        limitMs,
        () => late(call, limitMs, 'lost'),
        () => attempts(timed, gate, hurried),
      )
    } catch (error) {
      // A caller who is gone says nothing of what was called.
      gate.leave(isLate(error) ? outcomeOf(error, hurried) : 'unknown')
      throw error
    }
  }

  async function attempts(call: Call, gate: Gate, hurried: boolean): Promise<Reply> {
    const { deadline } = call.context
    let failure: unknown
    for (let attempt = 1; ; attempt++) {
      if (!gate.enter()) throw failure ?? notSent(call, 'its circuit breaker is open', gate.retryInS())
      try {
        const reply = await port(call)
        gate.leave('succeeded')
        return reply
      } catch (error) {
        if (isOver(call.context)) throw error
        gate.leave(outcomeOf(error, hurried))
        // While nobody takes calls, whoever asks goes by what else they know: a rest would keep them from it.
        if (!mayRepeat(error, call, retryOn) || breakerState() !== 'closed') throw error
        const restMs = retries.restMs(attempt, deadline.remainingMs(), (error.retryAfterS ?? 0) * 1_000)
        if (restMs === undefined) throw error
        failure = error
        await rest(restMs, call.context.signal)
      }
    }
  }

  return Object.assign(guarded, {
    state: (): GuardState => ({ breaker: breakerState(), pending }),
  })
}

/** The breaker of this guard, if it has one, and the state of whichever there is. */
function breakerOf({ breaker: given }: GuardOptions): [CircuitBreaker | undefined, () => BreakerState['kind']] {
  if (given === false) return [undefined, () => 'closed']
  if (typeof given === 'function') return [undefined, given]
  const own = createCircuitBreaker({ ...BREAKER, ...given })
  return [own, () => own.state.kind]
}

/** One call's way through the breaker: a pass for each attempt, given back once, whoever learns first how it ended. */
class Gate {
  readonly #breaker: CircuitBreaker | undefined
  #pass: Pass | undefined = undefined

  constructor(breaker: CircuitBreaker | undefined) {
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
function outcomeOf(error: unknown, hurried: boolean): Outcome {
  if (!(error instanceof CallProblem)) return 'unknown'
  // Less time than it is usually given says nothing of what was called.
  if (hurried && isLate(error)) return 'unknown'
  if (error.stage === 'unsent') return 'unreached'
  return error.stage === 'lost' || isFailing(error.status) ? 'failed' : 'succeeded'
}

function mayRepeat(error: unknown, call: Call, on: 'loss' | 'failure'): error is CallProblem {
  if (!(error instanceof CallProblem)) return false
  if (on === 'loss' && error.stage !== 'lost') return false
  return mayPass(error, isRepeatableCall(call))
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
