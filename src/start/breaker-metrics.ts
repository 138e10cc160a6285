import type { RemoteUpstream } from '../gateway/remote.ts'
import type { Metric, Sample } from '../observe/metrics.ts'
import type { BreakerState } from '../resilience/circuit-breaker.ts'

const STATE = 'lintel_circuit_breaker_state'
const IN_FLIGHT = 'lintel_upstream_requests_in_flight'

/** How what is called is doing, seen from here. */
export const BREAKER_METRICS: readonly Metric[] = [
  {
    name: STATE,
    help: 'Whether requests are let through: 0 closed (they are), 1 half-open (one is, to find out), 2 open (none is)',
    labels: ['upstream', 'replica'],
  },
  { name: IN_FLIGHT, help: 'Requests that have not been answered yet', labels: ['upstream', 'replica'] },
]

const VALUES: Readonly<Record<BreakerState['kind'], number>> = { closed: 0, 'half-open': 1, open: 2 }

export function collectBreakers(upstreams: Iterable<RemoteUpstream>): Map<string, Sample[]> {
  const states: Sample[] = []
  const inFlight: Sample[] = []
  for (const { name, replicas } of upstreams)
    for (const { url, breaker, pending } of replicas()) {
      const labels = { upstream: name, replica: url }
      states.push({ labels, value: VALUES[breaker] })
      inFlight.push({ labels, value: pending })
    }
  return new Map([
    [STATE, states],
    [IN_FLIGHT, inFlight],
  ])
}
