import type { CircuitBreaker, Pass } from './circuit-breaker.ts'

/** One address of something that has several. Its breaker is what ejects it, and lets it in again. */
export interface Balanced {
  readonly breaker: CircuitBreaker
  /** Requests under way. */
  readonly pending: number
  /** It is about to end, and has said so: it is chosen only where no other is left. */
  readonly leaving?: boolean
}

/** A replica, and the leave of its breaker to try it. */
export interface Choice<R extends Balanced> {
  readonly replica: R
  readonly pass: Pass
}

export interface Replicas<R extends Balanced> {
  readonly all: readonly R[]
  /**
   * The replica for the next attempt: one that was not `tried` before one that was, and among these the one with the fewest
   * requests under way, in turn where several have as few. One that was ejected and may be tried again gets a request
   * that can be sent elsewhere if it fails (`again`); any request, where no other is left or what is left is about to end: it is
   * known to be back before that has gone. Undefined: all are ejected.
   */
  choose(tried: readonly R[], again: boolean): Choice<R> | undefined
  /** The best of them: closed while one is. */
  readonly state: CircuitBreaker['state']['kind']
  /** Until one may be tried. */
  retryInMs(): number
}

function choiceOf<R extends Balanced>(replica: R | undefined): Choice<R> | undefined {
  const pass = replica?.breaker.enter()
  return replica === undefined || pass === undefined ? undefined : { replica, pass }
}

function isBetter(one: Balanced, than: Balanced): boolean {
  if (one.leaving !== than.leaving) return than.leaving === true
  return one.pending < than.pending
}

export function createReplicas<R extends Balanced>(all: readonly R[]): Replicas<R> {
  let turn = 0

  function best(candidates: readonly R[]): R | undefined {
    let found: R | undefined
    for (const one of candidates) if (found === undefined || isBetter(one, found)) found = one
    return found
  }

  function inTurn(): readonly R[] {
    if (all.length === 1) return all
    turn = (turn + 1) % all.length
    return [...all.slice(turn), ...all.slice(0, turn)]
  }

  function enter(candidates: readonly R[], again: boolean): Choice<R> | undefined {
    // Most upstreams are one replica, in good health.
    if (candidates.length === 1 && candidates[0]!.breaker.state.kind === 'closed') return choiceOf(candidates[0])
    const probed = candidates.find(({ breaker }) => breaker.state.kind === 'open' && breaker.retryInMs() === 0)
    const sound = best(candidates.filter(({ breaker }) => breaker.state.kind === 'closed'))
    const isLast = sound === undefined || sound.leaving === true
    return choiceOf(probed !== undefined && (again || isLast) ? probed : sound)
  }

  return {
    all,
    choose(tried, again) {
      const order = inTurn()
      if (tried.length === 0) return enter(order, again)
      return (
        enter(
          order.filter((one) => !tried.includes(one)),
          again,
        ) ?? enter(order, again)
      )
    },
    get state() {
      const states = all.map(({ breaker }) => breaker.state.kind)
      return states.includes('closed') ? 'closed' : states.includes('half-open') ? 'half-open' : 'open'
    },
    retryInMs() {
      let soonest = Number.POSITIVE_INFINITY
      for (const { breaker } of all) soonest = Math.min(soonest, breaker.retryInMs())
      return soonest
    },
  }
}
