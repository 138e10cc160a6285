import { parseAccess } from './access.ts'
import type { FieldSpec, Fields } from './fields.ts'
import { type DescribedOperation, type Method, type Operation, type OperationSpec, STATUS } from './operation.ts'
import type { AnyResource, Verb } from './resource.ts'

const METHODS: Record<Verb, Method> = {
  list: 'GET',
  get: 'GET',
  create: 'POST',
  replace: 'PUT',
  update: 'PATCH',
  delete: 'DELETE',
}
export const VERBS = Object.keys(METHODS) as Verb[]

/** Every operation that a resource's access rules offer, at each path where it stands. */
export function operationsOf(service: string, key: string, resource: AnyResource): DescribedOperation[] {
  const collection = collectionPath(resource)
  const operations: DescribedOperation[] = []
  for (const verb of VERBS) {
    const rule = resource.access[verb]
    if (rule === undefined) continue
    const one = verb !== 'list' && verb !== 'create'
    const places = one
      ? [{ name: verb as string, path: itemPath(resource, 'id') }]
      : [{ name: verb as string, path: collection }]
    if (verb === 'list' && resource.parent && resource.list.root)
      places.push({ name: 'listAll', path: `/${resource.plural}` })
    for (const { name, path } of places) {
      operations.push({
        id: `${service}.${key}.${name}`,
        service,
        key,
        verb,
        name,
        method: METHODS[verb],
        path,
        segments: segmentsOf(path),
        params: paramsOf(path, resource),
        route: undefined,
        resource,
        on: undefined,
        shows: undefined,
        query: undefined,
        allow: resource.allow,
        custom: resource.custom.includes(verb),
        body: bodyOf(resource, verb),
        answer: verb === 'delete' ? undefined : resource.shown,
        status: STATUS[METHODS[verb]],
        access: parseAccess(rule),
        credentials: 'bearer',
        problems: resource.problems[verb] ?? [],
        secret: false,
        limits: resource.limits[verb],
        cost: resource.cost[verb] === undefined ? 1 : resource.cost[verb],
        timeoutMs: resource.timeoutMs[verb],
        description: undefined,
      })
    }
  }
  return operations
}

/** An operation of the contract's own, as it is served. */
export function customOperation(
  service: string,
  name: string,
  spec: OperationSpec,
  resources: Readonly<Record<string, AnyResource>> = {},
): DescribedOperation {
  const { on, shows } = spec
  const param = on && thingParam(spec.path, on)
  const key = Object.keys(resources).find((one) => resources[one] === shows)
  return {
    id: `${service}.${name}`,
    service,
    key: undefined,
    verb: 'custom',
    name,
    method: spec.method,
    path: spec.path,
    segments: segmentsOf(spec.path),
    params: paramsOf(spec.path, on, param),
    route: undefined,
    resource: undefined,
    on: on && { resource: on, param: param ?? 'id' },
    shows: shows && { resource: shows, key: key ?? '' },
    query: spec.query,
    allow: spec.allow,
    custom: true,
    body: spec.body,
    answer: spec.answer,
    status: spec.status,
    access: parseAccess(spec.access),
    credentials: spec.credentials,
    problems: spec.problems,
    secret: spec.secret,
    limits: spec.limits,
    cost: spec.cost,
    timeoutMs: spec.timeoutMs,
    description: spec.description,
  }
}

/** Path of a collection: `/orders`, or `/carts/{cartId}/items` below a parent. */
export function collectionPath(resource: AnyResource): string {
  const parent = resource.parent
  return parent ? `${itemPath(parent.of, parent.field)}/${resource.plural}` : `/${resource.plural}`
}

/** Path of one thing: `/orders/{id}`, or `/carts/{cartId}/items/{id}` where it lives below its parent. */
export function itemPath(resource: AnyResource, param: string): string {
  return `${resource.nested ? collectionPath(resource) : `/${resource.plural}`}/{${param}}`
}

function segmentsOf(path: string): string[] {
  return path.split('/').slice(1)
}

/**
 * Which parameter of a path is the id of the thing that it begins with; undefined where it begins otherwise. Parents have the names
 * of their fields, the thing itself any other.
 */
export function thingParam(path: string, resource: AnyResource): string | undefined {
  const segments = segmentsOf(path)
  const start = segmentsOf(itemPath(resource, 'id'))
  const name = /^\{(\w+)\}$/.exec(segments[start.length - 1] ?? '')?.[1]
  if (name === undefined || name === resource.parent?.field) return undefined
  return start.every((segment, i) => i === start.length - 1 || segment === segments[i]) ? name : undefined
}

function paramsOf(path: string, resource: AnyResource | undefined, thing = 'id'): Operation['params'] {
  const params: { name: string; prefix: string | undefined }[] = []
  for (const [, name = ''] of path.matchAll(/\{([^{}]*)\}/g))
    params.push({ name, prefix: name === thing ? resource?.idPrefix : prefixOf(name, resource) })
  return params
}

function prefixOf(param: string, resource: AnyResource | undefined): string | undefined {
  for (let at = resource; at; at = at.parent?.of) {
    if (at.parent?.field === param) return at.parent.of.idPrefix
  }
  return undefined
}

function bodyOf(resource: AnyResource, verb: Verb): Record<string, FieldSpec> | undefined {
  if (verb === 'list' || verb === 'get' || verb === 'delete') return undefined
  const given = resource.input[verb as 'create' | 'update']
  // What is shown beside the input may stand in a change too, with its current value (R-BODY-4).
  if (given) return withVersion(verb === 'create' ? given : { ...readOnly(resource.shown), ...given }, resource, verb)
  const { id, createdAt, updatedAt } = resource.stored as Record<string, FieldSpec>
  const body: Record<string, FieldSpec> = { id: id!, createdAt: createdAt!, updatedAt: updatedAt! }
  for (const [name, { spec }] of Object.entries(resource.fields as Fields)) {
    if (spec.hidden) continue
    body[name] = isGivenBy(verb, spec) ? spec : { ...spec, server: true }
    // A replacement without it leaves a state as it is.
    if (verb === 'replace' && spec.transitions && !spec.server) body[name] = { ...spec, optional: true }
  }
  return withVersion(body, resource, verb)
}

function isGivenBy(verb: Verb, { fixed, transitions }: FieldSpec): boolean {
  return verb === 'create' ? transitions === undefined : !fixed
}

function readOnly(specs: Readonly<Record<string, FieldSpec>>): Record<string, FieldSpec> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, { ...spec, server: true }]))
}

/** Changes of a versioned resource may say which version they mean (R-LOCK-2). */
function withVersion(body: Record<string, FieldSpec>, resource: AnyResource, verb: Verb) {
  if (!resource.versioned || verb === 'create') return body
  return { ...body, version: { kind: 'integer', min: 1, max: 2_147_483_647, optional: true } as FieldSpec }
}
