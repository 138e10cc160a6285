import type { Metric, Sample } from '../observe/metrics.ts'
import type { RunningService } from './run-service.ts'

/** What became of a cached read, each with the figure that counts it. */
const OUTCOMES = ['hits', 'misses', 'shared', 'stale', 'changing', 'unknown', 'refused'] as const
const labels = ['service']

export const CACHE_METRICS: readonly Metric[] = [
  {
    name: 'lintel_cache_reads_total',
    help: 'Cached reads since the start: hits; misses, and of these those that waited for another (shared); entries no longer good (stale); read past the cache because of a change under way (changing) or no Redis in time (unknown); readings not kept (refused)',
    labels: ['service', 'outcome'],
  },
  { name: 'lintel_cache_bytes', help: 'Memory of entries in this process, at most', labels },
  { name: 'lintel_cache_entries', help: 'Entries in this process', labels },
  { name: 'lintel_cache_usable', help: '1 while entries can be used, 0 while every read goes to the database', labels },
  { name: 'lintel_cache_look_seconds', help: 'How long the last look at Redis took', labels },
]

export function collectCaches(services: readonly Pick<RunningService, 'name' | 'cache'>[]): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>(CACHE_METRICS.map(({ name }) => [name, []]))
  for (const { name: service, cache } of services) {
    const { figures } = cache
    const add = (name: string, value: number, more = {}) =>
      samples.get(name)!.push({ labels: { service, ...more }, value })
    for (const outcome of OUTCOMES) add('lintel_cache_reads_total', figures[outcome], { outcome })
    add('lintel_cache_bytes', figures.bytes)
    add('lintel_cache_entries', figures.entries)
    add('lintel_cache_usable', figures.state.usable ? 1 : 0)
    const { latencyMs } = figures.state
    if (latencyMs !== undefined) add('lintel_cache_look_seconds', latencyMs / 1000)
  }
  return samples
}
