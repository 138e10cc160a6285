import type { Metric, Sample } from '../observe/metrics.ts'
import type { BreakerState } from '../resilience/circuit-breaker.ts'
import type { RunningService } from './run-service.ts'

const labels = ['service', 'called']

/** How services do that others call, seen from those (R-CALL-3). */
export const CALL_METRICS: readonly Metric[] = [
  {
    name: 'lintel_call_breaker_state',
    help: 'Whether calls are let through: 0 closed (they are), 1 half-open (one is, to find out), 2 open (none is)',
    labels,
  },
  { name: 'lintel_calls_in_flight', help: 'Calls that have not been answered yet', labels },
]

const VALUES: Readonly<Record<BreakerState['kind'], number>> = { closed: 0, 'half-open': 1, open: 2 }

export function collectCalls(services: readonly Pick<RunningService, 'name' | 'calls'>[]): Map<string, Sample[]> {
  const states: Sample[] = []
  const inFlight: Sample[] = []
  for (const { name: service, calls } of services)
    for (const [called, { breaker, pending }] of calls()) {
      states.push({ labels: { service, called }, value: VALUES[breaker] })
      inFlight.push({ labels: { service, called }, value: pending })
    }
  return new Map([
    ['lintel_call_breaker_state', states],
    ['lintel_calls_in_flight', inFlight],
  ])
}
