import type { Access } from '../../contract/access.ts'
import { isObject, NOBODY, type Report } from './foreign-route.ts'
import { dereference } from './openapi-reference.ts'

/**
 * What to do where a document asks for what the gateway cannot check, such as an API key or a password: stop the start; let
 * everybody through, as the upstream checks it; or ask for a token beside it.
 */
export const UNCHECKED = ['refuse', 'public', 'authenticated'] as const
export type Unchecked = (typeof UNCHECKED)[number]

export function isUnchecked(value: unknown): value is Unchecked {
  return UNCHECKED.some((one) => one === value)
}

export interface SecurityReader {
  /** Who may use an operation with this `security`; undefined is none at all, which is public. */
  read(security: unknown, where: string): Access
  /** To be called when all is read: tells what was refused, once for all operations that ask for it. */
  finish(): void
}

/** `security` is a list of alternatives, each a set of schemes that all hold; an empty one asks for nothing. */
export function createSecurityReader(
  document: Readonly<Record<string, unknown>>,
  unchecked: Unchecked,
  report: Report,
): SecurityReader {
  const kinds = schemesOf(document, report)
  const refused = createRefusals()

  /** Undefined: nobody can meet it, as far as the gateway can check. */
  function readOne(requirement: Readonly<Record<string, unknown>>, at: string): Term | undefined {
    const roles: string[] = []
    let term: Term = 'public'
    let met = true
    for (const [name, scopes] of Object.entries(requirement)) {
      const kind = kinds.get(name)
      // Not even where what cannot be checked is let through: it may be a bearer scheme with its name misspelt.
      if (kind === undefined) refused.add(`asks for "${name}", which is not in components.securitySchemes`, UNKNOWN, at)
      else if (typeof kind === 'object') refused.add(`asks for "${name}", whose ${kind.fault}`, SCHEME, at)
      if (!isScopes(scopes))
        report(at, `has ${JSON.stringify(scopes)} for "${name}": give a list of scopes, such as []`)
      else if (scopes.includes('service'))
        report(at, 'asks for the scope "service", which is reserved for the services of a system')
      else if (kind === 'bearer') {
        term = 'authenticated'
        roles.push(...scopes)
      } else if (unchecked === 'refuse') met = false
      else if (unchecked === 'authenticated') term = 'authenticated'
    }
    if (!met) return undefined
    // Scopes of all schemes at once: a role with spaces asks for each of them.
    return roles.length > 0 ? { roles: roles.join(' ') } : term
  }

  return {
    read(security, where) {
      const at = `${where} security`
      if (security === undefined) return PUBLIC
      if (!Array.isArray(security) || !security.every(isObject)) {
        report(at, `is ${shown(security)}: give a list of security requirements, such as [{"token": []}]; [] is public`)
        return NOBODY
      }
      if (security.length === 0) return PUBLIC
      const terms = security.map((one) => readOne(one, at)).filter((term) => term !== undefined)
      if (terms.length > 0) return accessOf(terms)
      const names = [...new Set(security.flatMap((one) => Object.keys(one)))]
      if (names.every((name) => typeof kinds.get(name) === 'string'))
        refused.add(`asks for ${names.join(', ')}, which this gateway cannot check`, UNCHECKABLE, at)
      return NOBODY
    },
    finish: () => refused.tell(report),
  }
}

/** Told once for all operations that ask for the same. */
function createRefusals() {
  const places = new Map<string, { hint: string; all: string[] }>()
  return {
    add(what: string, hint: string, at: string) {
      const kept = places.get(what)
      if (kept === undefined) places.set(what, { hint, all: [at] })
      else kept.all.push(at)
    },
    tell(report: Report) {
      for (const [what, { hint, all }] of places)
        report(all[0]!, `${what}${all.length > 1 ? `, and so do ${all.length - 1} more` : ''}: ${hint}`)
    },
  }
}

const UNCHECKABLE =
  'it verifies bearer tokens (http bearer, oauth2, openIdConnect). Where the upstream checks the rest, start with --unchecked-security public, or write "x-lintel": {"uncheckedSecurity": "public"} at the top of the document; "authenticated" asks for a token beside it'
const SCHEME =
  'give it the type apiKey, mutualTLS, oauth2, openIdConnect, or http with a registered scheme such as bearer, or say who may use it with "x-lintel": {"access": …} at the path or operation'
const UNKNOWN = 'write it there, or say who may use it with "x-lintel": {"access": …} at the path or operation'

type Term = 'public' | 'authenticated' | { readonly roles: string }

const PUBLIC: Access = { public: true, authenticated: false, owner: false, roles: [] }

function accessOf(terms: readonly Term[]): Access {
  return {
    public: terms.includes('public'),
    authenticated: terms.includes('authenticated'),
    owner: false,
    roles: terms.flatMap((term) => (typeof term === 'object' ? term.roles : [])),
  }
}

function isScopes(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

/** `fault`: what is wrong with a scheme of which nobody can say what it asks for; it may be a bearer scheme, misspelt. */
type Kind = 'bearer' | 'other' | { readonly fault: string }

function schemesOf(document: Readonly<Record<string, unknown>>, report: Report): ReadonlyMap<string, Kind> {
  const schemes = isObject(document.components) ? document.components.securitySchemes : undefined
  if (!isObject(schemes)) return new Map()
  return new Map(
    Object.entries(schemes).map(([name, given]) => {
      const where = `components.securitySchemes.${name}`
      return [name, isObject(given) ? kindOf(dereference(document, given, where, report)) : NO_SCHEME]
    }),
  )
}

const NO_SCHEME: Kind = { fault: 'scheme is not an object' }

function kindOf({ type, scheme }: Readonly<Record<string, unknown>>): Kind {
  if (type === 'http') {
    const name = typeof scheme === 'string' ? scheme.toLowerCase() : ''
    if (!HTTP_SCHEMES.has(name)) return { fault: `scheme has the \`scheme\` ${shown(scheme)}` }
    return name === 'bearer' ? 'bearer' : 'other'
  }
  if (type === 'oauth2' || type === 'openIdConnect') return 'bearer'
  return type === 'apiKey' || type === 'mutualTLS' ? 'other' : { fault: `scheme has the \`type\` ${shown(type)}` }
}

/** IANA's registry of HTTP authentication schemes, in lower case. */
const HTTP_SCHEMES: ReadonlySet<string> = new Set(
  'basic bearer concealed digest dpop gnap hoba mutual negotiate oauth privatetoken scram-sha-1 scram-sha-256 vapid'.split(
    ' ',
  ),
)

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
