import { type ApiDocument, type ApiOperation, METHODS, operationIdOf } from '../../openapi/document.ts'
import { below, children, fieldsOf, type Spot, textOf } from '../../openapi/spot.ts'
import { changed } from '../changed.ts'
import { createSchemaComparison, type ReportChange } from '../compare-schemas.ts'
import { compareBodies, compareParameters } from './compare-requests.ts'
import { compareResponses } from './compare-responses.ts'
import { compareAccess, compareSchemes, compareSecurity } from './compare-security.ts'
import type { RestComparison } from './rest-comparison.ts'

/** Compares two OpenAPI documents, operation by operation. */
export function compareDocuments(old: ApiDocument, now: ApiDocument, report: ReportChange): void {
  const schemas = createSchemaComparison({ old: old.references, now: now.references }, report)
  const comparison: RestComparison = { old, now, schemas, report }
  compareServers(comparison)
  compareSchemes(comparison)
  const before = operationsOf(old)
  const after = operationsOf(now)
  for (const [key, operation] of before) {
    const same = after.get(key)
    if (same) compareOperations(operation, same, comparison)
    else report('operation-removed', operation.label, 'is gone', operation.spot, 'old')
  }
  for (const [key, operation] of after)
    if (!before.has(key)) report('operation-added', operation.label, 'is new', operation.spot, 'new')
  compareWebhooks(comparison)
}

/** By method and path; names of path parameters are not on the wire. */
function operationsOf({ operations }: ApiDocument): Map<string, ApiOperation> {
  const order = (one: ApiOperation) => METHODS.indexOf(one.method)
  return new Map(
    [...operations]
      .sort((a, b) => (a.path === b.path ? order(a) - order(b) : 0))
      .map((one) => [`${one.method} ${one.path.template.replace(/\{[^{}]*\}/g, '{}')}`, one]),
  )
}

function compareOperations(old: ApiOperation, now: ApiOperation, comparison: RestComparison): void {
  const { report } = comparison
  const id = operationIdOf(now)
  if (operationIdOf(old) !== undefined && operationIdOf(old) !== id)
    report('operation-id', now.label, changed('operationId', operationIdOf(old), id), now.spot, 'new')
  if (fieldsOf(old.spot).deprecated !== true && fieldsOf(now.spot).deprecated === true)
    report('operation-deprecated', now.label, 'is deprecated now', now.spot, 'new')
  compareSecurity(old, now, comparison)
  compareAccess(old, now, comparison)
  compareParameters(old, now, comparison)
  compareBodies(old, now, comparison)
  compareResponses(old, now, comparison)
}

/** What the API sends, its clients read. */
function compareWebhooks({ old, now, schemas, report }: RestComparison): void {
  const after = new Map(now.webhooks.map((one) => [one.label, one]))
  for (const one of old.webhooks) {
    const where = `webhook ${one.label}`
    const same = after.get(one.label)
    after.delete(one.label)
    if (!same) report('event-removed', where, 'is gone', one.spot, 'old')
    for (const { type, schema } of one.body?.content ?? []) {
      const other = same?.body?.content.find((content) => content.type === type)
      if (same && !other) report('event-content-type', where, `is not sent as ${type} any more`, same.spot, 'new')
      if (schema && other?.schema) schemas.compare([schema], [other.schema], 'read', `${where} `)
    }
  }
  for (const { label, spot } of after.values()) report('event-added', `webhook ${label}`, 'is new', spot, 'new')
}

/** Where paths begin: of a document without servers that is /. */
function compareServers({ old, now, report }: RestComparison): void {
  const urls = ({ top }: ApiDocument): Map<string, Spot> => {
    const servers = children(below(top, 'servers')).map(([, one]) => one)
    return servers.length === 0
      ? new Map([['/', top]])
      : new Map(servers.map((one) => [(textOf(fieldsOf(one).url) ?? '/').replace(/(.)\/$/, '$1'), one]))
  }
  const before = urls(old)
  const after = urls(now)
  for (const [url, spot] of before)
    if (!after.has(url)) report('server-removed', `server ${url}`, 'is gone', spot, 'old')
  for (const [url, spot] of after) if (!before.has(url)) report('server-added', `server ${url}`, 'is new', spot, 'new')
}
