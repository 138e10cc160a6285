import { accessFault, parseAccess } from './access.ts'
import { checkCached } from './cached-rules.ts'
import { checkFields } from './field-rules.ts'
import type { FieldSpec, Fields, Kind } from './fields.ts'
import { inWords } from './known-members.ts'
import { isOneValue } from './list-cost.ts'
import { filterParameters } from './list-query.ts'
import { camelCase, isCamelCase, isKebabCase, pluralOf } from './names.ts'
import type { AnyResource, Resource, Verb } from './resource.ts'
import { VERBS } from './served-operations.ts'
import type { Report } from './violation.ts'
import { isAct, isInvariable, isPlural } from './words.ts'

/** Reports the rules that a resource breaks. `own` are all resources of its contract. */
export function checkResource(key: string, resource: Resource, own: readonly AnyResource[], report: Report): void {
  checkNames(key, resource, report)
  checkOwnFields(key, resource, report)
  checkPlace(key, resource, report)
  checkLists(key, resource, report)
  checkAccess(key, resource, own, report)
  checkVerbs(key, resource, report)
  checkCached(key, resource, report)
}

function checkNames(key: string, { name, plural, idPrefix, allow }: Resource, report: Report) {
  const isAllowed = allow['R-REST-1'] !== undefined
  if (!isCamelCase(key)) report('R-REST-1', key, 'is not in camelCase', 'Resource keys are like `cartItems`')
  if (!isKebabCase(name)) report('R-REST-1', key, `is named "${name}"`, 'Use kebab-case, such as `cart-item`')
  else if (!isAllowed && key === camelCase(name) && isPlural(name) && !isInvariable(name))
    report('R-REST-1', key, `is named "${name}", which is a plural`, "Use the singular, such as resource('order', …)")
  if (!isKebabCase(plural))
    report('R-REST-1', key, `has the path segment "${plural}"`, 'Use kebab-case, such as `order-items`')
  else if (isAllowed) {
    // What the words are is said by the contract.
  } else if (isAct(plural, new Set())) report('R-REST-1', key, `has the verb "${plural}" in its path`, 'Use a noun')
  else if (!isPlural(plural) || (plural === name && !isInvariable(name)))
    report('R-REST-1', key, `has the singular collection "${plural}"`, pluralHint(plural))
  if (!/^[a-z]{2,10}$/.test(idPrefix))
    report('R-BODY-1', key, `has the id prefix "${idPrefix}"`, 'Use 2 to 10 lower-case letters, such as `ord`')
}

export function pluralHint(singular: string): string {
  return `Collections are plural: \`${pluralOf(singular)}\`, or give \`plural\` where English is irregular`
}

/** What each has without being asked. */
const GIVEN = ['id', 'version', 'createdAt', 'updatedAt']

function checkOwnFields(key: string, resource: Resource, report: Report) {
  const specs = specsIn(resource.fields)
  // What lies below a parent is in the parent's currency.
  checkFields(key, specs, resource.nested, report)
  for (const name of GIVEN)
    if (Object.hasOwn(specs, name))
      report('R-BODY-2', `${key}.${name}`, 'is declared by hand', 'Every resource has this field: remove it')
  for (const name of resource.unique)
    if (!Object.hasOwn(resource.stored, name))
      report('R-DEL-1', `${key}.unique`, `names an unknown field: "${name}"`, 'Name a declared field')
  if (resource.requireVersion && !resource.versioned)
    report('R-LOCK-2', key, 'requires a version but is not versioned', 'Leave out `versioned: false`')
  for (const [verb, input] of Object.entries<Readonly<Record<string, FieldSpec>>>(resource.input)) {
    checkFields(`${key}.input.${verb}`, input, resource.nested || Object.hasOwn(specs, 'currency'), report)
    if (resource.versioned && Object.hasOwn(input, 'version'))
      report(
        'R-LOCK-1',
        `${key}.input.${verb}.version`,
        'is declared by hand',
        'A versioned resource accepts `version` already: remove it',
      )
  }
}

/** Where it stands, and whose it is. */
function checkPlace(key: string, { parent, nested, owner, stored }: Resource, report: Report) {
  if (nested && !parent)
    report('R-REST-1', key, 'is nested but has no parent', 'Give it a `parent`, or leave out `nested`')
  if (owner !== undefined && owner !== 'id' && !mayHoldOwner(find(stored, owner)))
    report(
      'R-AUTH-8',
      `${key}.owner`,
      `must name an id, or a text that is server(), but names "${owner}"`,
      `Fields: ${namesOf(stored)}`,
    )
  if (!parent) return
  const spec = find(stored, parent.field)
  const prefix = parent.of.idPrefix
  if (spec?.kind !== 'id' || spec.prefix !== prefix)
    report(
      'R-REST-1',
      `${key}.parent`,
      `"${parent.field}" is not an id of its parent`,
      `Declare ${parent.field}: t.id('${prefix}').server()`,
    )
  else if (!spec.server)
    report(
      'R-REST-1',
      `${key}.${parent.field}`,
      'is in both the path and the body',
      'It is taken from the path: mark it server()',
    )
}

/** A text is for subjects of an identity provider, which are no ids of ours. */
function mayHoldOwner(spec: FieldSpec | undefined): boolean {
  return spec?.kind === 'id' || (spec?.kind === 'text' && spec.server === true)
}

function checkLists(key: string, resource: Resource, report: Report) {
  const { list, stored } = resource
  const known = namesOf(stored)
  const refuse = (rule: string, option: string, message: string, hint: string) =>
    report(rule, `${key}.list.${option}`, message, hint)
  for (const [param, name] of Object.entries(list.filter)) {
    const spec = find(stored, name)
    if (!spec) refuse('R-FILTER-1', 'filter', `names an unknown field: "${name}"`, `Fields: ${known}`)
    else if (spec.kind === 'object' || (spec.kind === 'list' && !MEMBERS.includes(spec.of!.kind)))
      refuse(
        'R-FILTER-1',
        'filter',
        `cannot filter by ${spec.kind} "${name}"`,
        'Filter by single values, or by lists of texts, ids or known values (t.oneOf)',
      )
    if (!isCamelCase(param)) refuse('R-FILTER-1', 'filter', `has the parameter "${param}"`, 'Use camelCase')
  }
  for (const name of list.search)
    if (find(stored, name)?.kind !== 'text' && find(stored, name)?.kind !== 'email')
      refuse('R-FILTER-1', 'search', `"${name}" is not a text field`, `Fields: ${known}`)
  const sorts = new Set([...list.sort, ...list.defaultSort.split(',').map((term) => term.replace(/^[-+]/, ''))])
  for (const name of sorts) {
    const spec = find(stored, name)
    if (!spec) refuse('R-SORT-1', 'sort', `names an unknown field: "${name}"`, `Fields: ${known}`)
    else if (spec.kind === 'list' || spec.kind === 'object')
      refuse('R-SORT-1', 'sort', `cannot sort by ${spec.kind} "${name}"`, 'Sort by single values')
  }
  for (const name of new Set([...Object.values(list.filter), ...list.search, ...sorts]))
    if (find(stored, name)?.hidden)
      refuse(
        'R-BODY-7',
        name,
        'is hidden, but a filter, search or sort would reveal its values',
        'Use fields that clients can see',
      )
  checkParameters(key, resource, report)
  if (!(Number.isSafeInteger(list.maxOffset) && list.maxOffset >= 100))
    refuse(
      'R-PAGE-7',
      'maxOffset',
      `is ${inWords(list.maxOffset)}`,
      'Give a whole number from 100, so that the largest page fits',
    )
  if (!(Number.isSafeInteger(list.exactTotal) && list.exactTotal >= 0))
    refuse('R-PAGE-6', 'exactTotal', `is ${inWords(list.exactTotal)}`, 'Give a whole number from 0')
  if (!(Number.isInteger(list.scanCost) && list.scanCost >= 0 && list.scanCost <= 1_000_000))
    refuse('R-RATE-1', 'scanCost', `is ${inWords(list.scanCost)}`, 'Give a whole number from 0')
  checkIndexed(key, resource, report)
}

/** What says which lists have an index speaks of filters and sorts that there are. */
function checkIndexed(key: string, { list, stored }: Resource, report: Report) {
  const filters = Object.values(list.filter)
  const sorts = [...list.sort, ...list.defaultSort.split(',').map((term) => term.replace(/^[-+]/, ''))]
  for (const name of list.scans)
    if (!filters.includes(name) && !sorts.includes(name) && !(name === 'q' && list.search.length > 0))
      report(
        'R-PAGE-2',
        `${key}.list.scans`,
        `"${name}" is neither a filter nor a sort`,
        'Declare it as a filter or sort, or remove it',
      )
  for (const [filter, sort] of list.pairs) {
    const at = `${key}.list.pairs`
    const fault = (what: string, hint: string) =>
      report('R-PAGE-2', at, `has ['${filter}', '${sort}'], and ${what}`, hint)
    if (!filters.includes(filter)) fault(`"${filter}" is not a filter`, 'The first must be the field of a filter')
    else if (!isOneValue(find(stored, filter)))
      fault(`"${filter}" is not filtered by one value`, 'An index keeps rows in order within one value of a filter')
    if (!sorts.includes(sort)) fault(`"${sort}" is not a sort`, 'The second must be a sort')
    for (const name of [filter, sort])
      if (list.scans.includes(name)) fault(`"${name}" is in scans too`, 'Keep it in one of the two')
  }
}

/** What a list is filtered by a member of. */
const MEMBERS: readonly Kind[] = ['text', 'id', 'oneOf']

/** Parameters that every list has; `version` is the whole API's (R-VER-1). */
export const TAKEN: readonly string[] = ['page', 'limit', 'cursor', 'count', 'sort', 'fields', 'version']

function checkParameters(key: string, resource: Resource, report: Report) {
  if (Object.values(resource.list.filter).some((name) => !find(resource.stored, name))) return
  const names = new Set(TAKEN)
  for (const { name } of filterParameters(resource)) {
    if (names.has(name))
      report(
        'R-FILTER-1',
        `${key}.list.filter`,
        `defines the parameter "${name}" twice`,
        "Rename one: { placed: 'createdAt' }",
      )
    names.add(name)
  }
}

function checkAccess(key: string, resource: Resource, own: readonly AnyResource[], report: Report) {
  for (const verb of VERBS) {
    const rule = resource.access[verb]
    if (rule === undefined) continue
    const at = `${key}.access.${verb}`
    const fault = accessFault(rule)
    if (fault) report('R-AUTH-8', at, fault, 'Without a rule nobody can call it')
    else if (parseAccess(rule).owner)
      for (const hint of ownerUnknown(verb, resource, own))
        report('R-AUTH-8', at, 'uses "owner", but the owner cannot be determined', hint)
  }
  for (const verb of Object.keys(resource.access))
    if (!VERBS.includes(verb as Verb))
      report('R-REST-2', `${key}.access`, `has an unknown verb: "${verb}"`, `Verbs: ${VERBS.join(', ')}`)
}

/** One thing says itself whose it is, and so does a list that stands below nothing; other collections are their parent's. */
function ownerUnknown(verb: Verb, { owner, parent, list }: Resource, own: readonly AnyResource[]): string[] {
  const hints: string[] = []
  const collection = verb === 'list' || verb === 'create'
  if (owner === undefined && (!collection || (verb === 'list' && (!parent || list.root))))
    hints.push("Name the field with the owner's id: owner: 'userId'")
  if (!collection || (verb === 'list' && !parent)) return hints
  if (!parent)
    hints.push(
      "Use `authenticated`, as who makes one owns it, or put it below its owner: parent: { of: User, field: 'userId' }",
    )
  else if (parent.of.owner === undefined)
    hints.push(`Say who owns its parent: owner in resource('${parent.of.name}', …)`)
  else if (parent.of.owner !== 'id' && !own.includes(parent.of))
    hints.push('Its parent belongs to another service, which knows the owner: put it below the user')
  return hints
}

function checkVerbs(key: string, resource: Resource, report: Report) {
  for (const verb of resource.custom) {
    if (resource.access[verb] === undefined)
      report(
        'R-AUTH-8',
        `${key}.custom`,
        `names "${verb}", which has no access rule`,
        'A verb without an access rule does not exist: add the rule',
      )
    if ((verb === 'list' || verb === 'get') && resource.cached !== undefined)
      report(
        'R-CACHE-4',
        `${key}.custom`,
        `names "${verb}", and reads are cached`,
        'What a handler makes of a row may be for one caller: remove `cached`, or the handler',
      )
  }
  const byVerb = [
    ['R-P-6', `${key}.problems`, 'names', resource.problems],
    ['R-RATE-1', key, 'limits', { ...resource.limits, ...resource.cost }],
    ['R-P-7', `${key}.timeoutMs`, 'names', resource.timeoutMs],
  ] as const
  for (const [rule, place, says, members] of byVerb)
    for (const verb of Object.keys(members) as Verb[])
      if (resource.access[verb] === undefined)
        report(
          rule,
          place,
          `${says} "${verb}", which has no access rule`,
          'A verb without an access rule does not exist: add the rule',
        )
  for (const verb of ['create', 'replace', 'update'] as const) {
    if (resource.access[verb] === undefined || resource.custom.includes(verb)) continue
    const specs =
      (resource.input as Partial<Record<Verb, Readonly<Record<string, FieldSpec>>>>)[verb] ?? specsIn(resource.fields)
    for (const [name, spec] of Object.entries(specs))
      if (!Object.hasOwn(resource.stored, name) && !(spec.fixed && verb !== 'create'))
        report(
          'R-P-2',
          `${key}.${name}`,
          `is not stored, so CRUD cannot ${verb} it`,
          `Write the handler: custom: ['${verb}']`,
        )
  }
}

function specsIn(fields: Fields): Readonly<Record<string, FieldSpec>> {
  return Object.fromEntries(Object.entries(fields).map(([name, { spec }]) => [name, spec]))
}

/** Own members only: `constructor` is no field of anything. */
function find(specs: Readonly<Record<string, FieldSpec>>, name: string): FieldSpec | undefined {
  return Object.hasOwn(specs, name) ? specs[name] : undefined
}

function namesOf(specs: Readonly<Record<string, FieldSpec>>): string {
  return Object.keys(specs).join(', ')
}
