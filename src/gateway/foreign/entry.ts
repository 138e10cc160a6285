import { checkLimits, type Limit } from '../../contract/limits.ts'
import { customOperation, type Method, type Operation, operation } from '../../contract/operation.ts'

/** One route, from whichever kind of file. */
export interface Entry {
  readonly method: Method
  /** A template: `/products/{id}`. */
  readonly path: string
  readonly upstream: string
  /** `public`, `authenticated`, or roles, joined by `|`; empty where the file says nothing. */
  readonly access: string
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
  readonly timeoutMs: number | undefined
  readonly maxBodyBytes: number | undefined
}

export const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Where a fault is, and what it is: `routes[2].path is "products": begin it with a slash`. */
export type Complain = (where: string, what: string) => void

/** What a route may say beside its place: the same in both kinds of file. */
export function readTerms(
  given: Readonly<Record<string, unknown>>,
  where: string,
  complain: Complain,
): Pick<Entry, 'access' | 'limits' | 'cost' | 'timeoutMs' | 'maxBodyBytes'> {
  const whole = (name: string, max: number): number | undefined => {
    const value = given[name]
    if (value === undefined) return undefined
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number
    complain(`${where}.${name}`, `is ${JSON.stringify(value)}: give a whole number from 1 to ${max}`)
    return undefined
  }
  const cost = given.cost === undefined ? 1 : (given.cost as number)
  return {
    access: readAccess(given.access, `${where}.access`, complain),
    limits: readLimits(given.limits, cost, where, complain),
    cost,
    timeoutMs: whole('timeoutMs', 3_600_000),
    maxBodyBytes: whole('maxBodyBytes', Number.MAX_SAFE_INTEGER),
  }
}

/** The names that `readTerms` reads. */
export const TERMS = ['access', 'limits', 'cost', 'timeoutMs', 'maxBodyBytes'] as const

function readAccess(given: unknown, where: string, complain: Complain): string {
  if (given === undefined) return ''
  if (typeof given !== 'string' || !/^[^\s|,]+(\s*\|\s*[^\s|,]+)*$/.test(given.trim())) {
    complain(
      where,
      `is ${JSON.stringify(given)}: give public, authenticated, or roles joined by |, as in "editor | admin"`,
    )
    return ''
  }
  const terms = given.split('|').map((term) => term.trim())
  const ours = terms.find((term) => term === 'owner' || term === 'service')
  if (ours !== undefined) complain(where, `has the term "${ours}", which only a contract can say: name roles`)
  return terms.join(' | ')
}

function readLimits(given: unknown, cost: number, where: string, complain: Complain): readonly Limit[] | undefined {
  const say = (_rule: string, at: string, message: string, hint: string) => complain(at, `${message}: ${hint}`)
  if (given !== undefined && !isLimits(given)) {
    complain(`${where}.limits`, 'is no list of limits such as { "by": "user", "maxRequests": 10, "windowMs": 60000 }')
    return undefined
  }
  checkLimits(where, { limits: given, cost, body: undefined }, say)
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
  const odd = segments.find((one) => /[{}]/.test(one) && !/^\{[^{}]+\}$/.test(one))
  if (odd !== undefined) return `is "${path}": a parameter is a whole segment, which "${odd}" is not`
  const foreign = /[?#\s%\\]|[^\x21-\x7e]/.exec(path.replace(/\{[^{}]+\}/g, ''))
  return foreign ? `is "${path}": write it without ${JSON.stringify(foreign[0])}` : undefined
}

export function operationOf(upstream: string, { method, path, access, limits, cost }: Entry): Operation {
  return customOperation(
    upstream,
    `${method} ${path}`,
    operation({ method, path, access, cost, ...(limits && { limits }) }),
  )
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
