import type { Fields, Shown, TypeOf } from './fields.ts'
import { type FieldSpec, specsOf } from './fields.ts'
import type { Resource } from './resource.ts'

/** An event that a service publishes: `data` is checked when it is published (R-EVT-1). */
export interface EventSpec<T = unknown> {
  readonly data: Readonly<Record<string, FieldSpec>>
  readonly '~'?: T
}

/** Data of an event's own, or a resource's: then it carries the fields that the resource shows. */
export function event<F extends Fields>(data: F): EventSpec<{ [K in keyof F]: TypeOf<F[K]> }>
export function event<R extends Resource>(resource: R): EventSpec<Shown<R['fields']>>
export function event(data: Fields | Resource): EventSpec<any> {
  return { data: isResource(data) ? data.shown : specsOf(data) }
}

export type EventData<E> = E extends EventSpec<infer T> ? T : never

function isResource(value: Fields | Resource): value is Resource {
  return 'kind' in value && (value as { kind: unknown }).kind === 'resource'
}
