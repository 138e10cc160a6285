import { Fault } from '../../base/errors.ts'
import { isInternal } from '../access.ts'
import type { Contract } from '../contract.ts'
import type { FieldSpec } from '../fields.ts'
import type { Operation } from '../operation.ts'
import type { Resource } from '../resource.ts'
import { surfaceOf } from '../versions.ts'
import type { Draft } from './draft.ts'
import { exampleBody } from './examples.ts'
import { bodySchema, changeSchema } from './json-schema.ts'
import type { OperationObject, PathItem, RequestBody } from './openapi-types.ts'
import { parametersOf } from './parameters.ts'
import { responsesOf } from './responses.ts'
import { ROUTE_SENTENCE, routeBody, routeResponses } from './route-objects.ts'
import { capital, nameOfResource, pascalCase, schemaName } from './schema-names.ts'
import { accessRule, accessSentence, summaryOf } from './wording.ts'

/** Every operation that is served to the outside, by path and method. */
export function pathsOf(contracts: readonly Contract[], draft: Draft): Record<string, PathItem> {
  const paths: Record<string, Record<string, OperationObject>> = {}
  const templates = new Map<string, string>()
  for (const contract of contracts)
    for (const operation of contract.served) {
      if (isInternal(operation.access)) continue
      // Templates that differ only in the names of their parameters are one path (OpenAPI 3.1, 4.8.8): the first names them.
      const shape = operation.path.replace(/\{\w+\}/g, '{}')
      const path = templates.get(shape) ?? operation.path
      const method = operation.method.toLowerCase()
      const item = paths[path] ?? {}
      if (item[method])
        throw new Fault(
          'ROUTE_CLASH',
          `${operation.id} has the same method and path as ${item[method]['x-lintel-operation']}: ${operation.method} ${path}`,
        )
      templates.set(shape, path)
      item[method] = operationObject(contract, operation, path, draft)
      paths[path] = item
    }
  return paths
}

function operationObject(contract: Contract, operation: Operation, path: string, draft: Draft): OperationObject {
  const { names, operationIds, tags, deprecated } = draft
  const { route } = operation
  const { body, answer } = surfaceOf(contract, operation, draft.version)
  const sentences = [operation.description, accessSentence(operation), route && ROUTE_SENTENCE, deprecation(draft)]
  const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  const parent = operation.resource?.parent?.of
  return {
    operationId: operationIds.get(operation.id)!,
    summary: summaryOf(operation, nameOf(operation, draft), parent && nameOfResource(names, contract, parent)),
    description: sentences.filter((one) => one !== undefined).join('\n\n'),
    tags: [tags.of(operation)],
    ...(deprecated !== undefined && { deprecated: true }),
    security: securityOf(operation),
    'x-lintel-operation': operation.id,
    'x-lintel-access': accessRule(operation.access),
    ...(route && { 'x-lintel-route': true as const }),
    ...(operation.limits && { 'x-lintel-limits': operation.limits }),
    ...(operation.cost !== 1 && { 'x-lintel-cost': operation.cost }),
    ...(operation.verb === 'list' && { 'x-lintel-scan-cost': (operation.resource as Resource).list.scanCost }),
    ...(operation.timeoutMs !== undefined && { 'x-lintel-timeout-ms': operation.timeoutMs }),
    ...(Object.keys(operation.allow).length > 0 && { 'x-lintel-allow': operation.allow }),
    ...(operation.facts.cached && { 'x-lintel-consistency': 'cached' as const }),
    parameters: parametersOf(operation, params, Object.keys(answer ?? {}), draft),
    ...(body && { requestBody: requestBody(operation, body, draft) }),
    ...(route?.body && takesBody(operation) && { requestBody: routeBody(route.body) }),
    responses: route ? routeResponses(contract, operation, draft) : responsesOf(contract, operation, answer, draft),
  }
}

/** Of the methods of a route, those that have a meaning for one (RFC 9110, 9.3). */
function takesBody({ method }: Operation): boolean {
  return method !== 'GET' && method !== 'DELETE'
}

function securityOf({ access, facts }: Operation): OperationObject['security'] {
  if (!facts.readsToken) return []
  return access.public ? [{}, { bearerAuth: [] }] : [{ bearerAuth: [] }]
}

function nameOf({ service, key }: Operation, { names }: Draft): string | undefined {
  return key === undefined ? undefined : schemaName(names, service, key)
}

function requestBody(operation: Operation, body: Readonly<Record<string, FieldSpec>>, draft: Draft): RequestBody {
  const { verb, method, resource } = operation
  const { shared, operationIds } = draft
  const name = nameOf(operation, draft)
  // A PATCH whose input the contract spells out is a command: its own fields say what is required.
  const partial = verb === 'update' && !resource!.input.update
  const schemaOf = verb === 'replace' || verb === 'update' ? changeSchema : bodySchema
  const whole = schemaOf(body, partial ? 'patch' : 'request', shared.idRef)
  const schema = shared.add(
    'schemas',
    name === undefined ? `${capital(operationIds.get(operation.id)!)}Body` : name + pascalCase(verb),
    whole,
  )
  const example = exampleBody(body)
  const media = { schema, ...(example && { example }) }
  const json = { 'application/json': media }
  return {
    // To a POST no body at all is {}; a change has to say what it changes.
    required: whole.required !== undefined || method !== 'POST',
    content: method === 'PATCH' ? { 'application/merge-patch+json': media, ...json } : json,
  }
}

function deprecation({ version, deprecated, sunset }: Draft): string | undefined {
  const ends = sunset === undefined ? '' : `; it ends on ${sunset}`
  return deprecated === undefined ? undefined : `Version ${version} is deprecated since ${deprecated}${ends}.`
}
