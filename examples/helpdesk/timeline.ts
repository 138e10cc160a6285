import { setTimeout as wait } from 'node:timers/promises'
import { type EventHandlerOf, type Id, type RouteHandler, type RouteUnit, type Unit, uuidOf } from 'lintel/service'
import { type helpdesk, Ticket } from './contract.ts'
import { visibleTicket } from './find-ticket.ts'

type Noted = `ticket.${'created' | 'resolved' | 'reopened' | 'closed' | 'assigned' | 'commented'}`

/** The events of one ticket are handled in their order, one after the other: so do their positions rise. */
export const note: EventHandlerOf<typeof helpdesk, 'timelines', Noted> = async (event, { tx }) => {
  const { aggregateId, type, timestamp, data } = event
  await tx.query('insert into timeline (ticket_id, type, data) values ($1, $2, $3)', [
    uuidOf(Ticket, aggregateId),
    type,
    JSON.stringify({ at: timestamp, ...data }),
  ])
}

/** A client that comes back, to whichever process, says what it had last (`Last-Event-ID`). */
export const timeline: RouteHandler<typeof helpdesk, 'timeline'> = async ({ params, headers, caller }, unit) => {
  const { id } = await visibleTicket(params.ticketId, caller, unit)
  const last = Number(headers['last-event-id'])
  return { body: follow(id, Number.isSafeInteger(last) ? last : 0, unit) }
}

const POLL_MS = 1_000
/** A connection on which nothing is sent for a minute is cut. */
const QUIET_MS = 20_000

async function* follow(id: Id<'tkt'>, after: number, unit: RouteUnit<typeof helpdesk>) {
  let [position, quietMs] = [after, 0]
  yield 'retry: 1000\n\n'
  while (!unit.signal.aborted) {
    const news = await unit.run(({ read }) => newsOf(id, position, read))
    for (const event of news) {
      yield `id: ${event.position}\nevent: ${event.type}\ndata: ${event.data}\n\n`
      position = event.position
    }
    quietMs = news.length > 0 ? 0 : quietMs + POLL_MS
    if (quietMs >= QUIET_MS) {
      yield ':\n\n'
      quietMs = 0
    }
    await wait(POLL_MS, undefined, { signal: unit.signal })
  }
}

function newsOf(id: Id<'tkt'>, position: number, read: Unit['read']) {
  return read.query<{ position: number; type: string; data: string }>(
    'select position, type, data from timeline where ticket_id = $1 and position > $2::bigint order by position limit 100',
    [uuidOf(Ticket, id), position],
  )
}
