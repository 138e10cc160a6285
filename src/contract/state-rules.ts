import { nearestName } from '../base/known-names.ts'
import { accessFault, parseAccess } from './access.ts'
import type { Contract } from './contract.ts'
import type { FieldSpec, Fields, Transitions } from './fields.ts'
import { isKebabCase } from './names.ts'
import type { AnyResource } from './resource.ts'
import { rulesOf } from './state.ts'
import type { Report } from './violation.ts'
import { isPast } from './words.ts'

/** Reports what is wrong with the states of a field, wherever it stands. */
export function checkStates(at: string, { transitions, initial }: FieldSpec, report: Report): void {
  if (transitions === undefined) return
  const refuse = (message: string, hint: string) => report('R-P-6', at, message, hint)
  const states = Object.keys(transitions)
  const known = `States: ${states.join(', ')}`
  for (const [from, next] of Object.entries(transitions)) {
    for (const [to, rule] of Object.entries(next)) {
      const way = `${from} -> ${to}`
      if (!Object.hasOwn(transitions, to)) refuse(`has the transition ${way}, which leads nowhere`, hintFor(to, states))
      if (to === from) refuse(`has the transition ${way}, which changes nothing`, 'Remove it')
      const fault = typeof rule === 'string' ? accessFault(rule) : 'is not a text'
      if (fault) refuse(`has the transition ${way}, whose access rule ${fault}`, 'Without a rule nobody can make it')
    }
  }
  if (initial === undefined) refuse('has no initial state', "Say where a new one begins: { initial: 'pending' }")
  else if (!Object.hasOwn(transitions, initial)) refuse(`begins as "${initial}", which is no state of it`, known)
  else
    for (const state of unreachable(transitions, initial))
      refuse(`cannot reach "${state}" from "${initial}"`, 'Add a transition that leads there, or remove the state')
}

/** Reports what is wrong with the state fields of a resource in its contract. */
export function checkStateFields(key: string, resource: AnyResource, contract: Contract, report: Report): void {
  const roles = rolesOf(contract)
  for (const [name, { spec }] of Object.entries(resource.fields as Fields)) {
    if (spec.transitions === undefined) continue
    const at = `${key}.${name}`
    const mark = MARKS.find((one) => spec[one] !== undefined)
    if (mark) report('R-P-6', at, `is a state and ${mark}`, 'A state may be server() or hidden(), and described')
    for (const rule of rulesOf(spec)) {
      if (typeof rule !== 'string' || accessFault(rule)) continue
      const access = parseAccess(rule)
      if (access.owner && resource.owner === undefined)
        report('R-AUTH-8', at, 'uses "owner", but the resource has none', "Name its field: owner: 'userId'")
      for (const role of access.roles)
        if (role !== 'service' && !roles.has(role))
          report(
            'R-AUTH-8',
            at,
            `has the role "${role}", which no access rule of this contract names`,
            hintFor(role, [...roles]),
          )
    }
    if (spec.events)
      for (const state of reached(spec))
        if (!isKebabCase(state) || !isPast(state))
          report(
            'R-EVT-1',
            at,
            `publishes its transitions, and "${resource.name}.${state}" cannot be an event: "${state}" says nothing that has happened`,
            'Name the state like `reopened`, or leave out `events: true` and emit events of your own',
          )
        else if (!Object.hasOwn(contract.events, `${resource.name}.${state}`))
          report(
            'R-EVT-2',
            at,
            `publishes its transitions, but the contract has no event "${resource.name}.${state}"`,
            'Declare it in `events`, or leave out `events: true`',
          )
  }
}

const MARKS = ['nullable', 'optional', 'default', 'fixed', 'inputOnly', 'only'] as const

/** The states that a transition leads to. */
function reached({ transitions = {} }: FieldSpec): Set<string> {
  return new Set(Object.values(transitions).flatMap((next) => Object.keys(next)))
}

function unreachable(transitions: Transitions, initial: string): string[] {
  const found = new Set([initial])
  for (const state of found)
    for (const to of Object.keys(Object.hasOwn(transitions, state) ? transitions[state]! : {})) found.add(to)
  return Object.keys(transitions).filter((state) => !found.has(state))
}

/** The roles that the contract's other rules name: a transition is made by somebody who may call something. */
function rolesOf({ resources, operations, routes }: Contract): Set<string> {
  const rules = [
    ...Object.values(resources).flatMap(({ access }) => Object.values(access) as string[]),
    ...[...Object.values(operations), ...Object.values(routes)].map(({ access }) => access),
  ]
  return new Set(rules.flatMap((rule) => (typeof rule === 'string' ? parseAccess(rule).roles : [])))
}

function hintFor(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? `Known: ${known.join(', ')}` : `Did you mean "${nearest}"?`
}
