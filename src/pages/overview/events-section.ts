import type { ConsumerSpec } from '../../contract/consumer.ts'
import type { Contract } from '../../contract/contract.ts'
import { type Html, html } from '../html.ts'

/** Every event of a system with who publishes it and who consumes it. */
export function eventsSection(contracts: readonly Contract[]): Html {
  const rows = contracts.flatMap(({ name, events }) =>
    Object.keys(events).map((type) => eventRow(type, name, consumersOf(type, name, contracts))),
  )
  const table = html`<div id="last-events" aria-live="polite"><p>The last are at <a href="dev/events">/dev/events</a>.</p></div>
<table><caption>Types</caption>
<thead><tr><th scope="col">Event</th><th scope="col">Published by</th><th scope="col">Consumed by</th></tr></thead>
<tbody>${rows}</tbody></table>`
  return html`<section id="events" aria-labelledby="events-title"><h2 id="events-title">Events</h2>
${rows.length === 0 ? html`<p>No service publishes any.</p>` : table}</section>`
}

function eventRow(type: string, publisher: string, consumers: readonly string[]): Html {
  const names = consumers.length === 0 ? 'nobody' : consumers.join(', ')
  return html`<tr><td><code>${type}</code></td><td>${publisher}</td><td>${names}</td></tr>
`
}

/** `orders.buyers`: the consumer of a service. */
function consumersOf(type: string, publisher: string, contracts: readonly Contract[]): string[] {
  return contracts.flatMap(({ name, consumers }) =>
    Object.entries<ConsumerSpec>(consumers)
      .filter(([, { from, events }]) => from === publisher && Object.hasOwn(events, type))
      .map(([key]) => `${name}.${key}`),
  )
}
