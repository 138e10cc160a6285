import type { MsgHdrs } from '@nats-io/transport-node'
import { decodeId, encodeId } from '../base/ids.ts'
import type { CarriedEvent } from './carrier.ts'
import { type EventHeaders, readHeaders, validHeaders } from './headers.ts'

/** Of an event's headers, as a message has them: the trace under the names that every tracer looks for. */
const CAUSE = {
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  requestId: 'lintel-request-id',
  actor: 'lintel-actor',
} as const satisfies { [member in keyof Omit<EventHeaders, 'dataVersion'>]-?: string }
const MEMBERS = Object.keys(CAUSE) as (keyof typeof CAUSE)[]

/**
 * Sets the attributes of CloudEvents 1.0 as its binding for NATS has them in binary mode, where the payload is the data alone; and what
 * caused the event, where that is known. `dataschema` names the event and the version of its data.
 */
export function setHeaders(all: MsgHdrs, from: string, event: CarriedEvent): MsgHdrs {
  all.set('ce-specversion', '1.0')
  all.set('ce-id', encodeId('evt', event.id))
  all.set('ce-source', `/${from}`)
  all.set('ce-type', event.type)
  all.set('ce-subject', percentEncoded(event.aggregateId))
  all.set('ce-time', event.occurredAt)
  all.set('ce-datacontenttype', 'application/json')
  const cause = readHeaders(event.headers)
  all.set('ce-dataschema', `urn:lintel:event:${from}:${event.type}:${cause.dataVersion ?? 1}`)
  for (const member of MEMBERS) if (cause[member] !== undefined) all.set(CAUSE[member], cause[member])
  return all
}

/** An event whose payload is its data; undefined where an attribute is missing, or is none that we would have set. */
export function eventIn(message: MsgHdrs, data: string): CarriedEvent | undefined {
  const [id, type, subject, time] = ['ce-id', 'ce-type', 'ce-subject', 'ce-time'].map((name) => message.get(name))
  const uuid = decodeId('evt', id!)
  const aggregateId = percentDecoded(subject!)
  // PostgreSQL takes no NUL in text.
  if (uuid === undefined || !type || !aggregateId || aggregateId.includes('\0') || !isTime(time!)) return undefined
  return { id: uuid, type, aggregateId, occurredAt: time!, data, headers: headersIn(message) }
}

/** Whether the payload is the data alone. Before November 2026 it was the whole event, beside attributes without a schema. */
export function isBinary(message: MsgHdrs): boolean {
  return message.has('ce-dataschema')
}

/** As the binding has it: whatever is not printable ASCII, and the space, the quote and the percent sign. */
function percentEncoded(text: string): string {
  return text.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, encodeURIComponent)
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** As we write it, to the millisecond; JavaScript reads more than PostgreSQL does, and rolls the 31st of February over. */
function isTime(text: string): boolean {
  const time = new Date(text)
  return !Number.isNaN(time.getTime()) && /^\d{4}-/.test(text) && time.toISOString() === text
}

/** The event's headers, as JSON text. Anybody may write to the stream: what is not valid is dropped. */
function headersIn(message: MsgHdrs): string | undefined {
  const given: { -readonly [member in keyof EventHeaders]: unknown } = {}
  for (const member of MEMBERS) given[member] = message.get(CAUSE[member])
  const version = Number(/:(\d{1,9})$/.exec(message.get('ce-dataschema'))?.[1])
  if (version > 1) given.dataVersion = version
  const text = JSON.stringify(validHeaders(given))
  return text === '{}' ? undefined : text
}
