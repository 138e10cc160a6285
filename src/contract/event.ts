import type { Fields, Flat, TypeOf } from './fields.ts'
import { type FieldSpec, specsOf } from './fields.ts'
import { type KnownMembers, onlyKnown } from './known-members.ts'
import type { AnyResource, IdOf, Resource, ShownOf } from './resource.ts'

type Members = Record<string, unknown>

/** An event that a service publishes: `data` is checked when it is published (R-EVT-1). */
export interface EventSpec<T = unknown, I extends string = string> {
  readonly data: Readonly<Record<string, FieldSpec>>
  /** By the number of each older shape of the data, from 1: what brings it one shape up. */
  readonly older: Readonly<Record<number, EventStep>>
  /** Types only; never set: what the data are, and the ids of what it happens to. */
  readonly '~'?: { data: T; id: I }
}

/** Brings the data of an event from an older shape to the next; `event` says what else is known of it. */
export type EventStep = (data: Members, event: Published) => Members

/** What happened to which resource, and when: `ord_…`, RFC 3339. */
export interface Published {
  readonly aggregateId: string
  readonly timestamp: string
}

export interface EventOptions {
  /**
   * The shapes that the data once had, for events that were published then (R-EVT-7): `{ 1: up }` says that today's is the
   * second, and `up` makes it from the first. Handlers see the newest alone.
   */
  readonly older?: Readonly<Record<number, EventStep>>
}

const OPTIONS: KnownMembers<EventOptions> = { older: true }

/** Data of an event's own, or a resource's: then it carries the fields that the resource shows. */
export function event<F extends Fields>(data: F, options?: EventOptions): EventSpec<{ [K in keyof F]: TypeOf<F[K]> }>
export function event<R extends AnyResource>(resource: R, options?: EventOptions): EventSpec<Flat<ShownOf<R>>, IdOf<R>>
export function event(data: Fields | Resource, options: EventOptions = {}): EventSpec<any> {
  onlyKnown('event', options, OPTIONS)
  return { data: isResource(data) ? data.shown : specsOf(data), older: options.older ?? {} }
}

export type EventData<E> = E extends EventSpec<infer T, any> ? T : never
/** What an event happens to: `usr_…` where it is a resource's, some text else. */
export type EventSubject<E> = E extends EventSpec<any, infer I> ? I : never

/** Version of the data of an event: 1, and one more for each shape that is older. */
export function dataVersion({ older }: EventSpec): number {
  return Object.keys(older).length + 1
}

/** Data of that version, as the newest has them. */
export function upToDate({ older }: EventSpec, data: Members, version: number, event: Published): Members {
  let value = data
  for (let from = version, up = older[from]; up !== undefined; up = older[++from]) value = up(value, event)
  return value
}

function isResource(value: Fields | Resource): value is Resource {
  return 'kind' in value && (value as { kind: unknown }).kind === 'resource'
}
