import { accessFault, parseAccess } from './access.ts'
import { readTime } from './check.ts'
import type { Contract } from './contract.ts'
import { checkFields } from './field-rules.ts'
import type { FieldSpec, Fields, Kind } from './fields.ts'
import { checkJobs } from './job-rules.ts'
import { inWords } from './known-members.ts'
import { checkBuckets, checkLimits } from './limits.ts'
import { camelCase, isCamelCase, isKebabCase } from './names.ts'
import type { Operation, OperationSpec } from './operation.ts'
import { PROBLEMS, type ProblemSpec } from './problem.ts'
import type { AnyResource } from './resource.ts'
import { checkResource, pluralHint, TAKEN } from './resource-rules.ts'
import { checkRoutes } from './route-rules.ts'
import { itemPath, thingParam } from './served-operations.ts'
import { checkSettings } from './setting-rules.ts'
import { checkStateFields } from './state-rules.ts'
import type { OlderShape, OlderVersion } from './versions.ts'
import type { Report, Violation } from './violation.ts'
import { isWellKnown } from './well-known.ts'
import { isAct, isPast, isPlural } from './words.ts'

/** Every rule that a contract breaks (R-P-6), each with a hint. Empty when it breaks none. */
export function brokenRules(contract: Contract, own: Readonly<Record<string, ProblemSpec>>): Violation[] {
  const violations: Violation[] = []
  const report: Report = (rule, where, message, hint) => violations.push({ rule, where, message, hint })
  const resources = Object.entries(contract.resources)
  if (!isKebabCase(contract.name))
    report('R-REST-1', contract.name, 'is not a valid service name', 'Use kebab-case, such as `orders`')
  checkProblems(own, report)
  checkBuckets(contract.buckets, report)
  for (const [key, resource] of resources) {
    checkResource(key, resource, Object.values(contract.resources), report)
    checkStateFields(key, resource, contract, report)
  }
  checkPrefixes(resources, report)
  checkPlaces(contract, report)
  for (const [key, spec] of Object.entries(contract.operations))
    checkOperation(`${contract.name}.${key}`, key, spec, contract, report)
  checkRoutes(contract, report)
  checkEvents(contract, report)
  checkConsumers(contract, report)
  checkJobs(contract, report)
  checkSettings(contract, report)
  checkVersions(contract, report)
  return violations
}

const STATUSES = [
  400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 423, 424, 428, 429, 500, 502, 503, 504,
]

function checkProblems(own: Readonly<Record<string, ProblemSpec>>, report: Report) {
  for (const [code, { status }] of Object.entries(own)) {
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code))
      report('R-BODY-5', `problem ${code}`, 'is not in UPPER_SNAKE', 'Name it like OUT_OF_STOCK')
    if (!STATUSES.includes(status))
      report('R-REST-4', `problem ${code}`, `has status ${inWords(status)}`, `Use one of ${STATUSES.join(', ')}`)
    if (PROBLEMS[code] && PROBLEMS[code].status !== status)
      report('R-BODY-6', `problem ${code}`, 'redefines a code that every system has', 'Choose another code')
  }
}

function checkPrefixes(resources: readonly [string, AnyResource][], report: Report) {
  const prefixes = new Map<string, string>()
  for (const [key, { idPrefix }] of resources) {
    const other = prefixes.get(idPrefix)
    if (other)
      report('R-BODY-1', key, `shares the id prefix "${idPrefix}" with ${other}`, 'Each resource needs its own prefix')
    prefixes.set(idPrefix, key)
  }
}

function checkPlaces(contract: Contract, report: Report) {
  const taken = new Map<string, string>()
  for (const operation of contract.served) {
    const { id, method, path, params, problems } = operation
    const place = `${method} ${path.replace(/\{\w+\}/g, '{}')}`
    const other = taken.get(place)
    if (other) report('R-REST-1', id, `has the same method and path as ${other}: ${place}`, 'Change one of the paths')
    taken.set(place, id)
    checkLimits(id, operation, report)
    checkTimeout(id, operation, report)
    const names = params.map(({ name }) => name)
    const twice = names.find((name, i) => names.indexOf(name) < i)
    if (twice !== undefined)
      report('R-REST-1', id, `has the parameter {${twice}} twice in ${path}`, 'Give each parameter its own name')
    for (const code of problems)
      if (!Object.hasOwn(contract.problems, code))
        report(
          'R-REST-4',
          id,
          `lists the undeclared problem ${code}`,
          `Declare it: problems: { ${code}: problem(409, '…') }`,
        )
  }
}

const SHORTEST_MS = 10
const LONGEST_MS = 300_000

function checkTimeout(id: string, { timeoutMs }: Operation, report: Report) {
  if (timeoutMs === undefined) return
  if (!Number.isInteger(timeoutMs) || timeoutMs < SHORTEST_MS || timeoutMs > LONGEST_MS)
    report(
      'R-P-7',
      id,
      `has the timeoutMs ${inWords(timeoutMs)}`,
      `Give a whole number of milliseconds from ${SHORTEST_MS} to ${LONGEST_MS} (5 minutes), or leave it out: REQUEST_TIMEOUT holds then`,
    )
}

const SUCCESS: Record<string, readonly number[]> = { GET: [200], POST: [202], PUT: [200], PATCH: [200], DELETE: [204] }
const SIGN_IN = /^\/auth\/(login|refresh|logout)$/

function checkOperation(id: string, key: string, spec: OperationSpec, contract: Contract, report: Report) {
  const { method, status, access, credentials, body, answer, on, shows, query } = spec
  if (!isCamelCase(key)) report('R-REST-1', id, 'is not in camelCase', 'Operations are like `resetPassword`')
  const fault = accessFault(access)
  if (fault) report('R-AUTH-8', id, `has an access rule that ${fault}`, 'Without a rule nobody can call it')
  else if (parseAccess(access).owner && on === undefined)
    report(
      'R-AUTH-8',
      id,
      'uses "owner", but does not belong to a resource',
      'Say which: `on: Ticket`, with a path below one; or use `authenticated`, and check the owner in the handler',
    )
  else if (parseAccess(access).owner && on!.owner === undefined)
    report(
      'R-AUTH-8',
      id,
      `uses "owner", but ${on!.name} has none`,
      "Name the field with the owner's id there: owner: 'userId'",
    )
  if (on) checkThing(id, spec, on, contract, report)
  if (shows && !Object.values(contract.resources).includes(shows))
    report('R-P-2', id, `answers with ${shows.name}, which is no resource of this contract`, 'List it in `resources`')
  if (credentials !== 'bearer' && credentials !== 'own')
    report('R-AUTH-8', id, `has the credentials "${credentials}"`, 'Use `bearer` (the default) or `own`')
  else if (credentials === 'own' && !fault && !parseAccess(access).public)
    report(
      'R-AUTH-8',
      id,
      `reads no access token, but is open to "${access}" only: nobody could call it`,
      "Use access: 'public', and check the credentials in the handler; or omit `credentials`",
    )
  // Signing in makes something, but not a resource, and forgetting a session returns nothing.
  const allowed = allowedStatuses(spec, contract)
  if (!allowed.includes(status))
    report('R-REST-3', id, `answers ${method} with ${inWords(status)}`, statusHint(method, status, allowed))
  if ((method === 'GET' || method === 'DELETE') && body)
    report('R-REST-2', id, `gives ${method} a body`, 'GET and DELETE requests have no body')
  if (status === 204 && answer)
    report('R-REST-3', id, 'has the status 204 and an answer', 'Remove `answer`, or use another status')
  if (method === 'GET' && !answer)
    report('R-REST-2', id, 'is a GET without an answer', 'Declare what it returns: answer: { … }')
  checkPath(id, spec, contract, report)
  checkQuery(id, query ?? {}, report)
  checkFields(`${id}.body`, body ?? {}, false, report)
  checkFields(`${id}.answer`, answer ?? {}, false, report)
}

function allowedStatuses({ method, credentials, on, shows, path }: OperationSpec, contract: Contract): number[] {
  if (credentials === 'own') return [200, 201, 202, 204]
  const statuses = on && method !== 'GET' ? [200, 202, 204] : [...(SUCCESS[method] ?? [])]
  // A Location that resolves: of a resource that can be read, and where the path or the answer says below what it lies.
  const canBeFound =
    shows?.access.get !== undefined &&
    [...itemPath(shows, 'id').matchAll(/\{(\w+)\}/g)].every(
      ([whole, name]) => path.includes(whole) || Object.hasOwn(shows.shown, name!),
    ) &&
    Object.values(contract.resources).includes(shows)
  if (method === 'POST' && canBeFound) statuses.push(201)
  return statuses
}

/** An operation on a thing lies below that thing's path. */
function checkThing(id: string, { path }: OperationSpec, on: AnyResource, contract: Contract, report: Report) {
  if (!Object.values(contract.resources).includes(on))
    report('R-REST-1', id, `is on ${on.name}, which is no resource of this contract`, 'List it in `resources`')
  else if (thingParam(path, on) === undefined)
    report(
      'R-REST-1',
      id,
      `is on ${on.name}, but has the path "${path}"`,
      `Begin it with ${itemPath(on, on.parent?.field === `${camelCase(on.name)}Id` ? 'id' : `${camelCase(on.name)}Id`)}`,
    )
}

const SINGLE: readonly Kind[] = ['text', 'email', 'integer', 'decimal', 'money', 'boolean', 'time', 'id', 'oneOf']

/** Query parameters are single values or lists of them, and what lists mean by a name is not given another meaning. */
function checkQuery(id: string, query: Readonly<Record<string, FieldSpec>>, report: Report) {
  checkFields(`${id}.query`, query, true, report)
  for (const [name, spec] of Object.entries(query)) {
    const at = `${id}.query.${name}`
    const kind = spec.kind === 'list' ? spec.of!.kind : spec.kind
    if (TAKEN.includes(name))
      report('R-FILTER-1', at, 'is a parameter of lists, or of the whole API', 'Choose another name')
    if (!SINGLE.includes(kind))
      report('R-FILTER-1', at, `is ${spec.kind}`, 'Query parameters are single values, or lists of them')
    if (spec.server || spec.inputOnly || spec.only || (spec.nullable && !spec.optional) || spec.of?.nullable)
      report('R-FILTER-1', at, 'has a mark that means nothing in a query', 'Use optional(), default() and describe()')
  }
}

function statusHint(method: string, status: number, allowed: readonly number[]): string {
  if (method === 'POST' && status === 201)
    return "201 is for a new resource with a Location: declare a resource, with custom: ['create'] for a handler, or `answer` with one that can be read; or answer 202"
  if (method === 'POST' && status === 200)
    return "POST succeeds with 202; to answer 200, use PUT or PATCH, or credentials: 'own' if it signs somebody in"
  return `${method} succeeds with ${allowed.join(' or ')}`
}

/** Segments apart from parameters: a collection in the plural, or a file. */
function checkPath(id: string, { path, allow }: OperationSpec, contract: Contract, report: Report) {
  if (SIGN_IN.test(path)) return
  if (!/^\/[^/{}]+(\/([^/{}]+|\{[a-z][a-zA-Z0-9]*\}))*$/.test(path)) {
    report(
      'R-REST-1',
      id,
      `has the path "${path}"`,
      'Write it like `/email-verifications/{token}`, without a slash at the end',
    )
    return
  }
  if (isWellKnown(path)) return
  const segments = path.split('/').slice(1)
  const collections = new Set(Object.values(contract.resources).map(({ plural }) => plural))
  if (/^(v\d+|api)$/.test(segments[0]!)) {
    report(
      'R-VER-1',
      id,
      `begins its path with /${segments[0]}`,
      'Remove it: every path is also served below /v1 and /api',
    )
    return
  }
  for (const segment of segments) {
    if (segment.startsWith('{')) continue
    if (/^[a-z0-9-]+\.json$/.test(segment)) continue
    if (!isKebabCase(segment)) report('R-REST-1', id, `has the path segment "${segment}"`, 'Use kebab-case')
    else if (allow['R-REST-1'] !== undefined || collections.has(segment)) continue
    else if (isAct(segment, collections))
      report(
        'R-REST-1',
        id,
        `has the verb "${segment}" in its path`,
        'Use a noun: /password-resets, not /reset-password',
      )
    else if (!isPlural(segment))
      report('R-REST-1', id, `has the singular "${segment}" in its path`, pluralHint(segment))
  }
}

function checkEvents({ events, resources }: Contract, report: Report) {
  const all = Object.values(resources)
  const names = new Set(all.map(({ name }) => name))
  for (const [type, { data, older }] of Object.entries(events)) {
    const [noun, verb, ...more] = type.split('.')
    const at = `event ${type}`
    if (!noun || !verb || more.length > 0 || !isKebabCase(noun) || !isKebabCase(verb) || !isPast(verb))
      report('R-EVT-1', at, 'is not <resource>.<past tense>', 'Name it like `order.created`')
    else if (names.size > 0 && !names.has(noun))
      report(
        'R-EVT-1',
        at,
        `does not begin with a resource of this contract: "${noun}"`,
        `Resources: ${[...names].join(', ')}`,
      )
    const versions = Object.keys(older)
    if (versions.some((version, i) => version !== String(i + 1)))
      report('R-EVT-7', at, `has the older shapes ${versions.join(', ')}`, 'Number them from 1 on, without a gap')
    for (const [version, up] of Object.entries(older))
      if (typeof up !== 'function')
        report('R-EVT-7', `${at} older.${version}`, `is ${inWords(up)}`, 'Give a function that returns the next shape')
    // What a resource shows is checked there.
    if (!all.some(({ shown }) => shown === data)) checkFields(at, data, false, report)
  }
}

function checkConsumers({ consumers, resources, operations }: Contract, report: Report) {
  for (const [key, { from, events, start, attempts, timeoutMs, batch }] of Object.entries(consumers)) {
    const at = `consumers.${key}`
    if (!isCamelCase(key)) report('R-EVT-2', at, 'is not in camelCase', 'Name it after its purpose: `buyers`')
    if (Object.hasOwn(resources, key) || Object.hasOwn(operations, key))
      report('R-P-2', at, 'has the name of a resource or an operation', 'Every handler needs its own name: rename one')
    const types = Object.keys(events)
    if (types.length === 0) report('R-EVT-2', at, 'has no events', `List events of ${from}`)
    for (const type of types)
      if (events[type] === undefined)
        report('R-EVT-2', at, `consumes "${type}", which ${from} does not publish`, 'See its `events`')
    if (start !== 'beginning' && start !== 'now')
      report('R-EVT-5', at, `has the start "${start}"`, 'Use `beginning` or `now`')
    if (!Number.isInteger(attempts) || attempts < 1 || attempts > 100)
      report('R-EVT-3', at, `has ${inWords(attempts)} attempts`, 'Give a whole number from 1 to 100')
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 25_000)
      report('R-EVT-6', at, `has timeoutMs ${inWords(timeoutMs)}`, 'Give a whole number from 1 to 25000')
    if (!Number.isInteger(batch) || batch < 1 || batch > 100)
      report('R-EVT-6', at, `has the batch ${inWords(batch)}`, 'Give a whole number from 1 to 100')
  }
}

function checkVersions(contract: Contract, report: Report) {
  const { latest, older } = contract
  if (!Number.isInteger(latest) || latest < 1) {
    report('R-VER-1', 'latest', `is ${inWords(latest)}`, 'Versions are whole numbers from 1')
    return
  }
  for (let version = 1; version < latest; version++)
    if (!older[version])
      report(
        'R-VER-2',
        `older.${version}`,
        'is missing',
        `Describe each version before ${latest}: { shapes: {} } where nothing differs`,
      )
  for (const [version, described] of Object.entries(older)) {
    const at = `older.${version}`
    if (!(Number.isInteger(Number(version)) && Number(version) >= 1 && Number(version) < latest))
      report('R-VER-2', at, `is not below latest (${latest})`, 'Describe older versions only')
    for (const key of Object.keys(described.shapes))
      if (!Object.hasOwn(contract.resources, key) && !Object.hasOwn(contract.operations, key))
        report('R-VER-2', at, `names an unknown resource: "${key}"`, 'Use a key of `resources` or of `operations`')
    checkEnd(at, described, report)
  }
  for (const [key, { shown, fields, input }] of Object.entries(contract.resources)) {
    const given = Object.entries(fields as Fields).flatMap(([name, { spec }]) => (spec.hidden ? [] : [name]))
    checkShapes(key, [shown, ...Object.values<object>(input)].flatMap(Object.keys).concat(given), contract, report)
  }
  for (const [key, { body = {}, answer = {}, shows }] of Object.entries(contract.operations))
    checkShapes(key, [body, shows ? {} : answer].flatMap(Object.keys), contract, report)
}

/** Each shape is said in the fields of the version after it. */
function checkShapes(key: string, newest: readonly string[], { latest, older }: Contract, report: Report) {
  const names = new Set(newest)
  for (let version = latest - 1; version >= 1; version--) {
    const shape: OlderShape | undefined = older[version]?.shapes[key]
    if (!shape) continue
    const at = `older.${version}.${key}`
    for (const name of shape.without)
      if (!names.delete(name))
        report(
          'R-VER-2',
          at,
          `removes "${name}", which version ${version + 1} does not have`,
          `Fields: ${[...names].join(', ')}`,
        )
    for (const name of Object.keys(shape.added)) {
      if (names.has(name))
        report(
          'R-VER-2',
          at,
          `adds "${name}", which version ${version + 1} has too`,
          'Name it in `without` as well, if it differs',
        )
      names.add(name)
    }
    checkFields(at, shape.added as Readonly<Record<string, FieldSpec>>, true, report)
  }
}

function checkEnd(at: string, { deprecated, sunset }: OlderVersion, report: Report) {
  const times = [deprecated, sunset].map((date) =>
    date === undefined ? undefined : readTime(date.length === 10 ? `${date}T00:00:00Z` : date),
  )
  const given = [deprecated, sunset]
  const [begin, end] = times
  for (const [i, date] of given.entries())
    if (date !== undefined && times[i] === undefined)
      report('R-VER-3', at, `has the date "${date}"`, 'Write it like 2026-12-31')
  if (begin !== undefined && end !== undefined && end < begin)
    report(
      'R-VER-3',
      at,
      'has a sunset before its deprecation',
      '`sunset` must not be earlier than `deprecated` (RFC 8594)',
    )
}
