import { Problem } from '../base/errors.ts'
import { type Access, parseAccess } from '../contract/access.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { withArticle } from '../contract/names.ts'
import type { AnyResource } from '../contract/resource.ts'
import { accessTo, rulesOf, transitionAccess } from '../contract/state.ts'
import { type Row, readField } from './row.ts'

/** Whether a rule lets somebody make a transition of the row. */
type Admits = (access: Access) => boolean

/** Where a change would take the states of a row, by field. */
export type Moves = readonly (readonly [field: string, to: unknown])[]

export function movesIn({ states }: AnyResource, values: object): Moves {
  if (states.length === 0) return []
  return Object.entries(values).filter(([name, value]) => value !== undefined && states.includes(name))
}

/**
 * Throws unless a row, which is locked, may be taken to the states that are given. FORBIDDEN goes first for whoever could take it
 * there from no state at all; others learn that there is no such transition: INVALID_TRANSITION.
 */
export function assertTransitions(row: Row, moves: Moves, admits: Admits): void {
  const { resource } = row.table
  for (const [name, value] of moves) {
    const spec = resource.stored[name]!
    const from = String(readField(row, name))
    const to = String(value)
    const access = transitionAccess(spec, from, to)
    if (access ? !admits(access) : !mayKnow(spec, to, admits)) throw new Problem('FORBIDDEN')
    if (!access) throw new Problem('INVALID_TRANSITION', `${subject(resource)} that is ${from} cannot become ${to}`)
  }
}

/** Of a state that nothing leads to, only roles that the field's transitions name: owners may not even ask. */
function mayKnow(spec: FieldSpec, to: string, admits: Admits): boolean {
  const rules = accessTo(spec, to)
  if (rules.length > 0) return rules.some(admits)
  return rulesOf(spec).some((rule) => admits({ ...parseAccess(rule), owner: false }))
}

function subject({ name }: AnyResource): string {
  const words = withArticle(name.replaceAll('-', ' '))
  return words[0]!.toUpperCase() + words.slice(1)
}
