import type { AnyResource, Verb } from '../contract/resource.ts'
import type { Contract } from '../contract/service.ts'
import { readField, type Row } from '../data/row.ts'
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
  create: (resource: AnyResource) => ({ params, body }: Asking, { tx }: Unit) => {
    const { parent } = resource
    return insert(tx, resource, parent ? { ...body, [parent.field]: params[parent.field] } : body)
  },
  replace: (resource: AnyResource) => ({ params, body, expected }: Asking, { tx }: Unit) =>
    change(tx, resource, params.id!, body, expected),
  update: (resource: AnyResource) => async ({ params, body, expected }: Asking, { tx }: Unit) =>
    change(tx, resource, params.id!, await merged(resource, params.id!, body, tx), expected),
  delete: (resource: AnyResource) => ({ params, expected }: Asking, { tx }: Unit) =>
    remove(tx, resource, params.id!, expected),
}

/** A part of an object is merged into what is there (RFC 7396), with the row locked in between. */
async function merged(resource: AnyResource, id: string, body: Values, tx: Unit['tx']): Promise<Values> {
  const objects = Object.keys(body).filter((name) => resource.stored[name]?.kind === 'object' && body[name] !== null)
  if (objects.length === 0) return body
  const row = await read(tx, resource, id, 'for update')
  return { ...body, ...Object.fromEntries(objects.map((name) => [name, mergePatch(readField(row, name), body[name])])) }
}
