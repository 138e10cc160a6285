import type { Place } from '../source/places.ts'
import { KINDS, type Kind, type Party, type Verdict } from './kinds.ts'

/** One difference between two states of an interface. */
export interface Change extends Place {
  readonly kind: Kind
  readonly verdict: Verdict
  /** `POST /orders items[].quantity`. */
  readonly where: string
  /** `is required now`. */
  readonly what: string
  readonly why: string
  readonly whom: Party
  readonly file: string
  /** Where line and column are: in the new state, or in the old where there is nothing left of it. */
  readonly side: 'old' | 'new'
}

export interface ChangePlace extends Place {
  readonly file: string
  readonly side: 'old' | 'new'
}

export function changeOf(kind: Kind, where: string, what: string, place: ChangePlace, whom?: Party): Change {
  const spec = KINDS[kind]
  return {
    kind,
    verdict: spec.verdict,
    where,
    what,
    why: spec.why,
    whom: spec.whom === 'nobody' ? 'nobody' : (whom ?? spec.whom),
    ...place,
  }
}

const ORDER: readonly Verdict[] = ['breaking', 'risky', 'compatible']

/** The worst first, each in the order in which it was found. */
export function sortedChanges(changes: readonly Change[]): Change[] {
  return ORDER.flatMap((verdict) => changes.filter((one) => one.verdict === verdict))
}
