import { isCamelCase, isKebabCase, pluralOf } from '../../../contract/names.ts'
import { isWellKnown } from '../../../contract/well-known.ts'
import { isAct, isPlural } from '../../../contract/words.ts'
import {
  type ApiOperation,
  type ApiParameter,
  type ApiPath,
  isParameter,
  jsonOf,
  successes,
} from '../../openapi/document.ts'
import type { Spot } from '../../openapi/spot.ts'
import type { LintedDocument, LintRule } from '../rule.ts'

const SIGN_IN = /\/auth\/(login|refresh|logout)$/
/** What an API may stand below: `/api`, `/v2`, `/api/3`. */
const BASE = /^(api|v?\d+(\.\d+)*)$/

export const pathRules: readonly LintRule[] = [
  {
    id: 'R-REST-1/verb',
    severity: 'error',
    reason:
      'The method is the verb; a path names a thing, so that clients can guess what GET, PATCH and DELETE do to it.',
    hint: 'Name a thing: POST /tickets/{id}/closures, or PATCH the ticket, rather than POST /tickets/{id}/close.',
    check: (document, report) => {
      for (const { name, spot, collections, also } of literals(document))
        if (isAct(kebabCase(name), collections)) report(spot, `has the verb "${name}" in its path`, also)
    },
  },
  {
    id: 'R-REST-1/plural',
    severity: 'error',
    reason:
      'One word for the collection and its members, always in the plural, saves everybody a look at the reference.',
    hint: 'Use the plural: /orders and /orders/{id}. A word that is wrongly taken for a singular is allowed with x-lintel-allow.',
    check: (document, report) => {
      for (const { name, spot, prefix, also, collections } of literals(document))
        if (isCollection(document, prefix) && isKebabCase(name) && !isAct(name, collections) && !isPlural(name))
          report(spot, `has the singular collection "${name}": ${pluralOf(name)}`, also)
    },
  },
  {
    id: 'R-REST-1/kebab-case',
    severity: 'error',
    reason: 'Paths in one spelling can be typed from memory, and survive systems that ignore case.',
    hint: 'Write path segments in kebab-case: /order-items.',
    check: (document, report) => {
      for (const { name, spot, also } of literals(document))
        if (!isKebabCase(name) && !/^[a-z0-9-]+\.[a-z]+$/.test(name))
          report(spot, `has the path segment "${name}"`, also)
    },
  },
  {
    id: 'R-REST-1/camel-case-parameter',
    habit: 'names its parameters in another case',
    places: ({ operations }) => namedParameters(operations).length,
    severity: 'warn',
    reason: 'Names of one spelling in paths, queries and bodies mean that a client needs no table of them.',
    hint: 'Name parameters in camelCase: orderId, createdAfter.',
    check: ({ operations }, report) => {
      for (const { name, in: place, spot } of namedParameters(operations))
        if (!isCamelCase(name)) report(spot, `has the ${place} parameter "${name}"`)
    },
  },
  {
    id: 'R-REST-1/camel-case-property',
    habit: 'names its properties in another case',
    places: ({ properties }) => properties.filter(({ name }) => /[A-Z_-]/.test(name.slice(1))).length,
    severity: 'warn',
    reason: 'JSON in camelCase reads as the code of most clients does, and is never a mixture.',
    hint: 'Name properties in camelCase: createdAt.',
    check: ({ properties }, report) => {
      for (const { name, spot } of properties) if (!isCamelCase(name)) report(spot, `has the property "${name}"`)
    },
  },
  {
    id: 'R-REST-1/slash',
    severity: 'error',
    reason: 'A slash at the end or two in a row is another path to some servers and the same to others.',
    hint: 'Begin with one slash, put one between segments, and none at the end.',
    check: ({ paths }, report) => {
      for (const { template, spot } of paths)
        if (template.length > 1 && (template.endsWith('/') || template.includes('//')))
          report(spot, `has a slash too many: ${template}`)
    },
  },
  {
    id: 'R-REST-1/query-in-path',
    severity: 'error',
    reason: 'What follows ? or # is no part of a path: no server routes by it.',
    hint: 'Declare query parameters as parameters, and tell operations apart by their paths.',
    check: ({ paths }, report) => {
      for (const { template, spot } of paths)
        if (/[?#]/.test(template)) report(spot, `has ? or # in its path: ${template}`)
    },
  },
  {
    id: 'R-REST-1/same-path',
    severity: 'error',
    reason:
      'Paths that differ only in the names of their parameters are one path: nobody can tell which of them is meant.',
    hint: 'Put the methods of both below one path.',
    check: ({ paths }, report) => {
      const seen = new Map<string, string>()
      for (const { template, spot } of paths) {
        const shape = template.replace(/\{[^{}]*\}/g, '{}')
        const other = seen.get(shape)
        if (other === undefined) seen.set(shape, template)
        else report(spot, `is the same path as ${other}`)
      }
    },
  },
  {
    id: 'R-REST-1/path-parameters',
    severity: 'error',
    reason: 'Generators make the URL from what is declared: a parameter without a declaration stays in braces.',
    hint: 'Declare each {parameter} of the path with in: path, and no other.',
    check: ({ operations }, report) => {
      for (const { parameters, path, spot } of operations) {
        const inPath = [...path.template.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!)
        const declared = parameters.filter((one) => one.in === 'path')
        for (const name of inPath)
          if (!declared.some((one) => one.name === name)) report(spot, `does not declare the path parameter "${name}"`)
        for (const { name, spot: place } of declared)
          if (!inPath.includes(name))
            report(place, `declares the path parameter "${name}", which ${path.template} does not have`)
      }
    },
  },
  {
    id: 'R-REST-1/parameter-after-collection',
    severity: 'warn',
    reason: 'Nesting shows ownership: each parameter picks a member of the collection before it.',
    hint: 'Put the collection before its member: /users/{userId}/orders/{orderId}.',
    check: ({ paths }, report) => {
      for (const { segments, spot } of paths) {
        const at = segments.findIndex((one, i) => isParameter(one) && (i === 0 || isParameter(segments[i - 1]!)))
        if (at >= 0) report(spot, `has the parameter ${segments[at]} without a collection before it`)
      }
    },
  },
  {
    id: 'R-REST-1/depth',
    severity: 'warn',
    reason: 'A deep path makes clients carry ids that the server knows from the last one.',
    hint: 'Give what is deep a path of its own: /order-items/{id}.',
    check: ({ paths }, report) => {
      for (const { segments, spot } of paths) {
        const params = segments.filter(isParameter).length
        if (params > 3) report(spot, `is nested ${params} parameters deep`)
      }
    },
  },
]

function namedParameters(operations: readonly ApiOperation[]): ApiParameter[] {
  const all = operations.flatMap(({ parameters }) =>
    parameters.filter((one) => one.in === 'path' || one.in === 'query'),
  )
  return [...new Map(all.map((one) => [one.spot.value, one])).values()]
}

/** `bulk_update` and `createUser` are read as `bulk-update` and `create-user`. */
function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

/** A segment with a name of its own, said once for all paths that go through it. */
interface Literal {
  readonly name: string
  /** Up to and with it, parameters without their names. */
  readonly prefix: string
  readonly spot: Spot
  readonly also: readonly Spot[]
  readonly collections: ReadonlySet<string>
}

function literals(document: LintedDocument): Literal[] {
  const collections = new Set(collectionsOf(document).map((prefix) => prefix.split('/').at(-1)!))
  const found = new Map<string, Literal & { also: Spot[] }>()
  for (const path of document.paths) {
    if (isWellKnown(path.template) || SIGN_IN.test(path.template)) continue
    const first = path.segments.findIndex((one) => !BASE.test(one))
    for (const [i, name] of path.segments.entries()) {
      if (i < first || first < 0 || name === '' || /[{}?#]/.test(name)) continue
      const prefix = prefixOf(path, i)
      const literal = found.get(prefix) ?? { name, prefix, spot: path.spot, also: [], collections }
      found.set(prefix, literal)
      // What is said of the thing itself, or of one member, counts for the word; what lies deeper does not.
      if (i >= path.segments.length - 2 && path.segments.slice(i + 1).every(isParameter))
        literal.also.push(path.spot, ...path.operations.map(({ spot }) => spot))
    }
  }
  return [...found.values()]
}

function prefixOf({ segments }: ApiPath, last: number): string {
  return `/${segments
    .slice(0, last + 1)
    .map((one) => (isParameter(one) ? '{}' : one))
    .join('/')}`
}

const kept = new WeakMap<LintedDocument, string[]>()

/** Prefixes with members below them, or whose GET returns a list, but for views of another, such as /gists/starred. */
function collectionsOf(document: LintedDocument): string[] {
  const known = kept.get(document)
  if (known) return known
  const found = new Set<string>()
  for (const path of document.paths) {
    for (const [i, name] of path.segments.entries())
      if (isParameter(name) && i > 0 && !isParameter(path.segments[i - 1]!)) found.add(prefixOf(path, i - 1))
    const isView = path.segments.length > 1 && isPlural(path.segments.at(-2)!)
    if (!isView && path.operations.some((operation) => operation.method === 'get' && returnsList(document, operation)))
      found.add(prefixOf(path, path.segments.length - 1))
  }
  const all = [...found]
  kept.set(document, all)
  return all
}

function returnsList({ schemas }: LintedDocument, operation: ApiPath['operations'][number]): boolean {
  const json = successes(operation).map(({ content }) => jsonOf(content))[0]
  return json !== undefined && schemas.flat(json).types.has('array')
}

function isCollection(document: LintedDocument, prefix: string): boolean {
  return collectionsOf(document).includes(prefix)
}
