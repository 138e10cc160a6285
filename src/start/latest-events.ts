import { latestEvents } from '../data/latest-events.ts'
import { type ShownEvent, shownEvent } from '../events/shown-event.ts'
import type { RunningServices } from './run-services.ts'

const COUNT = 20

/** The last events of the services in this process together, newest first; undefined where none publishes any. */
export function latestEventsOf({ byName }: RunningServices): (() => Promise<readonly ShownEvent[]>) | undefined {
  const publishing = [...byName].filter(([, { service }]) => Object.keys(service.contract.events).length > 0)
  if (publishing.length === 0) return undefined
  return async () => {
    const all = await Promise.all(
      publishing.map(async ([name, { database }]) =>
        (await latestEvents(database, COUNT)).map((event) => shownEvent(name, event)),
      ),
    )
    return all
      .flat()
      .sort((a, b) => (a.timestamp < b.timestamp ? 1 : -1))
      .slice(0, COUNT)
  }
}
