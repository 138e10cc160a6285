import { type FieldFault, Problem } from '../base/errors.ts'
import { checkOf, withDefaults } from '../contract/check.ts'
import type { Contract } from '../contract/contract.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { makersField } from '../contract/principal.ts'
import type { AnyResource, Verb } from '../contract/resource.ts'
import { type Row, readField } from '../data/row.ts'
import { change, insert, read, remove } from '../data/rows.ts'
import type { Handler, Unit } from './handler.ts'
import type { HandlerInput } from './handler-input.ts'
import { mergePatch } from './merge-patch.ts'
import { holdingServerSet, withServerSet } from './server-set.ts'

type Values = Record<string, unknown>
type CrudHandler = Handler<any, Readonly<Record<string, string>>, Values, Row | undefined>

/** What Lintel does for the writing verbs that a contract does not call custom; each emits the contract's event, if any. */
export function crud(contract: Contract, resource: AnyResource, verb: Verb): CrudHandler {
  const handler = handlers[verb as keyof typeof handlers](resource)
  const type = `${resource.name}.${PAST[verb as keyof typeof PAST]}`
  if (!(type in contract.events)) return handler
  return async (input, unit) => {
    const row = await handler(input, unit)
    if (row) unit.emit(type, row)
    return row
  }
}

const PAST = { create: 'created', replace: 'updated', update: 'updated', delete: 'deleted' }

type Input = HandlerInput<Readonly<Record<string, string>>, Values>

const handlers = {
  create: (resource: AnyResource) => {
    const held = holdingServerSet(resource.stored)
    const { parent } = resource
    const owner = makersField(resource)
    return ({ params, body, caller }: Input, { tx }: Unit) => {
      const values = withServerSet(held, body, () => undefined)
      if (parent) values[parent.field] = params[parent.field]
      if (owner !== undefined && caller.kind === 'user') values[owner] = caller.id
      return insert(tx, resource, values, 'at commit')
    }
  },
  replace: (resource: AnyResource) => {
    const held = holdingServerSet(resource.stored)
    const states = statesOf(resource)
    return async ({ params, body, expected }: Input, { tx }: Unit) => {
      if (!isGiven(held, body) && !isGiven(states, body)) return change(tx, resource, params.id!, body, expected)
      const row = await read(tx, resource, params.id!, 'for update')
      return change(tx, resource, params.id!, moving(states, completed(held, body, row), row), expected)
    }
  },
  update: (resource: AnyResource) => {
    const held = holdingServerSet(resource.stored)
    // Where the contract spells the input out, it is a command: to be what it is already is no transition.
    const states = resource.input.update === undefined ? statesOf(resource) : {}
    return async ({ params, body, expected }: Input, { tx }: Unit) => {
      const parts = partsOf(resource, body)
      if (![parts, held, states].some((specs) => isGiven(specs, body)))
        return change(tx, resource, params.id!, body, expected)
      const row = await read(tx, resource, params.id!, 'for update')
      const values = completed(held, { ...body, ...merged(parts, body, row) }, row)
      return change(tx, resource, params.id!, moving(states, values, row), expected)
    }
  },
  delete:
    (resource: AnyResource) =>
    ({ params, expected }: Input, { tx }: Unit) =>
      remove(tx, resource, params.id!, expected),
}

type Specs = Readonly<Record<string, FieldSpec>>

/** Whether the body has one of those fields, and it is not null. */
function isGiven(specs: Specs, body: Values): boolean {
  for (const name in specs) if (isPart(body[name])) return true
  return false
}

function statesOf({ states, stored }: AnyResource): Specs {
  return Object.fromEntries(states.map((name: string) => [name, stored[name]!]))
}

/** Without the states that the row has already: what was read may be edited and sent back as a whole. */
function moving(states: Specs, values: Values, row: Row): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => !Object.hasOwn(states, name) || value !== readField(row, name)),
  )
}

/** With what only the service sets inside objects as it stands in the row, which is locked. */
function completed(held: Specs, body: Values, row: Row): Values {
  return withServerSet(held, body, (name) => readField(row, name))
}

/** The objects that a merge patch gives parts of. */
function partsOf(resource: AnyResource, body: Values): Specs {
  const parts: Record<string, FieldSpec> = {}
  for (const name in body) {
    const spec = (resource.stored as Specs)[name]
    if (spec?.kind === 'object' && isPart(body[name])) parts[name] = spec
  }
  return parts
}

/**
 * A part of an object is merged into what is there (RFC 7396), with the row locked in between. The whole that comes of it
 * must be what the contract says: a part may not have enough to stand alone.
 */
function merged(parts: Specs, body: Values, row: Row): Values {
  const wholes: Values = {}
  const faults: FieldFault[] = []
  for (const name in parts) {
    const spec = parts[name]!
    wholes[name] = mergePatch(readField(row, name), body[name], spec.fields)
    // What the service has set stands in what is there; nobody has sent it.
    checkOf(spec, 'left')(wholes[name], name, faults)
  }
  if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults })
  return withDefaults(parts, wholes)
}

function isPart(value: unknown): boolean {
  return value !== undefined && value !== null
}
