import { type Call, type Reply, type TextReply, textOf } from '../call/call.ts'
import { CalledContext, OwnContext } from '../call/context.ts'
import { LogChanged, type Page } from '../data/feed.ts'
import type { Place } from '../data/readers.ts'
import { Deadline } from '../resilience/deadline.ts'

/** The operation of every service with events by which consumers read its outbox. It is in no contract, and served to services alone. */
export function readsOf(service: string): string {
  return `${service}:events.read`
}

export function isReadOfEvents(operation: string): boolean {
  return operation.endsWith(':events.read')
}

export interface EventsRequest {
  /** The consumer: `orders.buyers`. */
  readonly reader: string
  /** Behind which it reads; without one from the first event on that was written at `since` or later. */
  readonly place: Place | undefined
  /** RFC 3339; all that is kept without it. */
  readonly since: string | undefined
  readonly types: readonly string[]
  readonly limit: number
  /** For so long it waits for an event. */
  readonly waitMs: number
}

/** What the way there and back may take besides. */
const MARGIN_MS = 5_000

export function eventsCall(service: string, request: EventsRequest, signal: AbortSignal): Call {
  const deadline = Deadline.after(request.waitMs + MARGIN_MS)
  return {
    operation: readsOf(service),
    // It may be asked again, of another replica too.
    method: 'GET',
    version: 1,
    params: [],
    query: [[ASKED, JSON.stringify(request)]],
    path: '',
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: new CalledContext(new OwnContext(signal), { deadline, signal }),
  }
}

const ASKED = 'asked'

/** Whoever calls has the key of the system, and is one of our builds. */
export function readRequest({ query }: Call): EventsRequest {
  return JSON.parse(query.find(([name]) => name === ASKED)?.[1] ?? '') as EventsRequest
}

/** A page is text where somebody reads it as text: whoever asks in the same process takes it as it is, which nobody changes. */
export class PageReply implements TextReply {
  readonly status = 200
  readonly headers = {}
  readonly page: Page
  #body: string | undefined = undefined

  constructor(page: Page) {
    this.page = page
  }

  get body(): string {
    this.#body ??= JSON.stringify(this.page)
    return this.#body
  }
}

/** The log is not the one that was read. */
export const CHANGED: Reply = { status: 200, headers: {}, body: '{"changed":true}' }

/** Rejects with LogChanged. */
export function readReply(reply: Reply, { place }: EventsRequest): Page {
  if (reply instanceof PageReply) return reply.page
  const read = JSON.parse(textOf(reply)!) as Page & { readonly changed?: true }
  if (read.changed) throw new LogChanged(place!)
  return read
}
