import { type FieldFault, Problem } from '../base/errors.ts'
import { checkOf, withDefaults } from '../contract/check.ts'
import type { AnyResource, Verb } from '../contract/resource.ts'
import type { Contract } from '../contract/service.ts'
import { type Row, readField } from '../data/row.ts'
import { change, insert, read, remove } from '../data/rows.ts'
import type { Asked, Handler, Unit } from './handler.ts'
import { mergePatch } from './merge-patch.ts'

type Values = Record<string, unknown>
type CrudHandler = Handler<any, Readonly<Record<string, string>>, Values, Row | undefined>

/** What Lintel does for the writing verbs that a contract does not call custom; each emits the contract's event, if any. */
export function crud(contract: Contract, resource: AnyResource, verb: Verb): CrudHandler {
  const handler = handlers[verb as keyof typeof handlers](resource)
  const type = `${resource.name}.${PAST[verb as keyof typeof PAST]}`
  if (!(type in contract.events)) return handler
  return async (asked, unit) => {
    const row = await handler(asked, unit)
    if (row) unit.emit(type, row)
    return row
  }
}

const PAST = { create: 'created', replace: 'updated', update: 'updated', delete: 'deleted' }

type Asking = Asked<Readonly<Record<string, string>>, Values>

const handlers = {
  create:
    (resource: AnyResource) =>
    ({ params, body }: Asking, { tx }: Unit) => {
      const { parent } = resource
      return insert(tx, resource, parent ? { ...body, [parent.field]: params[parent.field] } : body)
    },
  replace:
    (resource: AnyResource) =>
    ({ params, body, expected }: Asking, { tx }: Unit) =>
      change(tx, resource, params.id!, body, expected),
  update:
    (resource: AnyResource) =>
    async ({ params, body, expected }: Asking, { tx }: Unit) =>
      change(tx, resource, params.id!, await merged(resource, params.id!, body, tx), expected),
  delete:
    (resource: AnyResource) =>
    ({ params, expected }: Asking, { tx }: Unit) =>
      remove(tx, resource, params.id!, expected),
}

/**
 * A part of an object is merged into what is there (RFC 7396), with the row locked in between. The whole that comes of it
 * must be what the contract says: a part may not have enough to stand alone.
 */
async function merged(resource: AnyResource, id: string, body: Values, tx: Unit['tx']): Promise<Values> {
  const objects = Object.entries(resource.stored).filter(([name, { kind }]) => kind === 'object' && isPart(body[name]))
  if (objects.length === 0) return body
  const row = await read(tx, resource, id, 'for update')
  const wholes = Object.fromEntries(objects.map(([name]) => [name, mergePatch(readField(row, name), body[name])]))
  const faults: FieldFault[] = []
  for (const [name, spec] of objects) checkOf(spec)(wholes[name], name, faults)
  if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults })
  return { ...body, ...withDefaults(Object.fromEntries(objects), wholes) }
}

function isPart(value: unknown): boolean {
  return value !== undefined && value !== null
}
