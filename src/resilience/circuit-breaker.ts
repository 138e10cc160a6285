import { backoffMs } from '../base/backoff.ts'

/** What a breaker does with the next request. */
export type BreakerState =
  | { readonly kind: 'closed' }
  /** Nothing passes until then. */
  | { readonly kind: 'open'; readonly untilMs: number }
  /** One request is on its way to find out; nothing else passes. */
  | { readonly kind: 'half-open' }

/**
 * What came of a request. `unreached`: there was nobody to take it, which needs no second proof. `unknown`: it was given up
 * for reasons of its own, and says nothing.
 */
export type Outcome = 'succeeded' | 'failed' | 'unreached' | 'unknown'

/** Given on the way in, and back on the way out: what began before the last change of state changes nothing any more. */
export type Pass = number

export interface CircuitBreaker {
  readonly state: BreakerState
  /** Undefined: it may not pass. Every pass is given back, once, by `leave`. */
  enter(): Pass | undefined
  leave(pass: Pass, outcome: Outcome): void
  /** It has answered something that did not pass here, such as a check of its health: closes a breaker that is open because there was nobody. */
  reached(): void
  /** Until something may pass again; 0 when it may now. */
  retryInMs(): number
}

export interface CircuitBreakerOptions {
  /** Opens when so much of what ended within the window failed; 0.5. */
  readonly failureRatio?: number
  /** Not before so many have ended within it; 5. */
  readonly minimum?: number
  /** 10,000. */
  readonly windowMs?: number
  /** Opens too when nothing has succeeded for so long, and `minimum` in a row have failed: however much went well before; 1,000. */
  readonly deadMs?: number
  /** How long it stays open at first, doubled with each probe that fails, up to `maxOpenMs`; 1,000 and 10,000. */
  readonly openMs?: number
  readonly maxOpenMs?: number
  /** Milliseconds from any fixed moment. */
  readonly now?: () => number
}

/**
 * A circuit breaker: closed while things go well; open for a while when too much fails, so that a dead upstream costs
 * neither time nor sockets; then half-open, when a single request finds out.
 */
export function createCircuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const { failureRatio = 0.5, minimum = 5, windowMs = 10_000, deadMs = 1_000 } = options
  const { openMs = 1_000, maxOpenMs = 10_000, now = () => performance.now() } = options
  let state: BreakerState = CLOSED
  let era = 0
  /** Whether it is open because there was nobody to take a request. */
  let unreached = false
  /** How often in a row it opened without having been closed. */
  let turns = 0
  let window = createWindow(windowMs, now)
  let failedInARow = 0
  let succeededMs = now()

  function become(next: BreakerState): void {
    state = next
    era++
  }

  function open(outcome: Outcome): void {
    unreached = outcome === 'unreached'
    become({ kind: 'open', untilMs: now() + backoffMs(turns, { baseMs: openMs, maxMs: maxOpenMs }) })
    turns++
  }

  function close(): void {
    become(CLOSED)
    turns = 0
    window = createWindow(windowMs, now)
    failedInARow = 0
    succeededMs = now()
  }

  function leaveClosed(outcome: Outcome): void {
    if (outcome === 'unknown') return
    if (outcome === 'unreached') {
      open(outcome)
      return
    }
    const { ended, failed } = window.add(outcome === 'failed')
    if (outcome === 'succeeded') {
      failedInARow = 0
      succeededMs = now()
      return
    }
    failedInARow++
    const isDead = Math.min(failed, failedInARow) >= minimum && now() - succeededMs >= deadMs
    if (isDead || (ended >= minimum && failed >= ended * failureRatio)) open(outcome)
  }

  function leaveProbe(outcome: Outcome): void {
    if (outcome === 'succeeded') close()
    // It found out nothing: the next one is to.
    else if (outcome === 'unknown') become({ kind: 'open', untilMs: now() })
    else open(outcome)
  }

  return {
    get state() {
      return state
    },
    enter() {
      if (state.kind === 'half-open') return undefined
      if (state.kind === 'open') {
        if (now() < state.untilMs) return undefined
        become(HALF_OPEN)
      }
      return era
    },
    leave(pass, outcome) {
      if (pass !== era) return
      if (state.kind === 'half-open') leaveProbe(outcome)
      else leaveClosed(outcome)
    },
    reached() {
      if (state.kind !== 'closed' && unreached) close()
    },
    retryInMs() {
      if (state.kind === 'closed') return 0
      return state.kind === 'open' ? Math.max(0, state.untilMs - now()) : openMs
    },
  }
}

const CLOSED: BreakerState = { kind: 'closed' }
const HALF_OPEN: BreakerState = { kind: 'half-open' }
const SLOTS = 10

/** Counts what ended within the last `windowMs`, to a tenth of it: ten pairs of numbers, however much that is. */
function createWindow(windowMs: number, now: () => number) {
  const slotMs = windowMs / SLOTS
  const slots = Array.from({ length: SLOTS }, () => ({ slot: -1, ended: 0, failed: 0 }))
  return {
    add(failed: boolean) {
      const current = Math.floor(now() / slotMs)
      const own = slots[current % SLOTS]!
      if (own.slot !== current) Object.assign(own, { slot: current, ended: 0, failed: 0 })
      own.ended++
      if (failed) own.failed++
      const sum = { ended: 0, failed: 0 }
      for (const one of slots) {
        if (one.slot <= current - SLOTS) continue
        sum.ended += one.ended
        sum.failed += one.failed
      }
      return sum
    },
  }
}
