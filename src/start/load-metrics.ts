import type { Metric, Sample } from '../observe/metrics.ts'
import type { InFlightLimit } from '../resilience/in-flight-limit.ts'

const labels = ['operation']

/** How loaded the operations are, for alerts: requests in flight, how many may be, and how many were rejected for it. */
export const LOAD_METRICS: readonly Metric[] = [
  { name: 'lintel_requests_in_flight', help: 'Requests that are being served', labels },
  { name: 'lintel_requests_in_flight_limit', help: 'Requests that may be served at once; follows latency', labels },
  { name: 'lintel_requests_shed_total', help: 'Requests rejected with 503 because the limit was reached', labels },
]

export function collectLoad(limits: ReadonlyMap<string, InFlightLimit>): Map<string, Sample[]> {
  const samples = (value: (limit: InFlightLimit) => number) =>
    [...limits].map(([operation, limit]) => ({ labels: { operation }, value: value(limit) }))
  return new Map([
    ['lintel_requests_in_flight', samples(({ inFlight }) => inFlight)],
    ['lintel_requests_in_flight_limit', samples(({ limit }) => limit)],
    ['lintel_requests_shed_total', samples(({ rejected }) => rejected)],
  ])
}
