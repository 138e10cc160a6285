import { type Access, parseAccess } from './access.ts'
import type { FieldSpec } from './fields.ts'

/** The fields of a resource that are states. */
export function statesIn(specs: Readonly<Record<string, FieldSpec>>): string[] {
  return Object.keys(specs).filter((name) => specs[name]!.transitions !== undefined)
}

/** Who may make a transition; undefined where there is none. */
export function transitionAccess({ transitions }: FieldSpec, from: string, to: string): Access | undefined {
  const rule = own(own(transitions, from), to)
  return rule === undefined ? undefined : parseAccess(rule)
}

/** Who may take a thing to this state, from whichever. */
export function accessTo({ transitions = {} }: FieldSpec, to: string): Access[] {
  return Object.values(transitions).flatMap((next) => (Object.hasOwn(next, to) ? [parseAccess(next[to]!)] : []))
}

/** Every access rule of the field. */
export function rulesOf({ transitions = {} }: FieldSpec): string[] {
  return Object.values(transitions).flatMap((next) => Object.values(next))
}

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
}
