import { Fault } from '../../../base/errors.ts'
import type { FieldSpec } from '../../fields.ts'
import { filterParameters } from '../../list-query.ts'
import type { Operation } from '../../operation.ts'
import type { Surface } from '../../versions.ts'
import { draftFields, kindOf } from './fields.ts'
import type { Draft, DraftField } from './proto-file.ts'

/** What an rpc takes: the parameters of its path, and what else a request over HTTP has beside them. */
export function requestDraft(name: string, operation: Operation, surface: Surface): Draft {
  const { params, method, facts, verb, resource } = operation
  const fields: DraftField[] = params.map((param) => text(param.name))
  const query = queryFields(operation)
  if (query.length > 0)
    fields.push({ json: 'query', kind: 'message', repeated: false, of: { name: 'Query', fields: query } })
  if (surface.body)
    fields.push({ json: 'body', kind: 'message', repeated: false, of: bodyDraft(operation, surface.body) })
  if (method !== 'POST' || operation.on)
    fields.push(text('ifMatch', 'Entity tags with their quotes: the call is made for these or not at all.'))
  if ((method !== 'POST' || operation.on) && (resource === undefined || verb !== 'list'))
    fields.push(text('ifNoneMatch', 'Entity tags with their quotes.'))
  if (facts.keepsAnswers) fields.push(text('idempotencyKey', 'A repeat with it has no second effect (24 hours).'))
  const names = fields.map(({ json }) => json)
  const twice = names.find((one, i) => names.indexOf(one) < i)
  if (twice !== undefined)
    throw new Fault(
      'AMBIGUOUS_NAME',
      `${operation.id} has a path parameter "${twice}", which is also a field of every ${name}: call it otherwise`,
    )
  return { name, fields }
}

/** Names of fields that are given though they have no value: a name alone is null, and `items[]` an empty list. */
export const EMPTY_FIELDS = 'emptyFields'

function bodyDraft({ verb }: Operation, specs: Readonly<Record<string, FieldSpec>>): Draft {
  const given = Object.entries(specs).filter(([, spec]) => !spec.hidden && !(verb === 'create' && spec.server))
  const fields = draftFields(Object.fromEntries(given))
  if (given.some(([, spec]) => verb === 'update' || spec.nullable || spec.kind === 'list' || spec.kind === 'object'))
    fields.push({
      json: EMPTY_FIELDS,
      kind: 'string',
      repeated: true,
      comment:
        'Fields that are null, by their names in JSON: `nickname`, `address.street`; `items[]` is an empty list.',
    })
  return { name: 'Body', fields }
}

function queryFields({ verb, resource, query }: Operation): DraftField[] {
  if (query) return draftFields(query)
  if (!resource || (verb !== 'list' && verb !== 'get')) return []
  const fields = text('fields', 'The only fields to show; id always is.', true)
  if (verb === 'get') return [fields]
  return [
    { json: 'page', kind: 'int32', repeated: false },
    { json: 'limit', kind: 'int32', repeated: false },
    text('cursor', 'next_cursor of the page before.'),
    text('count', 'exact or none.'),
    text('sort', 'Such as -createdAt.', true),
    fields,
    ...filterParameters(resource).map(({ name, comparison, spec }): DraftField => {
      if (comparison === 'after' || comparison === 'before' || comparison === 'search') return text(name)
      const kind = kindOf(spec)
      // A bound may lie outside the limits of its field.
      return { json: name, kind: kind === 'int32' ? 'int64' : kind, repeated: comparison === 'in' }
    }),
  ]
}

function text(json: string, comment?: string, repeated = false): DraftField {
  return { json, kind: 'string', repeated, comment }
}
