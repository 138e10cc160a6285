/** Requests by operation and status, and how long they took. */
export interface RequestCounts {
  /** `operation` as its contract names it; undefined where nothing was routed. */
  add(operation: string | undefined, status: number, ms: number): void
  /** In the text format of Prometheus. */
  text(): string
}

/** Upper bounds in milliseconds: few, as each is a series per operation. */
const BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000]

interface Counts {
  readonly byStatus: Map<number, number>
  /** How many ended within each bound, and not within the one before; the last is for all beyond. */
  readonly within: number[]
  sumMs: number
}

/** Counters of our own: looking up labels in prom-client costs 1 µs for each request, this 0.1. */
export function createRequestCounts(): RequestCounts {
  const all = new Map<string, Counts>()
  return {
    add(operation = 'none', status, ms) {
      let counts = all.get(operation)
      if (counts === undefined) {
        counts = { byStatus: new Map(), within: Array(BOUNDS_MS.length + 1).fill(0), sumMs: 0 }
        all.set(operation, counts)
      }
      counts.byStatus.set(status, (counts.byStatus.get(status) ?? 0) + 1)
      let place = 0
      while (place < BOUNDS_MS.length && ms > BOUNDS_MS[place]!) place++
      counts.within[place]!++
      counts.sumMs += ms
    },
    text() {
      const statuses: string[] = []
      const durations: string[] = []
      const refusals: string[] = []
      for (const [name, counts] of all) {
        const operation = `operation="${escaped(name)}"`
        for (const [status, count] of counts.byStatus)
          statuses.push(`lintel_http_requests_total{${operation},status="${status}"} ${count}`)
        refusals.push(`lintel_rate_limit_refusals_total{${operation}} ${counts.byStatus.get(429) ?? 0}`)
        let sum = 0
        counts.within.forEach((count, i) => {
          sum += count
          const le = i < BOUNDS_MS.length ? BOUNDS_MS[i]! / 1000 : '+Inf'
          durations.push(`lintel_http_request_duration_seconds_bucket{${operation},le="${le}"} ${sum}`)
        })
        durations.push(
          `lintel_http_request_duration_seconds_sum{${operation}} ${counts.sumMs / 1000}`,
          `lintel_http_request_duration_seconds_count{${operation}} ${sum}`,
        )
      }
      return [
        ...about('lintel_http_requests_total', 'counter', 'Requests by operation and status'),
        ...statuses,
        ...about(
          'lintel_http_request_duration_seconds',
          'histogram',
          'How long requests took until their answer was sent',
        ),
        ...durations,
        ...about('lintel_rate_limit_refusals_total', 'counter', 'Requests that a rate limit refused (429)'),
        ...refusals,
        '',
      ].join('\n')
    },
  }
}

function about(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

/** A foreign description may name operations as it likes. */
function escaped(label: string): string {
  return label.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))
}
