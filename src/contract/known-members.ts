import { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'

/** Every member of an options type: one that is added to the type, and not here, does not compile. */
export type KnownMembers<T> = { readonly [K in keyof Required<T>]: true }

/**
 * Refuses an option that means nothing, where it is defined (R-P-6). In TypeScript the compiler does it first; in JavaScript
 * `acces: 'admin'` would be a resource without a rule.
 */
export function onlyKnown(where: string, given: unknown, members: Readonly<Record<string, true>>): void {
  const unknown = unknownMember(given, Object.keys(members))
  if (unknown !== undefined) throw new Fault('INVALID_CONTRACT', `R-P-6 ${where} ${unknown}`)
}
