import { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'

/** What a member must be, where it is given: `true` where the rules of the contract, or nothing, say more. */
export type MemberKind = 'boolean' | 'list' | true

/** Every member of an options type: one that is added to the type, and not here, does not compile. */
export type KnownMembers<T> = { readonly [K in keyof Required<T>]: KindOf<NonNullable<T[K]>> }

type KindOf<V> = 0 extends 1 & V
  ? true
  : [V] extends [boolean]
    ? 'boolean'
    : [V] extends [readonly any[]]
      ? 'list'
      : true

/**
 * Refuses an option that means nothing, and one that cannot mean what it says, where it is defined (R-P-6). In TypeScript the
 * compiler does it first; in JavaScript `acces: 'admin'` would be a resource without a rule, and `softDelete: 'no'` one with it.
 */
export function onlyKnown(where: string, given: unknown, members: Readonly<Record<string, MemberKind>>): void {
  const unknown = unknownMember(given, Object.keys(members))
  if (unknown !== undefined) throw new Fault('INVALID_CONTRACT', `R-P-6 ${where} ${unknown}`)
  if (typeof given !== 'object' || given === null) return
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (members[name] === 'boolean' && typeof value !== 'boolean') throw wrongKind(where, name, value, 'true or false')
    if (members[name] === 'list') checkList(where, name, value)
  }
}

export function checkList(where: string, name: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw wrongKind(where, name, value, 'a list')
}

/** Of what has names: of verbs, say. */
export function checkObject(where: string, name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongKind(where, name, value, 'an object')
}

export function wrongKind(where: string, name: string, value: unknown, expected: string): Fault {
  return new Fault('INVALID_CONTRACT', `R-P-6 ${where} has ${inWords(value)} as \`${name}\`: expected ${expected}`)
}

/** A value as a message shows it. Not as JSON, which has no word for undefined and NaN. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
