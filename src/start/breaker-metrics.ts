import type { FarService } from '../door/far-service.ts'
import type { RemoteUpstream } from '../gateway/remote.ts'
import type { Metric, Sample } from '../observe/metrics.ts'
import type { BreakerState } from '../resilience/circuit-breaker.ts'
import type { RunningService } from './run-service.ts'

const STATE = 'lintel_circuit_breaker_state'
const IN_FLIGHT = 'lintel_calls_in_flight'
/** Who calls what; `replica` only where what is called has several addresses, each with a breaker of its own. */
const labels = ['caller', 'called', 'replica']

/** How what is called is doing, seen by its callers (R-CALL-3, R-GW-3). */
export const BREAKER_METRICS: readonly Metric[] = [
  {
    name: STATE,
    help: 'Whether calls are let through: 0 closed (they are), 1 half-open (one is, to find out), 2 open (none is)',
    labels,
  },
  { name: IN_FLIGHT, help: 'Calls that have not been answered yet', labels },
]

const VALUES: Readonly<Record<BreakerState['kind'], number>> = { closed: 0, 'half-open': 1, open: 2 }

/** Of the services that services call, and of the replicas of those that run elsewhere, which all of this process share. */
export function collectCalls(
  services: readonly Pick<RunningService, 'name' | 'calls'>[],
  far: Iterable<FarService>,
  process: string,
): Map<string, Sample[]> {
  const called = services.flatMap(({ name: caller, calls }) =>
    [...calls()].map(([called, state]) => ({ labels: { caller, called }, ...state })),
  )
  return samplesOf([...called, ...replicaStates(far, process)])
}

/** Of the upstreams that a gateway forwards to. */
export function collectReplicas(upstreams: Iterable<RemoteUpstream>): Map<string, Sample[]> {
  return samplesOf(replicaStates(upstreams, 'gateway'))
}

function replicaStates(called: Iterable<Pick<FarService | RemoteUpstream, 'name' | 'replicas'>>, caller: string) {
  return [...called].flatMap(({ name, replicas }) =>
    replicas().map(({ url, ...state }) => ({ labels: { caller, called: name, replica: url }, ...state })),
  )
}

interface CalledState {
  readonly labels: Sample['labels']
  readonly breaker: BreakerState['kind']
  readonly pending: number
}

function samplesOf(states: readonly CalledState[]): Map<string, Sample[]> {
  return new Map([
    [STATE, states.map(({ labels, breaker }) => ({ labels, value: VALUES[breaker] }))],
    [IN_FLIGHT, states.map(({ labels, pending }) => ({ labels, value: pending }))],
  ])
}
