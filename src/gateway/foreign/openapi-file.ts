import { type Complain, type Entry, isObject, METHODS, pathFault, readTerms } from './entry.ts'

/**
 * Reads the routes of an OpenAPI 3 document: its paths below the path of its first server, who may use them by `security`.
 * None asked for: public. Bearer tokens (`http` bearer, `oauth2`, `openIdConnect`): whoever has one, with every scope named as
 * a role. `x-lintel: { access, limits, cost, timeoutMs, maxBodyBytes }` at an operation goes before that.
 */
export function readOpenApi(file: unknown, upstream: string, complain: Complain): Entry[] {
  if (!isObject(file) || !/^3\.\d/.test(String(file.openapi))) {
    complain('openapi', 'is no 3.x: give an OpenAPI 3 document')
    return []
  }
  if (!isObject(file.paths)) {
    complain('paths', 'is missing')
    return []
  }
  const base = basePath(file.servers)
  return Object.entries(file.paths).flatMap(([path, item]) => {
    const fault = pathFault(path)
    if (fault !== undefined) complain('paths', fault)
    if (!isObject(item)) return []
    if ('$ref' in item) complain(`paths ${path}`, 'is a $ref: write it out')
    return METHODS.flatMap((method) => {
      const found = item[method.toLowerCase()]
      if (!isObject(found)) return []
      return readOperation(file, found, { method, path: base + path, upstream }, complain)
    })
  })
}

type Place = Pick<Entry, 'method' | 'path' | 'upstream'>

function readOperation(
  file: Readonly<Record<string, unknown>>,
  operation: Readonly<Record<string, unknown>>,
  place: Place,
  complain: Complain,
): Entry {
  const where = `${place.method} ${place.path}`
  const own = operation['x-lintel'] ?? {}
  if (!isObject(own)) complain(`${where} x-lintel`, 'is no object')
  const terms = readTerms(isObject(own) ? own : {}, `${where} x-lintel`, complain)
  const access = terms.access || accessOf(operation.security ?? file.security, schemesOf(file), where, complain)
  return { ...place, ...terms, access }
}

/** `security` is a list of alternatives, each a set of schemes that all hold; an empty one asks for nothing. */
function accessOf(
  security: unknown,
  schemes: Readonly<Record<string, unknown>>,
  where: string,
  complain: Complain,
): string {
  if (security === undefined || (Array.isArray(security) && security.length === 0)) return 'public'
  if (!Array.isArray(security) || !security.every(isObject)) {
    complain(`${where} security`, 'is no list of security requirements')
    return ''
  }
  const terms = security.flatMap((requirement) => {
    const named = Object.entries(requirement)
    if (named.length === 0) return 'public'
    if (!named.every(([name]) => isBearer(schemes[name]))) return []
    // Scopes of all schemes at once: a term with spaces asks for each of them.
    return named.flatMap(([, scopes]) => (Array.isArray(scopes) ? scopes.map(String) : [])).join(' ') || 'authenticated'
  })
  if (terms.length > 0) return terms.join(' | ')
  const names = security.flatMap((requirement) => Object.keys(requirement)).join(', ')
  complain(
    `${where} security`,
    `asks for ${names}, which this gateway cannot check: it verifies bearer tokens (http bearer, oauth2, openIdConnect). Let the upstream check it, with "x-lintel": {"access": "public"} at the operation`,
  )
  return ''
}

function schemesOf({ components }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const schemes = isObject(components) ? components.securitySchemes : undefined
  return isObject(schemes) ? schemes : {}
}

function isBearer(scheme: unknown): boolean {
  if (!isObject(scheme)) return false
  if (scheme.type === 'http') return String(scheme.scheme).toLowerCase() === 'bearer'
  return scheme.type === 'oauth2' || scheme.type === 'openIdConnect'
}

/** `https://example.com/api/v3/` and `/api/v3` give `/api/v3`; variables have their defaults. */
function basePath(servers: unknown): string {
  const server = Array.isArray(servers) ? servers[0] : undefined
  if (!isObject(server) || typeof server.url !== 'string') return ''
  const variables = isObject(server.variables) ? server.variables : {}
  const url = server.url.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable = variables[name]
    return isObject(variable) ? String(variable.default) : name
  })
  return URL.canParse(url, 'http://localhost') ? new URL(url, 'http://localhost').pathname.replace(/\/+$/, '') : ''
}
