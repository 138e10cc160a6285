import type { Metric, Sample } from '../observe/metrics.ts'
import type { RunningService } from './run-service.ts'

const OF_SERVICE = ['service']
const OF_CONSUMER = ['consumer']

/** How events are doing, for alerts: what waits, for how long, and what failed. */
export const EVENT_METRICS: readonly Metric[] = [
  { name: 'lintel_outbox_unpublished', help: 'Events that no carrier has yet', labels: OF_SERVICE },
  { name: 'lintel_outbox_oldest_seconds', help: 'Age of the oldest event that no carrier has yet', labels: OF_SERVICE },
  {
    name: 'lintel_outbox_held_seconds',
    help: 'For how long the transaction has been open that keeps events from being published',
    labels: OF_SERVICE,
  },
  { name: 'lintel_events_published_total', help: 'Events that this process has published', labels: OF_SERVICE },
  { name: 'lintel_inbox_waiting', help: 'Events that a consumer has yet to handle', labels: OF_CONSUMER },
  { name: 'lintel_inbox_lag_seconds', help: 'Age of the oldest event that waits for a consumer', labels: OF_CONSUMER },
  { name: 'lintel_dead_letters', help: 'Events whose handler has failed for the last time', labels: OF_CONSUMER },
  { name: 'lintel_events_handled_total', help: 'Events that this process has handled', labels: OF_SERVICE },
  { name: 'lintel_event_failures_total', help: 'Handlers of events that failed in this process', labels: OF_SERVICE },
  { name: 'lintel_events_redelivered_total', help: 'Events that came again, and were passed over', labels: OF_SERVICE },
  { name: 'lintel_events_unreadable_total', help: 'Messages of the broker that are no events', labels: OF_SERVICE },
]

export async function collectEvents(services: readonly RunningService[]): Promise<Map<string, Sample[]>> {
  const all = new Map<string, Sample[]>(EVENT_METRICS.map(({ name }) => [name, []]))
  const add = (name: string, labels: Sample['labels'], value: number) =>
    all.get(`lintel_${name}`)!.push({ labels, value })
  await Promise.all(
    services.map(async (service) => {
      // A database that is away leaves its figures out, not everybody's.
      const state = await service.events().catch(() => undefined)
      if (!state) return
      const labels = { service: service.name }
      add('outbox_unpublished', labels, state.outbox.waiting)
      add('outbox_oldest_seconds', labels, state.outbox.oldestMs / 1000)
      add('outbox_held_seconds', labels, (state.outbox.heldUp?.openMs ?? 0) / 1000)
      add('events_published_total', labels, state.published)
      add('events_handled_total', labels, state.handled)
      add('event_failures_total', labels, state.failures)
      add('events_redelivered_total', labels, state.redelivered)
      add('events_unreadable_total', labels, state.unreadable)
      for (const { consumer, waiting, lagMs, dead } of state.inbox) {
        add('inbox_waiting', { consumer }, waiting)
        add('inbox_lag_seconds', { consumer }, lagMs / 1000)
        add('dead_letters', { consumer }, dead)
      }
    }),
  )
  return all
}
