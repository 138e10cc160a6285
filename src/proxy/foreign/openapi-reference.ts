import { isObject, type Report } from './foreign-route.ts'

type Fields = Readonly<Record<string, unknown>>

/** May be said again beside a `$ref`, and go before what it leads to. */
const BESIDE = ['summary', 'description']

/**
 * A path item or a security scheme with what its `$ref` leads to, and that one's, within the document. Members beside the
 * `$ref` are added; what both say is a fault, as OpenAPI leaves open which of them holds.
 */
export function dereference(document: Fields, given: Fields, where: string, report: Report): Fields {
  let found = given
  const seen = new Set<unknown>()
  while (Object.hasOwn(found, '$ref')) {
    const { $ref: reference, ...beside } = found
    if (seen.has(reference)) {
      report(where, `has the circular $ref ${JSON.stringify(reference)}`)
      return beside
    }
    seen.add(reference)
    const target = follow(document, reference)
    if (typeof target === 'string') {
      report(where, `has the $ref ${JSON.stringify(reference)}, which ${target}`)
      return beside
    }
    for (const name of Object.keys(beside))
      if (Object.hasOwn(target, name) && !BESIDE.includes(name))
        report(
          where,
          `has \`${name}\` beside the $ref ${JSON.stringify(reference)}, which has one too: keep one of them`,
        )
    found = { ...target, ...beside }
  }
  return found
}

/** A JSON pointer in a fragment (RFC 6901 6); what is wrong with it, where it does not resolve. */
function follow(document: Fields, reference: unknown): Fields | string {
  if (typeof reference !== 'string') return 'must be a string'
  if (!reference.startsWith('#')) return 'is in another file, which is not read: bundle the document into one file'
  if (!reference.startsWith('#/')) return 'is not a pointer such as #/components/pathItems/one'
  let at: unknown = document
  for (const step of reference.slice(2).split('/')) {
    const name = unescaped(step)
    if (typeof at !== 'object' || at === null || name === undefined || !Object.hasOwn(at, name))
      return 'does not resolve'
    at = (at as Record<string, unknown>)[name]
  }
  return isObject(at) ? at : 'is not an object'
}

function unescaped(step: string): string | undefined {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return undefined
  }
}
