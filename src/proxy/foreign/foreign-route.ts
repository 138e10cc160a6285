import { unknownMember } from '../../base/known-names.ts'
import { type Access, parseAccess } from '../../contract/access.ts'
import { factsOf } from '../../contract/facts.ts'
import { checkLimits, type Limit } from '../../contract/limits.ts'
import { type Credentials, type Operation, operation, type ServedMethod } from '../../contract/operation.ts'
import { PROBLEMS } from '../../contract/problem.ts'
import { customOperation } from '../../contract/served-operations.ts'

/** One route, from whichever kind of file. */
export interface ForeignRoute {
  readonly method: ServedMethod
  /** A template: `/products/{id}`. */
  readonly path: string
  readonly upstream: string
  readonly access: Access
  readonly credentials: Credentials
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
  readonly timeoutMs: number | undefined
  readonly maxBodyBytes: number | undefined
}

/** What a route may say beside its place: the same in both kinds of file. */
export type Terms = Pick<ForeignRoute, 'access' | 'credentials' | 'limits' | 'cost' | 'timeoutMs' | 'maxBodyBytes'>

/** The names that `readTerms` reads. */
export const TERMS = ['access', 'credentials', 'limits', 'cost', 'timeoutMs', 'maxBodyBytes'] as const

export const METHODS: readonly ServedMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Where a file does not say who may use a route. */
export const NOBODY: Access = { public: false, authenticated: false, owner: false, roles: [''] }

/** Where a fault is, and what it is: `routes[2].path is "products": begin it with a slash`. */
export type Report = (where: string, what: string) => void

export function readTerms(given: Readonly<Record<string, unknown>>, where: string, report: Report): Terms {
  const whole = (name: string, max: number): number | undefined => {
    const value = given[name]
    if (value === undefined) return undefined
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number
    report(`${where}.${name}`, `is ${JSON.stringify(value)}: give a whole number from 1 to ${max}`)
    return undefined
  }
  const cost = given.cost === undefined ? 1 : (given.cost as number)
  const access = readAccess(given.access, `${where}.access`, report)
  return {
    access,
    credentials: readCredentials(given.credentials, access, `${where}.credentials`, report),
    limits: readLimits(given.limits, cost, where, report),
    cost,
    timeoutMs: whole('timeoutMs', 3_600_000),
    maxBodyBytes: whole('maxBodyBytes', Number.MAX_SAFE_INTEGER),
  }
}

function readAccess(given: unknown, where: string, report: Report): Access {
  if (given === undefined) return NOBODY
  if (typeof given !== 'string' || !/^[^\s|,]+(\s*\|\s*[^\s|,]+)*$/.test(given.trim())) {
    report(
      where,
      `is ${JSON.stringify(given)}: give public, authenticated, or roles joined by |, as in "editor | admin"`,
    )
    return NOBODY
  }
  const access = parseAccess(given)
  const ours = access.owner ? 'owner' : access.roles.find((role) => role === 'service')
  if (ours !== undefined) report(where, `has the term "${ours}", which only a contract can say: name roles`)
  return access
}

function readCredentials(given: unknown, access: Access, where: string, report: Report): Credentials {
  if (given === undefined || given === 'bearer') return 'bearer'
  if (given !== 'own') report(where, `is ${JSON.stringify(given)}: give "bearer" (the default) or "own"`)
  else if (!access.public) report(where, 'is "own", which needs `access` to be "public": no token is read there')
  return 'own'
}

function readLimits(given: unknown, cost: number, where: string, report: Report): readonly Limit[] | undefined {
  const say = (_rule: string, at: string, message: string, hint: string) => report(at, `${message}: ${hint}`)
  if (given !== undefined && !isLimits(given)) {
    report(`${where}.limits`, 'must be a list of limits such as { "by": "user", "maxRequests": 10, "windowMs": 60000 }')
    return undefined
  }
  checkLimits(where, { limits: given, cost }, say)
  return given
}

function isLimits(given: unknown): given is Limit[] {
  return (
    Array.isArray(given) &&
    given.every(
      (one) =>
        isObject(one) &&
        Object.keys(one).every((name) => name === 'by' || name === 'maxRequests' || name === 'windowMs') &&
        // Bodies are streamed: nothing is read in them.
        (one.by === 'user' || one.by === 'ip'),
    )
  )
}

/** What is wrong with a path template; undefined: nothing. */
export function pathFault(path: unknown): string | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return `is ${JSON.stringify(path)}: begin it with a slash`
  const segments = path.split('/').slice(1)
  if (segments.slice(0, -1).includes('')) return `is "${path}": it has an empty segment`
  for (const segment of segments) {
    const text = segment.replace(/\{[^{}]+\}/g, '-')
    if (/[{}]/.test(text)) return `is "${path}": "${segment}" has a brace that belongs to no {parameter}`
    // RFC 6570 has these, and some routers; they take more than a segment, or less.
    const operator = /\{(?:[+#./;?&][^{}]*|[^{}]*[*+])\}/.exec(segment)
    if (operator)
      return `is "${path}": ${operator[0]} is not a parameter of a single segment, the only kind that OpenAPI has`
    const foreign = foreignIn(text)
    if (foreign !== undefined) return `is "${path}": write it without ${JSON.stringify(foreign)}`
    if (/^\.\.?$/.test(decodeURIComponent(text))) return `is "${path}": it has a dot segment`
  }
  return undefined
}

/** What stands in no path of a request, or would mean something else there. */
function foreignIn(text: string): string | undefined {
  const raw = /[?#\s\\\p{Cc}]|%(?![0-9a-f]{2})/iu.exec(text)
  if (raw) return raw[0]
  try {
    return /[/\\{}\p{Cc}]/u.test(decodeURIComponent(text)) ? text : undefined
  } catch {
    return text
  }
}

/** Two routes of one method and one place are one: `GET /things/{}`. */
export function placeOf({ method, path }: Pick<ForeignRoute, 'method' | 'path'>): string {
  return `${method} ${pathFault(path) === undefined ? segmentsOf(path).join('/') : path}`.replace(/\{[^{}]*\}/g, '{}')
}

/** As the paths of requests are compared: decoded. */
function segmentsOf(path: string): string[] {
  const decoded = (segment: string) => segment.replace(/[^{}]+(?![^{}]*\})/g, decodeURIComponent)
  return path.split('/').slice(1).map(decoded)
}

/** All that is known of what descriptions that are not ours promise. */
export const FOREIGN = { problems: PROBLEMS, latest: 1, older: {} }

export function operationOf(
  upstream: string,
  { method, path, access, credentials, limits, cost }: ForeignRoute,
): Operation {
  const spec = operation({
    method: method === 'HEAD' ? 'GET' : method,
    path,
    access: '',
    credentials,
    cost,
    ...(limits && { limits }),
  })
  // Access is not written down and read again: a scope may have the name of a term, such as `public`.
  const described = {
    ...customOperation(upstream, `${method} ${path}`, spec),
    method,
    segments: segmentsOf(path),
    access,
  }
  return { ...described, facts: factsOf(described, FOREIGN) }
}

/** Reports members that nobody knows: a misspelt one would be a rule that does not hold. */
export function unknownKeys(object: object, known: readonly string[], where: string, report: Report): void {
  for (const name of Object.keys(object)) {
    const unknown = unknownMember({ [name]: true }, known)
    if (unknown !== undefined) report(where, unknown)
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
