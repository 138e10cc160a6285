import { Problem } from '../base/errors.ts'
import { admitsETag, matchesETag } from '../base/etag.ts'
import type { Call, Reply } from '../call/call.ts'
import type { ListQuery, Pair } from '../contract/list-query.ts'
import { itemPath, type Operation } from '../contract/operation.ts'
import type { Page } from '../data/list.ts'
import { isRow, readRow, readShown, writeRow } from '../data/row.ts'
import type { Plan } from './plan.ts'
import { shaped } from './shape.ts'

/** What an operation's handler gave, as its version of the API shows it. */
export function shapeResult(plan: Plan, call: Call, result: unknown, fields?: readonly string[] | undefined): Reply {
  const { operation } = plan
  if (operation.status === 204 || !operation.answer) return { status: operation.status, headers: {}, body: undefined }
  if (typeof result !== 'object' || result === null)
    throw new Error(
      `the handler of ${operation.id} returned nothing: return ${operation.resource ? 'the row' : 'what its contract answers'}`,
    )
  const headers: Record<string, string> = {}
  const version = operation.resource?.versioned ? versionOf(result) : undefined
  if (version !== undefined) headers.etag = `"${version}"`
  if (operation.method === 'GET' || operation.secret) headers['cache-control'] = cacheControl(plan, call)
  if (operation.method === 'GET' && isUnchanged(plan, call, headers.etag))
    return { status: 304, headers, body: undefined }
  if (operation.verb === 'create') headers.location = location(operation, call, result)
  return { status: operation.status, headers, body: write(plan, result, fields) }
}

/**
 * Whether a read is answered with 304; a Problem PRECONDITION_FAILED where `If-Match` does not hold (R-REST-2). The tag of what
 * a view derives is good for If-Match alone: what it shows of other rows may have changed all the same.
 */
function isUnchanged({ operation }: Plan, { ifMatch, ifNoneMatch }: Call, etag: string | undefined): boolean {
  if (ifMatch !== undefined && !admitsETag(ifMatch, etag)) throw new Problem('PRECONDITION_FAILED')
  return ifNoneMatch !== undefined && matchesETag(ifNoneMatch, operation.facts.answersNotModified ? etag : undefined)
}

/** A page of a list, in the envelope of R-PAGE-3, with links (RFC 8288). */
export function shapeList(plan: Plan, call: Call, query: ListQuery, page: Page): Reply {
  const cached = cacheControl(plan, call)
  if (isUnchanged(plan, call, undefined)) return { status: 304, headers: { 'cache-control': cached }, body: undefined }
  let rows = ''
  for (const row of page.rows) {
    if (rows !== '') rows += ','
    rows += write(plan, row, query.fields)
  }
  const pagination = {
    total: page.total,
    ...(page.totalIsEstimate ? { totalIsEstimate: true } : {}),
    ...(query.page === undefined ? {} : { page: query.page }),
    limit: query.limit,
    hasMore: page.hasMore,
    nextCursor: page.nextCursor,
  }
  return {
    status: 200,
    headers: { link: links(plan, call, query, page), 'cache-control': cached },
    body: `{"data":[${rows}],"pagination":${JSON.stringify(pagination)}}`,
  }
}

/** A row is copied column by column; an older version, or a handler's object, is shaped member by member. */
function write(plan: Plan, result: unknown, fields: readonly string[] | undefined): string {
  const { surface, checkAnswer, operation } = plan
  if (isRow(result)) {
    // As it is stored: what is left out of JSON in production is a fault here.
    if (checkAnswer) confirm(plan, readShown(result))
    if (!surface.down) return writeRow(result, fields)
  }
  let value = shaped(operation.answer!, isRow(result) ? readRow(result) : (result as object))
  if (checkAnswer) confirm(plan, value)
  if (surface.down) value = shaped(surface.answer!, surface.down(value))
  return JSON.stringify(fields ? Object.fromEntries(fields.map((name) => [name, value[name]])) : value)
}

function confirm({ checkAnswer, operation }: Plan, value: object) {
  const faults = checkAnswer!(value)
  if (faults.length > 0)
    throw new Error(
      `the answer of ${operation.id} breaks its contract: ${faults.map(({ field, message }) => `${field} ${message}`).join('; ')}`,
    )
}

function versionOf(result: unknown): unknown {
  if (!isRow(result)) return (result as { version?: unknown }).version
  return result.cells[result.table.places.get('version')!]
}

/** Only what everybody may see may be kept by shared caches, and nothing without asking again (R-CACHE-4). */
function cacheControl({ operation }: Plan, { context: { caller } }: Call): string {
  if (operation.resource?.derived || operation.secret) return 'no-store'
  return operation.access.public && caller.kind === 'anonymous' ? 'public, no-cache' : 'private, no-cache'
}

/** Where the new thing is, in the version that was asked. */
function location({ resource, params }: Operation, call: Call, result: unknown): string {
  const id = isRow(result) ? result.table.columns[0]!.toValue(result.cells[0]!) : (result as { id: string }).id
  const path = itemPath(resource!, 'id').replace(/\{(\w+)\}/g, (_, name: string) =>
    name === 'id' ? String(id) : call.params[params.findIndex((param) => param.name === name)]!,
  )
  return `/v${call.version}${path}`
}

const VERSIONED_PATH = /^(\/api)?\/v\d+\//

function links({ operation }: Plan, call: Call, query: ListQuery, page: Page): string {
  const kept = call.query.filter(([name]) => name !== 'page' && name !== 'cursor')
  // The query may have named the version, and is without it here; 1 is what a path alone means.
  if (call.version > 1 && !VERSIONED_PATH.test(call.path)) kept.push(['version', String(call.version)])
  const same = kept.map((pair) => `${spelt(pair)}&`).join('')
  const link = (rel: string, name: string, value: string) => `<${call.path}?${same}${name}=${value}>; rel="${rel}"`
  const all = [link('first', 'page', '1')]
  if (page.nextCursor !== null) {
    const byPage = query.page !== undefined && (query.page + 1) * query.limit <= operation.resource!.list.maxOffset
    all.push(byPage ? link('next', 'page', String(query.page! + 1)) : link('next', 'cursor', page.nextCursor))
  }
  if (query.page !== undefined && query.page > 1) all.push(link('prev', 'page', String(query.page - 1)))
  return all.join(', ')
}

/** The parameter as it was given: raw commas stay raw, encoded ones encoded. */
function spelt([name, value, pieces = [value]]: Pair): string {
  return `${encodeURIComponent(name)}=${pieces.map(encodeURIComponent).join(',')}`
}
