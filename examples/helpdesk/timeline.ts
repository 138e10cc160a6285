import { setTimeout as wait } from 'node:timers/promises'
import { type EventHandlerOf, type RouteHandler, type RouteUnit, uuidOf } from 'lintel/service'
import { type helpdesk, Ticket } from './contract.ts'
import { visibleTicket } from './visible.ts'

type Noted =
  | 'ticket.created'
  | 'ticket.resolved'
  | 'ticket.reopened'
  | 'ticket.closed'
  | 'ticket.assigned'
  | 'ticket.commented'

/** The events of one ticket arrive in order, one after the other: so do their numbers. */
export const note: EventHandlerOf<typeof helpdesk, 'timelines', Noted> = async (event, { tx }) => {
  await tx.query('insert into timeline (ticket_id, type, data) values ($1, $2, $3)', [
    uuidOf(Ticket, event.aggregateId),
    event.type,
    JSON.stringify({ at: event.timestamp, ...event.data }),
  ])
}

/** A client that reconnects, at whatever process, says what it had last (`Last-Event-ID`), as browsers do. */
export const timeline: RouteHandler<typeof helpdesk, 'timeline'> = async ({ params, headers, caller }, unit) => {
  const { id } = await visibleTicket(params.ticketId, caller, unit)
  const last = Number(headers['last-event-id'] ?? 0)
  return { body: follow(uuidOf(Ticket, id), Number.isSafeInteger(last) ? last : 0, unit) }
}

const POLL_MS = 500
const QUIET_MS = 20_000

async function* follow(ticket: string, last: number, unit: RouteUnit<typeof helpdesk>) {
  yield 'retry: 1000\n\n'
  let spokeAt = performance.now()
  while (!unit.signal.aborted) {
    const news = await unit.run(({ read }) =>
      read.query<{ position: number; type: string; data: string }>(
        'select position, type, data from timeline where ticket_id = $1 and position > $2 order by position limit 100',
        [ticket, last],
      ),
    )
    for (const { position, type, data } of news) {
      yield `id: ${position}\nevent: ${type}\ndata: ${data}\n\n`
      last = position
    }
    if (news.length > 0) spokeAt = performance.now()
    else if (performance.now() - spokeAt > QUIET_MS) {
      // A connection that says nothing for a minute is cut.
      yield ':\n\n'
      spokeAt = performance.now()
    }
    await wait(POLL_MS, undefined, { signal: unit.signal })
  }
}
