import type { MsgHdrs } from '@nats-io/transport-node'
import { encodeId } from '../base/ids.ts'
import type { CarriedEvent } from './carrier.ts'
import { type EventHeaders, readHeaders, validHeaders } from './headers.ts'

/** Of an event's headers, as a message has them: the trace under the names that every tracer looks for. */
const CAUSE = {
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  requestId: 'lintel-request-id',
  actor: 'lintel-actor',
} as const satisfies { [member in keyof EventHeaders]-?: string }
const MEMBERS = Object.keys(CAUSE) as (keyof EventHeaders)[]

/** Sets what CloudEvents 1.0 asks for, by its binding for NATS; and what caused the event, where that is known. */
export function setHeaders(all: MsgHdrs, from: string, event: CarriedEvent): MsgHdrs {
  all.set('ce-specversion', '1.0')
  all.set('ce-id', encodeId('evt', event.id))
  all.set('ce-source', `/${from}`)
  all.set('ce-type', event.type)
  all.set('ce-subject', event.aggregateId)
  all.set('ce-time', event.occurredAt)
  all.set('content-type', 'application/json')
  if (event.headers === undefined) return all
  const cause = readHeaders(event.headers)
  for (const member of MEMBERS) if (cause[member] !== undefined) all.set(CAUSE[member], cause[member])
  return all
}

/** What caused the event, as JSON text. Anybody may write to the stream: what is not valid is dropped. */
export function causeOf(message: MsgHdrs | undefined): string | undefined {
  if (message === undefined) return undefined
  const given: { -readonly [member in keyof EventHeaders]: unknown } = {}
  for (const member of MEMBERS) given[member] = message.get(CAUSE[member])
  const text = JSON.stringify(validHeaders(given))
  return text === '{}' ? undefined : text
}
