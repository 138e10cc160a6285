import { createHash } from 'node:crypto'
import { Problem } from '../base/errors.ts'
import { matchesETag, satisfiesIfMatch } from '../base/etag.ts'
import { failureOf, notePlace } from '../base/failure.ts'
import type { Kept } from '../cache/kept.ts'
import type { Call, Log, TextReply } from '../call/call.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { Contract } from '../contract/contract.ts'
import type { ListRequest, Pair } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import { PROBLEMS } from '../contract/problem.ts'
import type { AnyResource } from '../contract/resource.ts'
import { itemPath } from '../contract/served-operations.ts'
import type { RowPage } from '../data/list.ts'
import { isRow, type Row, readField, readRow, readShown, writeRow } from '../data/row.ts'
import type { OperationPlan } from './operation-plan.ts'
import { shaped } from './shape.ts'

/** What an operation's handler gave, as its version of the API shows it. */
export function shapeResult(
  plan: OperationPlan,
  call: Call,
  result: unknown,
  fields?: readonly string[] | undefined,
): TextReply {
  const { operation } = plan
  if (operation.status === 204 || !operation.answer) return { status: operation.status, headers: {}, body: undefined }
  if (typeof result !== 'object' || result === null)
    throw mistake(
      plan,
      `the handler of ${operation.id} returned nothing: return ${operation.resource ? 'the row' : 'what its contract answers'}`,
    )
  const headers: Record<string, string> = {}
  const shown = operation.resource ?? operation.shows?.resource
  const version = shown?.versioned ? versionOf(result) : undefined
  if (version !== undefined) headers.etag = `"${version}"`
  if (operation.method === 'GET' || operation.secret) addCacheControl(headers, plan, call)
  if (operation.method === 'GET' && isUnchanged(plan, call, headers.etag))
    return { status: 304, headers, body: undefined }
  if (!plan.checkAnswer && !isRow(result)) tellWhatLacks(plan, result, call.context.log)
  if (operation.status === 201 && shown) headers.location = location(operation, shown, call, result)
  return { status: operation.status, headers, body: write(plan, result, fields) }
}

/**
 * Whether a read is answered with 304; a Problem PRECONDITION_FAILED where `If-Match` does not hold (R-REST-2). The tag of what
 * a view derives is good for If-Match alone: what it shows of other rows may have changed all the same.
 */
function isUnchanged({ operation }: OperationPlan, { ifMatch, ifNoneMatch }: Call, etag: string | undefined): boolean {
  if (ifMatch !== undefined && !satisfiesIfMatch(ifMatch, etag)) throw new Problem('PRECONDITION_FAILED')
  return ifNoneMatch !== undefined && matchesETag(ifNoneMatch, operation.facts.answersNotModified ? etag : undefined)
}

/** A page of a list, in the envelope of R-PAGE-3, with links (RFC 8288). */
export function shapeList(plan: OperationPlan, call: Call, query: ListRequest, page: RowPage<object>): TextReply {
  const headers: Record<string, string> = {}
  addCacheControl(headers, plan, call)
  if (isUnchanged(plan, call, undefined)) return { status: 304, headers, body: undefined }
  headers.link = links(plan, call, query, page)
  return { status: 200, headers, body: writePage(plan, query, page) }
}

function writePage(plan: OperationPlan, query: ListRequest, page: RowPage<object>): string {
  // `join` copies the pieces of each row at once. Left to `+=`, those of all the pages that one read of the database brings are
  // still there at the next garbage collection, which copies them: about 5 % of what a page costs.
  const rows = page.rows.map((row) => write(plan, row, query.fields)).join(',')
  const pagination = {
    total: page.total,
    ...(page.totalIsEstimate ? { totalIsEstimate: true } : {}),
    ...(query.page === undefined ? {} : { page: query.page }),
    limit: query.limit,
    hasMore: page.hasMore,
    nextCursor: page.nextCursor,
  }
  return `{"data":[${rows}],"pagination":${JSON.stringify(pagination)}}`
}

/** What the handler of a list gave, which is a page. */
export function pageOf(plan: OperationPlan, result: unknown): RowPage<object> {
  const {
    rows,
    total = null,
    totalIsEstimate = false,
    hasMore,
    nextCursor = null,
  } = (result ?? {}) as Partial<RowPage<object>>
  const isPage = Array.isArray(rows) && rows.every((row) => typeof row === 'object' && row !== null)
  if (!isPage || typeof hasMore !== 'boolean')
    throw mistake(
      plan,
      `the handler of ${plan.operation.id} returned no page: return { rows, hasMore }, as \`usual()\` does`,
    )
  return { rows, total, totalIsEstimate, hasMore, nextCursor }
}

/** A row as the cache keeps it: its answer, with the entity tag beside it. */
export function keepRow(plan: OperationPlan, row: Row, fields: readonly string[] | undefined): Kept {
  const head = plan.operation.resource!.versioned ? `"${versionOf(row)}"` : ''
  return { head, body: write(plan, row, fields) }
}

/**
 * A page as the cache keeps it: its answer, with an entity tag and the links beside it. The tag is a weak one, made of the answer:
 * a list has no version, and whoever compresses it need not change it.
 */
export function keepPage(plan: OperationPlan, call: Call, query: ListRequest, page: RowPage): Kept {
  const link = links(plan, call, query, page)
  const body = writePage(plan, query, page)
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  return { head: `W/"${hash}" ${link}`, body }
}

/** The answer of what `keepRow` or `keepPage` made: to this caller, and these preconditions. */
export function replyOf(plan: OperationPlan, call: Call, { head, body }: Kept): TextReply {
  const headers: Record<string, string> = {}
  const [etag, link] = plan.operation.verb === 'list' ? atFirstSpace(head) : [head]
  if (etag !== '') headers.etag = etag
  addCacheControl(headers, plan, call)
  if (isUnchanged(plan, call, headers.etag)) return { status: 304, headers, body: undefined }
  if (link !== undefined) headers.link = link
  return { status: 200, headers, body }
}

function atFirstSpace(text: string): [string, string] {
  const at = text.indexOf(' ')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** A row is copied column by column; an older version, or a handler's object, is shaped member by member. */
function write(plan: OperationPlan, result: unknown, fields: readonly string[] | undefined): string {
  const { surface, checkAnswer, operation } = plan
  if (isRow(result)) {
    // As it is stored: what is left out of JSON in production is a fault here.
    if (checkAnswer) assertKeepsContract(plan, readShown(result))
    if (!surface.down) return writeRow(result, fields)
  }
  let value = shaped(operation.answer!, (isRow(result) ? readRow(result) : result) as object)
  if (checkAnswer) assertKeepsContract(plan, value)
  if (surface.down) value = shaped(surface.answer!, surface.down(value))
  return JSON.stringify(fields ? Object.fromEntries(fields.map((name) => [name, value[name]])) : value)
}

/** Where answers are checked: a problem of the contract's own that the operation does not declare is a mistake, as documents lack it. */
export function assertDeclared(
  { operation }: OperationPlan,
  { problems }: Pick<Contract, 'problems'>,
  error: unknown,
): void {
  if (!(error instanceof Problem) || error instanceof CallProblem) return
  const { code } = error
  const isOwn = Object.hasOwn(problems, code) && !Object.hasOwn(PROBLEMS, code)
  if (!isOwn || operation.problems.includes(code)) return
  const message = `${operation.id} rejects with ${code}, which is not among its problems: add it there`
  throw notePlace(new Error(message, { cause: error }), error.stack)
}

function assertKeepsContract(plan: OperationPlan, value: object) {
  const { checkAnswer, operation } = plan
  const faults = checkAnswer!(value)
  if (faults.length > 0)
    throw mistake(
      plan,
      `the answer of ${operation.id} breaks its contract: ${faults.map(({ field, message }) => `${field} ${message}`).join('; ')}`,
    )
}

const told = new WeakSet<Operation>()

/** Where answers are not checked: what is required and not there is sent as null, and the log says so once for each operation. */
function tellWhatLacks(plan: OperationPlan, result: object, log: Log): void {
  const { operation } = plan
  const specs = operation.answer!
  if (told.has(operation)) return
  const lacking = Object.keys(specs).filter((name) => !specs[name]!.nullable && memberOf(result, name) == null)
  if (lacking.length === 0) return
  told.add(operation)
  const message = `the answer of ${operation.id} breaks its contract: ${lacking.join(', ')} must not be null; no further answer of it is logged`
  log.warn({ operation: operation.id, ...failureOf(mistake(plan, message)) }, message)
}

function memberOf(result: object, name: string): unknown {
  return (result as Readonly<Record<string, unknown>>)[name]
}

/** Of the handler's. It has returned by now: the line in the log names where its service is implemented. */
function mistake({ implementedAt }: OperationPlan, message: string): Error {
  return notePlace(new Error(message), implementedAt)
}

function versionOf(result: unknown): unknown {
  if (!isRow(result)) return (result as { version?: unknown }).version
  return result.cells[result.table.places.get('version')!]
}

/**
 * Only what everybody may see may be kept by shared caches, and nothing without asking again unless the contract says for how
 * long (R-CACHE-4).
 */
function addCacheControl(headers: Record<string, string>, plan: OperationPlan, { context: { caller } }: Call): void {
  const { secret, access, facts, shows } = plan.operation
  const resource = plan.operation.resource ?? shows?.resource
  const maxAgeS = facts.cached?.maxAgeS
  const scope = access.public && caller.kind === 'anonymous' ? 'public' : 'private'
  if (resource?.derived || secret) headers['cache-control'] = 'no-store'
  else if (maxAgeS === undefined) headers['cache-control'] = `${scope}, no-cache`
  else {
    headers['cache-control'] = `${scope}, max-age=${maxAgeS}`
    // A browser would give it to whoever signs in next.
    if (!access.public) headers.vary = 'authorization'
  }
}

/** Where the new thing is, in the version that was asked. */
function location({ params }: Operation, resource: AnyResource, call: Call, result: unknown): string {
  let path = `/v${call.version}`
  const template = itemTemplate(resource)
  for (let i = 0; i < template.length; i++) {
    const part = template[i]!
    if (i % 2 === 0) path += part
    else
      path +=
        (part === 'id' ? undefined : call.params[params.findIndex((param) => param.name === part)]) ??
        String(isRow(result) ? readField(result, part) : memberOf(result as object, part))
  }
  return path
}

const templates = new WeakMap<AnyResource, readonly string[]>()

/** Text and names of parameters in turns. */
function itemTemplate(resource: AnyResource): readonly string[] {
  let template = templates.get(resource)
  if (template === undefined) {
    template = itemPath(resource, 'id').split(/\{(\w+)\}/)
    templates.set(resource, template)
  }
  return template
}

const VERSIONED_PATH = /^(\/api)?\/v\d+\//

function links({ operation }: OperationPlan, call: Call, query: ListRequest, page: Omit<RowPage, 'rows'>): string {
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
