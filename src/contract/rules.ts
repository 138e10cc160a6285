import { accessFault } from './access.ts'
import type { FieldSpec } from './fields.ts'
import { pluralOf } from './names.ts'
import { type Operation, VERBS } from './operation.ts'
import { PROBLEMS, type ProblemSpec } from './problem.ts'
import type { AnyResource, Resource, Verb } from './resource.ts'
import type { Contract } from './service.ts'

export interface Breach {
  /** The rule's id in the specification: `R-REST-1`. */
  rule: string
  where: string
  message: string
  hint: string
}

/** Everything that a contract may not say (R-P-6), each with a hint. Empty when it is sound. */
export function brokenRules(contract: Contract<any, any, any>, own: Readonly<Record<string, ProblemSpec>>): Breach[] {
  const breaches: Breach[] = []
  const say = (rule: string, where: string, message: string, hint: string) =>
    breaches.push({ rule, where, message, hint })
  if (!/^[a-z][a-z0-9-]*$/.test(contract.name))
    say('R-REST-1', contract.name, 'is no service name', 'Use kebab-case, such as `orders`')
  checkProblems(own, say)
  const prefixes = new Map<string, string>()
  for (const [key, resource] of Object.entries<AnyResource>(contract.resources)) {
    checkNames(key, resource, prefixes, say)
    checkFields(key, resource, say)
    checkLists(key, resource, say)
    checkAccess(key, resource, say)
  }
  checkOperations(contract, say)
  checkEvents(contract, say)
  checkVersions(contract, say)
  return breaches
}

type Say = (rule: string, where: string, message: string, hint: string) => void

const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const CAMEL = /^[a-z][a-zA-Z0-9]*$/
const STATUSES = new Set([400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 423, 424, 428, 429, 500, 502, 503, 504])

function checkProblems(own: Readonly<Record<string, ProblemSpec>>, say: Say) {
  for (const [code, { status }] of Object.entries(own)) {
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code))
      say('R-BODY-5', `problem ${code}`, 'is not in UPPER_SNAKE', 'Name it like OUT_OF_STOCK')
    if (!STATUSES.has(status))
      say('R-REST-4', `problem ${code}`, `has status ${status}`, `Use one of ${[...STATUSES].join(', ')}`)
    if (PROBLEMS[code] && PROBLEMS[code].status !== status)
      say('R-BODY-6', `problem ${code}`, 'means something else on every system', 'Choose a code of your own')
  }
}

function checkNames(key: string, resource: Resource, prefixes: Map<string, string>, say: Say) {
  const { plural, idPrefix } = resource
  if (!CAMEL.test(key)) say('R-REST-1', key, 'is not in camelCase', 'Resource keys are like `cartItems`')
  if (!KEBAB.test(plural)) say('R-REST-1', key, `has the path segment "${plural}"`, 'Use kebab-case, such as `order-items`')
  else if (plural === resource.name || !looksPlural(plural))
    say(
      'R-REST-1',
      key,
      `has the singular collection "${plural}"`,
      `Collections are plural: \`${pluralOf(plural)}\`, or give \`plural\` where English is irregular`,
    )
  else if (isVerb(plural)) say('R-REST-1', key, `has the verb "${plural}" in its path`, 'Name a thing, not an act')
  if (!/^[a-z][a-z0-9]{1,9}$/.test(idPrefix))
    say('R-BODY-1', key, `has the id prefix "${idPrefix}"`, 'Use 2 to 10 small letters, such as `ord`')
  const other = prefixes.get(idPrefix)
  if (other) say('R-BODY-1', key, `shares the id prefix "${idPrefix}" with ${other}`, 'Each type has a prefix of its own')
  prefixes.set(idPrefix, key)
}

const IRREGULAR = new Set(['people', 'children', 'men', 'women', 'feet', 'teeth', 'mice', 'geese', 'data', 'media', 'criteria', 'indices'])

function looksPlural(plural: string): boolean {
  const last = plural.split('-').at(-1)!
  return IRREGULAR.has(last) || (last.endsWith('s') && !last.endsWith('ss'))
}

function checkFields(key: string, resource: Resource, say: Say) {
  const specs = Object.entries(resource.fields as Record<string, { spec: FieldSpec }>).map(([name, f]) => [name, f.spec] as const)
  for (const [name] of specs) {
    if (!CAMEL.test(name)) say('R-REST-1', `${key}.${name}`, 'is not in camelCase', 'JSON names are like `unitPrice`')
    if (['id', 'version', 'createdAt', 'updatedAt'].includes(name))
      say('R-BODY-2', `${key}.${name}`, 'is declared by hand', 'Every resource has it already: leave it out')
  }
  if (specs.some(([, spec]) => spec.kind === 'money') && !specs.some(([name]) => name === 'currency'))
    if (!specs.every(([, spec]) => spec.kind !== 'money' || spec.hidden) && !resource.nested)
      say('R-BODY-3', key, 'has money without a currency', 'Add `currency: t.currency()` beside it')
  for (const name of resource.unique)
    if (!resource.stored[name]) say('R-DEL-1', `${key}.unique`, `names no field: "${name}"`, 'Name a declared field')
  for (const verb of ['create', 'replace', 'update'] as Verb[])
    if (resource.access[verb] !== undefined && !resource.custom.includes(verb))
      for (const [name, spec] of specs)
        if (spec.inputOnly)
          say('R-P-2', `${key}.${name}`, `is inputOnly, which CRUD cannot ${verb}`, `Write the handler: custom: ['${verb}']`)
}

function checkLists(key: string, resource: Resource, say: Say) {
  const { list } = resource
  const known = Object.keys(resource.stored).join(', ')
  for (const [param, name] of Object.entries(list.filter)) {
    const spec = resource.stored[name]
    if (!spec) say('R-FILTER-1', `${key}.list.filter`, `names no field: "${name}"`, `Fields: ${known}`)
    else if (spec.kind === 'object' || (spec.kind === 'list' && spec.of?.kind !== 'oneOf'))
      say('R-FILTER-1', `${key}.list.filter`, `cannot filter by ${spec.kind} "${name}"`, 'Filter by single values')
    if (!CAMEL.test(param)) say('R-FILTER-1', `${key}.list.filter`, `has the parameter "${param}"`, 'Use camelCase')
  }
  for (const name of list.search)
    if (resource.stored[name]?.kind !== 'text' && resource.stored[name]?.kind !== 'email')
      say('R-FILTER-1', `${key}.list.search`, `names no text field: "${name}"`, `Fields: ${known}`)
  for (const name of [...list.sort, list.defaultSort.replace(/^[-+]/, '')]) {
    const spec = resource.stored[name]
    if (!spec) say('R-SORT-1', `${key}.list.sort`, `names no field: "${name}"`, `Fields: ${known}`)
    else if (spec.nullable)
      say('R-SORT-1', `${key}.list.sort`, `sorts by "${name}", which may be null`, 'A keyset needs a value in each row: give a default')
    else if (spec.kind === 'list' || spec.kind === 'object')
      say('R-SORT-1', `${key}.list.sort`, `cannot sort by ${spec.kind} "${name}"`, 'Sort by single values')
  }
}

function checkAccess(key: string, resource: Resource, say: Say) {
  for (const verb of VERBS) {
    const rule = resource.access[verb]
    if (rule === undefined) continue
    const fault = accessFault(rule)
    if (fault) say('R-AUTH-8', `${key}.access.${verb}`, fault, 'Without a rule nobody may')
    else if (/\bowner\b/.test(rule) && resource.owner === undefined && !resource.parent)
      say('R-AUTH-8', `${key}.access.${verb}`, 'speaks of an owner', "Say which field holds the owner's id: owner: 'userId'")
  }
  for (const verb of resource.custom)
    if (resource.access[verb] === undefined)
      say('R-AUTH-8', `${key}.custom`, `names "${verb}", which has no access rule`, 'A verb without a rule is not offered')
  for (const verb of Object.keys(resource.access))
    if (!VERBS.includes(verb as Verb)) say('R-REST-2', `${key}.access`, `knows no verb "${verb}"`, `Verbs: ${VERBS.join(', ')}`)
}

const SUCCESS: Record<string, number[]> = { GET: [200], POST: [201], PUT: [200], PATCH: [200], DELETE: [204] }
const SIGN_IN = /^\/auth\/(login|refresh|logout)$/

function checkOperations(contract: Contract<any, any, any>, say: Say) {
  const taken = new Map<string, string>()
  for (const operation of contract.served) {
    const place = `${operation.method} ${operation.path.replace(/\{\w+\}/g, '{}')}`
    const other = taken.get(place)
    if (other) say('R-REST-1', operation.id, `stands at ${place} like ${other}`, 'Each place has one operation')
    taken.set(place, operation.id)
    for (const code of operation.problems)
      if (!contract.problems[code])
        say('R-REST-4', operation.id, `names the undeclared problem ${code}`, `Declare it: problems: { ${code}: problem(409, '…') }`)
    if (operation.verb === 'custom') checkCustom(operation, say)
  }
}

function checkCustom(operation: Operation, say: Say) {
  const { id, method, path, status } = operation
  if (accessFault(contractRule(operation))) say('R-AUTH-8', id, 'has no access rule', 'Without a rule nobody may')
  const allowed = SIGN_IN.test(path) || /^\/auth\//.test(path) ? [200, 201, 202, 204] : (SUCCESS[method] ?? [])
  if (!allowed.includes(status))
    say('R-REST-3', id, `answers ${method} with ${status}`, `${method} succeeds with ${allowed.join(' or ')}`)
  if ((method === 'GET' || method === 'DELETE') && operation.body)
    say('R-REST-2', id, `gives ${method} a body`, 'GET and DELETE take none')
  if (SIGN_IN.test(path)) return
  for (const segment of operation.segments) {
    if (segment.startsWith('{') || segment === 'auth' || segment.startsWith('.')) continue
    if (!KEBAB.test(segment) && !/^[a-z0-9.]+\.json$/.test(segment))
      say('R-REST-1', id, `has the path segment "${segment}"`, 'Use kebab-case')
    else if (isVerb(segment))
      say('R-REST-1', id, `has the verb "${segment}" in its path`, 'Name a thing: POST /password-resets, not /reset-password')
    else if (!looksPlural(segment) && !segment.endsWith('.json'))
      say('R-REST-1', id, `has the singular "${segment}" in its path`, `Collections are plural: \`${pluralOf(segment)}\``)
  }
}

function contractRule({ access }: Operation): string {
  return access.public || access.authenticated || access.owner || access.roles.length > 0 ? 'stated' : ''
}

/** Acts that are met in paths; a noun that is also a verb (orders, transfers) is none of them. */
const ACTS = new Set(
  'get list create add make update edit change modify set put patch delete remove destroy cancel send resend fetch find search do run execute process submit approve reject activate deactivate enable disable login logout register checkout pay verify confirm reset start stop generate import export upload download sync'.split(' '),
)

function isVerb(segment: string): boolean {
  return ACTS.has(segment.split('-')[0]!)
}

/** Ends in -ed, or is one of the irregular ones that events are made of. */
const PAST = /(ed|paid|sent|made|built|sold|bought|begun|done|gone|given|taken|written|held|kept|left|lost|met|put|set|won|withdrawn|frozen|chosen)$/i

function checkEvents(contract: Contract<any, any, any>, say: Say) {
  for (const type of Object.keys(contract.events)) {
    const [noun, verb, ...more] = type.split('.')
    if (!noun || !verb || more.length > 0 || !KEBAB.test(noun) || !PAST.test(verb))
      say('R-EVT-1', `event ${type}`, 'is not <resource>.<past tense>', 'Name it like `order.created`')
  }
}

function checkVersions(contract: Contract<any, any, any>, say: Say) {
  if (!Number.isInteger(contract.latest) || contract.latest < 1)
    say('R-VER-1', 'latest', `is ${contract.latest}`, 'Versions are whole numbers from 1')
  for (const [version, older] of Object.entries<{ shapes: Record<string, unknown> }>(contract.older)) {
    if (!(Number(version) >= 1 && Number(version) < contract.latest))
      say('R-VER-2', `older.${version}`, `is not below latest (${contract.latest})`, 'Describe older versions only')
    for (const key of Object.keys(older.shapes))
      if (!contract.resources[key]) say('R-VER-2', `older.${version}`, `names no resource: "${key}"`, 'Use a key of `resources`')
  }
}
