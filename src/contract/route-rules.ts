import { accessFault, isInternal, parseAccess } from './access.ts'
import type { Contract } from './contract.ts'
import { inWords } from './known-members.ts'
import { isCamelCase } from './names.ts'
import type { RouteSpec } from './route.ts'
import type { Report } from './violation.ts'

const METHODS: readonly unknown[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/
const MEDIA_RANGE = /^(\*\/\*|[a-z0-9][a-z0-9!#$&^_.+-]*\/\*)$/
/** What the internal door takes whole. */
const MOST_WHOLE_BYTES = 16 * 1024 ** 2
const MOST_STREAMED_BYTES = 1024 ** 4

/** Reports what is wrong with the routes of a contract, apart from what they have in common with operations. */
export function checkRoutes(contract: Contract, report: Report): void {
  const { resources, operations, consumers, jobs } = contract
  for (const [key, spec] of Object.entries(contract.routes)) {
    const id = `${contract.name}.${key}`
    if (!isCamelCase(key)) report('R-REST-1', id, 'is not in camelCase', 'Routes are like `paymentHook`')
    if ([resources, operations, consumers, jobs].some((others) => Object.hasOwn(others, key)))
      report(
        'R-P-2',
        id,
        'has the name of a resource, an operation, a consumer or a job',
        'Every handler needs its own name: rename one',
      )
    checkMethods(id, spec, report)
    checkRouteAccess(id, spec, report)
    checkRoutePath(id, spec, report)
    checkBody(id, spec, report)
    checkAnswers(id, spec, report)
  }
}

function checkMethods(id: string, { methods }: RouteSpec, report: Report): void {
  if (methods.length === 0) report('R-P-6', id, 'has no methods', "List some: methods: ['POST']")
  for (const [i, method] of methods.entries()) {
    if (!METHODS.includes(method))
      report('R-P-6', id, `has the method ${inWords(method)}`, `Use ${METHODS.join(', ')}; HEAD comes with GET`)
    if (methods.indexOf(method) < i) report('R-P-6', id, `lists ${method} twice`, 'Remove one')
  }
}

function checkRouteAccess(id: string, { access, credentials, signsIn }: RouteSpec, report: Report): void {
  const fault = accessFault(access)
  if (fault) {
    report('R-AUTH-8', id, `has an access rule that ${fault}`, 'Without a rule nobody can call it')
    return
  }
  const parsed = parseAccess(access)
  if (parsed.owner)
    report('R-AUTH-8', id, 'uses "owner"', 'Use `authenticated`, and check in the handler whose the thing is')
  else if (isInternal(parsed))
    report(
      'R-AUTH-8',
      id,
      'is open to services only, and services call operations',
      'Declare an operation, or open it to others',
    )
  if (signsIn && credentials !== 'own')
    report('R-RATE-5', id, 'signs in, but has no credentials of its own', "Use credentials: 'own', or omit `signsIn`")
  if (credentials !== 'bearer' && credentials !== 'own')
    report('R-AUTH-8', id, `has the credentials "${credentials}"`, 'Use `bearer` (the default) or `own`')
  else if (credentials === 'own' && !parsed.public)
    report(
      'R-AUTH-8',
      id,
      `reads no access token, but is open to "${access}" only: nobody could call it`,
      "Use access: 'public', and check the credentials in the handler; or omit `credentials`",
    )
}

/** Their names are often others' choice (`robots.txt`), so the rules about words don't hold. */
function checkRoutePath(id: string, { path }: RouteSpec, report: Report): void {
  if (!/^\/[A-Za-z0-9._~-]+(\/([A-Za-z0-9._~-]+|\{[a-z][a-zA-Z0-9]*\}))*$/.test(path))
    report(
      'R-REST-1',
      id,
      `has the path "${path}"`,
      'Write it like `/uploads/{name}`: a first segment without parameters, letters, digits, `-`, `.`, `_` and `~`, and no slash at the end',
    )
  else if (path.split('/').some((segment) => segment === '.' || segment === '..'))
    report(
      'R-REST-1',
      id,
      `has the path "${path}"`,
      'Leave out `.` and `..`: clients resolve them, and nobody could ask for it',
    )
  else if (/^\/(v\d+|api)(\/|$)/.test(path))
    report(
      'R-VER-1',
      id,
      `begins its path with ${path.split('/', 2).join('/')}`,
      'Remove it: every path is also served below /v1 and /api',
    )
}

function checkBody(id: string, { body, methods }: RouteSpec, report: Report): void {
  if (body === undefined) return
  const { types, maxBytes, streamed } = body
  const most = streamed ? MOST_STREAMED_BYTES : MOST_WHOLE_BYTES
  if (methods.every((method) => method === 'GET' || method === 'DELETE'))
    report('R-REST-2', id, 'has a body, but no method that takes one', 'Remove `body`, or add POST, PUT or PATCH')
  checkTypes(`${id}.body`, types, report)
  if (!Number.isInteger(maxBytes) || maxBytes < 1 || maxBytes > most)
    report(
      'R-P-6',
      `${id}.body`,
      maxBytes === 0 ? 'is streamed, and has no maxBytes' : `has maxBytes ${inWords(maxBytes)}`,
      `Give a whole number from 1 to ${most}${streamed ? '' : ', or more with `streamed: true`'}`,
    )
}

/** Statuses that have no body (RFC 9110, 15). */
const BODILESS = [204, 205, 304]

function checkAnswers(id: string, { answers }: RouteSpec, report: Report): void {
  const all = Object.entries(answers)
  if (all.length === 0)
    report('R-REST-3', id, 'has no answers', "Say what it returns, by status: answers: { 200: 'text/html' }")
  for (const [status, types] of all) {
    const at = `${id}.answers.${status}`
    if (!/^[2-5]\d\d$/.test(status)) report('R-REST-3', at, 'is no status of an answer', 'Use one from 200 to 599')
    if (types.length === 0) continue
    if (BODILESS.includes(Number(status))) report('R-REST-3', at, 'has a body', `${status} has none: use null`)
    checkTypes(at, types, report)
  }
}

function checkTypes(at: string, types: readonly string[], report: Report): void {
  if (types.length === 0) report('R-P-6', at, 'has no types', "List media types: ['application/json']")
  for (const type of types)
    if (typeof type !== 'string' || (!MEDIA_TYPE.test(type) && !MEDIA_RANGE.test(type)))
      report(
        'R-P-6',
        at,
        `has the media type ${inWords(type)}`,
        'Write it like `application/json` or `image/*`, without parameters',
      )
}
