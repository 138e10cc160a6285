import type { ServedMethod } from '../../contract/operation.ts'
import {
  type ForeignRoute,
  isObject,
  METHODS,
  NOBODY,
  pathFault,
  placeOf,
  type Report,
  readTerms,
  TERMS,
  unknownKeys,
} from './foreign-route.ts'
import { createNotices, type Notices } from './notices.ts'
import { checkMembers, DOCUMENT, OPERATION, PATH_ITEM } from './openapi-members.ts'
import { dereference } from './openapi-reference.ts'
import {
  createSecurityReader,
  isUnchecked,
  type SecurityReader,
  UNCHECKED,
  type Unchecked,
} from './openapi-security.ts'
import { type BasePaths, createBasePaths } from './openapi-servers.ts'

type Fields = Readonly<Record<string, unknown>>

export interface OpenApiOptions {
  readonly upstream: string
  /** What to do with security that the gateway cannot check, where the document does not say; refuse. */
  readonly unchecked?: Unchecked
  readonly report: Report
  /** Told of what is not served as one might think. */
  readonly notice: (text: string) => void
}

/**
 * Reads the routes of an OpenAPI 3 document: its paths below the path of the server that holds for them, who may use them by
 * `security`. None asked for: public. Bearer tokens (`http` bearer, `oauth2`, `openIdConnect`): whoever has one, with every
 * scope named as a role. `x-lintel: { access, limits, cost, timeoutMs, maxBodyBytes }` goes before that: an operation's before
 * its path's, and that before the document's.
 */
export function readOpenApi(file: unknown, { upstream, unchecked, report, notice }: OpenApiOptions): ForeignRoute[] {
  const version = versionFault(file)
  if (!isObject(file) || version !== undefined) {
    report('openapi', version ?? 'is missing')
    return []
  }
  const notices = createNotices()
  checkMembers(file, DOCUMENT, '', report, notices)
  checkPlacing(file, report)
  const common = readExtension(file, '', [...TERMS, 'uncheckedSecurity'], report)
  const { uncheckedSecurity = unchecked ?? 'refuse' } = common
  if (!isUnchecked(uncheckedSecurity))
    report('x-lintel.uncheckedSecurity', `is ${JSON.stringify(uncheckedSecurity)}: give one of ${UNCHECKED.join(', ')}`)
  const security = createSecurityReader(file, isUnchecked(uncheckedSecurity) ? uncheckedSecurity : 'refuse', report)
  const basePaths = createBasePaths(file, report, notices)
  const reading: Reading = { file, common, upstream, security, basePaths, report, notices }
  const entries = Object.entries(pathsOf(file, report)).flatMap(([path, item]) => readPath(path, item, reading))
  security.finish()
  const once = withoutTwins(entries, report, notices)
  notices.tell((text) => notice(`${upstream}: ${text}`))
  return once
}

/** A document on its way through. */
interface Reading {
  readonly file: Fields
  /** The document's `x-lintel`. */
  readonly common: Fields
  readonly upstream: string
  readonly security: SecurityReader
  readonly basePaths: BasePaths
  readonly report: Report
  readonly notices: Notices
}

function versionFault(file: unknown): string | undefined {
  if (!isObject(file)) return 'is missing: give an OpenAPI 3 document'
  if (Object.hasOwn(file, 'swagger') && !Object.hasOwn(file, 'openapi'))
    return `is missing, and swagger is ${JSON.stringify(file.swagger)}: OpenAPI 2 is not read; convert the document to OpenAPI 3, with swagger2openapi for one`
  // In YAML an unquoted 3.0 is the number 3.
  if (/^3(\.[012](\.\d+)?(-[\w.]+)?)?$/.test(String(file.openapi))) return undefined
  return `is ${JSON.stringify(file.openapi)}: give an OpenAPI document of 3.0, 3.1 or 3.2`
}

function pathsOf(file: Fields, report: Report): Fields {
  if (isObject(file.paths)) return file.paths
  // From 3.1 on a document may be of webhooks alone.
  if (Object.hasOwn(file, 'paths') || String(file.openapi).startsWith('3.0')) report('paths', 'is missing')
  return {}
}

function readPath(path: string, given: unknown, reading: Reading): ForeignRoute[] {
  const { file, upstream, report, notices } = reading
  if (path.startsWith('x-')) return []
  const at = `paths ${path}`
  const fault = pathFault(path)
  if (fault !== undefined) report('paths', fault)
  if (!isObject(given)) {
    report(at, 'must be an object')
    return []
  }
  const item = dereference(file, given, at, report)
  checkMembers(item, PATH_ITEM, `${at} `, report, notices)
  const terms = readExtension(item, `${at} `, TERMS, report)
  for (const method of ['options', 'trace', 'query', 'additionalOperations'])
    if (Object.hasOwn(item, method)) notices.add(NOT_FORWARDED[method]!, `${method.toUpperCase()} ${path}`)
  return METHODS.flatMap((method) => {
    const name = method.toLowerCase()
    if (!Object.hasOwn(item, name)) return []
    const operation = item[name]
    if (!isObject(operation)) {
      report(`${method} ${path}`, 'must be an object')
      return []
    }
    const full = reading.basePaths(operation, item, `${method} ${path}`) + path
    const place: Place = { method, path: full, upstream }
    return [readOperation(operation, terms, place, reading)]
  })
}

const NOT_FORWARDED: Record<string, string> = {
  options: 'not forwarded, as the gateway answers OPTIONS itself',
  trace: 'not forwarded, as TRACE is refused',
  query: 'not forwarded, as the gateway knows no QUERY',
  additionalOperations: 'not forwarded, as the gateway knows the usual methods only',
}

type Place = { readonly method: ServedMethod; readonly path: string; readonly upstream: string }

function readOperation(operation: Fields, pathTerms: Fields, place: Place, reading: Reading): ForeignRoute {
  const { file, common, security, report, notices } = reading
  const where = `${place.method} ${place.path}`
  checkMembers(operation, OPERATION, `${where} `, report, notices)
  const own = readExtension(operation, `${where} `, TERMS, report)
  const terms = readTerms({ ...common, ...pathTerms, ...own }, `${where} x-lintel`, report)
  if (terms.access !== NOBODY) return { ...place, ...terms }
  // `security:` with nothing after it is null, which is neither public nor the document's.
  const holder = Object.hasOwn(operation, 'security') ? operation : file
  const asked = Object.hasOwn(holder, 'security') ? (holder.security ?? null) : undefined
  return { ...place, ...terms, access: security.read(asked, where) }
}

/** The `x-lintel` of a document, a path or an operation; nothing of it where it is wrong, so that each fault is told once. */
function readExtension(holder: Fields, where: string, known: readonly string[], report: Report): Fields {
  if (!Object.hasOwn(holder, 'x-lintel')) return {}
  const given = holder['x-lintel']
  let sound = true
  const reportHere: Report = (at, what) => {
    sound = false
    report(at, what)
  }
  if (!isObject(given)) reportHere(`${where}x-lintel`, 'must be an object')
  else {
    unknownKeys(given, known, `${where}x-lintel`, reportHere)
    readTerms(given, `${where}x-lintel`, reportHere)
  }
  return sound ? (given as Fields) : {}
}

/** Where `x-lintel` would hold for nothing. */
function checkPlacing({ info, paths, components }: Fields, report: Report): void {
  for (const [name, holder] of Object.entries({ info, paths, components }))
    if (isObject(holder) && Object.hasOwn(holder, 'x-lintel'))
      report(`${name} x-lintel`, 'has no effect there: write it at the top of the document, at a path or an operation')
}

/**
 * Paths that differ in the names of their parameters alone are one place, which OpenAPI forbids and documents have. It does no
 * harm where both say the same; else nobody could tell which of them holds.
 */
function withoutTwins(entries: readonly ForeignRoute[], report: Report, notices: Notices): ForeignRoute[] {
  const seen = new Map<string, ForeignRoute>()
  for (const entry of entries) {
    const place = placeOf(entry)
    const first = seen.get(place)
    const where = `${entry.method} ${entry.path}`
    if (first === undefined) seen.set(place, entry)
    else if (termsOf(first) === termsOf(entry))
      notices.add('served once, as another path differs only in the names of its parameters', where)
    else report(where, `is the same place as ${first.method} ${first.path}, with other rules: keep one of them`)
  }
  return [...seen.values()]
}

function termsOf({ method: _, path: __, upstream: ___, ...terms }: ForeignRoute): string {
  return JSON.stringify(terms)
}
