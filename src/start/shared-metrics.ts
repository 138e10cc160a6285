import type { Metric, Sample } from '../observe/metrics.ts'
import type { Shared } from './open-shared.ts'

const labels: string[] = []

/** How Redis is doing, for alerts; its mean latency is the rate of the seconds over that of the commands. */
export const SHARED_METRICS: readonly Metric[] = [
  { name: 'lintel_redis_up', help: '1 while Redis answers in time', labels },
  { name: 'lintel_redis_connections_total', help: 'Connections made to Redis', labels },
  { name: 'lintel_redis_commands_total', help: 'Commands sent to Redis', labels },
  { name: 'lintel_redis_command_seconds_total', help: 'Time until Redis answered them, together', labels },
  { name: 'lintel_redis_unanswered_total', help: 'Commands that Redis did not answer in time', labels },
  { name: 'lintel_limits_fallbacks_total', help: 'Draws from limits that this process decided without Redis', labels },
]

export function collectShared({ redis, buckets }: Shared): Map<string, Sample[]> {
  const { commands, unanswered, seconds, connections } = redis.figures
  const sample = (value: number) => [{ labels: {}, value }]
  return new Map([
    ['lintel_redis_up', sample(redis.up ? 1 : 0)],
    ['lintel_redis_connections_total', sample(connections)],
    ['lintel_redis_commands_total', sample(commands)],
    ['lintel_redis_command_seconds_total', sample(seconds)],
    ['lintel_redis_unanswered_total', sample(unanswered)],
    ['lintel_limits_fallbacks_total', sample(buckets.fallbacks)],
  ])
}
