import { connect } from 'node:net'
import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  createCircuitBreaker,
  type Pass,
} from '../../resilience/circuit-breaker.ts'
import type { HttpClient } from './http-client.ts'

/** One address of an upstream. Its breaker is what ejects it, and lets it in again. */
export interface Replica {
  readonly url: URL
  readonly client: HttpClient
  readonly breaker: CircuitBreaker
  /** Requests under way. */
  pending: number
}

export function createReplica(url: URL, client: HttpClient, options: CircuitBreakerOptions): Replica {
  return { url, client, breaker: createCircuitBreaker(options), pending: 0 }
}

/** A replica, and the leave of its breaker to try it. */
export interface Choice {
  readonly replica: Replica
  readonly pass: Pass
}

export interface Replicas {
  readonly all: readonly Replica[]
  /**
   * The replica for the next attempt: one that was not `tried` before one that was, and among these the one with the fewest
   * requests under way, in turn where several have as few. One that was ejected and may be tried again gets a request
   * that can be sent elsewhere if it fails (`again`); any request, where no other is left. Undefined: all are ejected.
   */
  choose(tried: readonly Replica[], again: boolean): Choice | undefined
  /** The best of them: closed while one is. */
  readonly state: CircuitBreaker['state']['kind']
  /** Until one may be tried. */
  retryInMs(): number
}

function choiceOf(replica: Replica | undefined): Choice | undefined {
  const pass = replica?.breaker.enter()
  return replica === undefined || pass === undefined ? undefined : { replica, pass }
}

export function createReplicas(all: readonly Replica[]): Replicas {
  let turn = 0

  function best(candidates: readonly Replica[]): Replica | undefined {
    let found: Replica | undefined
    for (const one of candidates) if (found === undefined || one.pending < found.pending) found = one
    return found
  }

  function inTurn(): readonly Replica[] {
    if (all.length === 1) return all
    turn = (turn + 1) % all.length
    return [...all.slice(turn), ...all.slice(0, turn)]
  }

  function enter(candidates: readonly Replica[], again: boolean): Choice | undefined {
    // Most upstreams are one replica, in good health.
    if (candidates.length === 1 && candidates[0]!.breaker.state.kind === 'closed') return choiceOf(candidates[0])
    const probed = candidates.find(({ breaker }) => breaker.state.kind === 'open' && breaker.retryInMs() === 0)
    const sound = best(candidates.filter(({ breaker }) => breaker.state.kind === 'closed'))
    return choiceOf(probed !== undefined && (again || sound === undefined) ? probed : sound)
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

/** Whether something accepts connections there. */
export function accepts({ hostname, port, protocol }: URL, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) })
    const tell = (accepted: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(accepted)
    }
    const timer = setTimeout(tell, timeoutMs, false)
    socket.once('connect', () => tell(true)).once('error', () => tell(false))
  })
}
