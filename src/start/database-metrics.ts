import type { DatabaseLoad } from '../data/pool.ts'
import type { Metric, Sample } from '../observe/metrics.ts'
import type { RunningService } from './run-service.ts'

const LANES = ['reads', 'lists', 'alone', 'connections'] as const satisfies readonly (keyof DatabaseLoad)[]
const labels = ['service', 'lane']

/** How loaded the databases are, for alerts: what waits is late before anything fails. */
export const DATABASE_METRICS: readonly Metric[] = [
  {
    name: 'lintel_database_running',
    help: 'Statements that PostgreSQL works on (reads, lists, alone), and connections in use (connections)',
    labels,
  },
  { name: 'lintel_database_waiting', help: 'Statements, and units of work, that wait for their turn', labels },
]

export function collectDatabases(
  services: readonly Pick<RunningService, 'name' | 'database'>[],
): Map<string, Sample[]> {
  const running: Sample[] = []
  const waiting: Sample[] = []
  for (const { name: service, database } of services) {
    const load = database.load()
    for (const lane of LANES) {
      running.push({ labels: { service, lane }, value: load[lane].running })
      waiting.push({ labels: { service, lane }, value: load[lane].waiting })
    }
  }
  return new Map([
    ['lintel_database_running', running],
    ['lintel_database_waiting', waiting],
  ])
}
