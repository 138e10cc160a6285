import { cachedRead } from './cached.ts'
import type { FieldSpec } from './fields.ts'
import type { Bucket, DescribedOperation, Facts } from './operation.ts'
import { ownerParam } from './principal.ts'
import type { ProblemSpec } from './problem.ts'
import type { ServedRoute } from './served-route.ts'
import { type ApiVersions, surfaceOf } from './versions.ts'
import { isWellKnown } from './well-known.ts'

interface Described extends ApiVersions {
  /** Of every system, and the contract's own. */
  readonly problems: Readonly<Record<string, ProblemSpec>>
}

/** Works out what every room goes by; nobody else decides it again. */
export function factsOf(operation: DescribedOperation, contract: Described): Facts {
  const { method, secret, verb, resource, shows, params, credentials, route, custom, access } = operation
  const cached = cachedRead(resource?.cached, verb)
  const facts = {
    readsToken: credentials === 'bearer',
    signsIn: signsIn(operation),
    ownerParam: ownerParam(operation),
    atRoot: verb === 'list' && params.length === 0 && (resource?.parent !== undefined || access.owner),
    buckets: bucketsOf(operation),
    // Answers that hold secrets are not kept: a key would promise what is not done (R-IDEM-1).
    keepsAnswers: method === 'POST' && !secret && route === undefined,
    cached,
    // What a view or a handler mixes in may have changed though the version has not. A list that is kept has a tag of its text.
    answersNotModified:
      (verb === 'get' && resource !== undefined && resource.versioned && !resource.derived && !custom) ||
      (method === 'GET' && shows !== undefined && shows.resource.versioned && !shows.resource.derived) ||
      (verb === 'list' && cached !== undefined),
  }
  return { ...facts, codes: (version) => codesOf(operation, facts, contract, version) }
}

/**
 * Every request is counted but those for health, metrics, documents and keys (R-RATE-5). Of the operations of contracts those are
 * what everybody may read at a well-known address, which is about the host and not of it (RFC 8615, 1), unless they have limits.
 */
function bucketsOf(operation: DescribedOperation): Facts['buckets'] {
  const { service, key, verb, name, method, path, access, limits } = operation
  if (limits === undefined) {
    if (method === 'GET' && access.public && isWellKnown(path)) return 'none'
    return signsIn(operation) ? 'auth' : 'default'
  }
  // One for all the places where a verb of a resource is offered.
  const id = key === undefined ? `${service}.${name}` : `${service}.${key}.${verb}`
  return limits.map((limit): Bucket => ({ ...limit, name: `${id}.${limit.by}` }))
}

function signsIn({ credentials, route }: DescribedOperation): boolean {
  return credentials === 'own' && route?.signsIn !== false
}

type Known = Omit<Facts, 'codes'>

/** METHOD_NOT_ALLOWED is in none: it is the answer where there is no operation. */
function codesOf(operation: DescribedOperation, facts: Known, contract: Described, version: number): string[] {
  const codes = new Set<string>([
    ...inputCodes(contract, operation, version),
    ...callerCodes(operation, facts),
    ...stateCodes(operation),
    ...(facts.keepsAnswers ? ['IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_KEY_REUSED'] : []),
    ...(facts.buckets === 'none' ? [] : ['RATE_LIMITED']),
    ...['INTERNAL_ERROR', 'BAD_GATEWAY', 'SERVICE_UNAVAILABLE', 'GATEWAY_TIMEOUT'],
    ...operation.problems,
  ])
  return Object.keys(contract.problems).filter((code) => codes.has(code))
}

/** What a request itself can do wrong. Every operation rejects an unknown query parameter (R-FILTER-2) or version. */
function inputCodes(contract: Described, operation: DescribedOperation, version: number): string[] {
  const { route } = operation
  const codes = ['VALIDATION_ERROR', 'UNSUPPORTED_VERSION']
  if (operation.verb === 'list') codes.push('INVALID_CURSOR')
  if (operation.params.length > 0) codes.push('NOT_FOUND')
  if (route !== undefined) return [...codes, ...bodyCodes(route)]
  // A body is received before it is known whether the operation wants one; GET and DELETE reject it as invalid.
  // The others read it even where the contract has none, to reject what is in it.
  if (operation.method !== 'GET' && operation.method !== 'DELETE')
    codes.push('MALFORMED_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  const { body } = surfaceOf(contract, operation, version)
  if (body && Object.values(body).some(restricted)) codes.push('FORBIDDEN')
  return codes
}

/** Of what has arrived whole, the handler may want the JSON. */
function bodyCodes({ body }: ServedRoute): string[] {
  if (body === undefined) return []
  return [...(body.streamed ? [] : ['MALFORMED_JSON']), 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']
}

/** A field that only some roles may give (R-USER-2), here or deeper. */
function restricted(spec: FieldSpec): boolean {
  if (spec.server) return false
  if (spec.only) return true
  return (spec.of !== undefined && restricted(spec.of)) || Object.values(spec.fields ?? {}).some(restricted)
}

function callerCodes({ access }: DescribedOperation, { readsToken, atRoot }: Known): string[] {
  if (!readsToken) return []
  const codes = ['UNAUTHENTICATED', 'INVALID_TOKEN', 'TOKEN_EXPIRED']
  // A list at the root shows owners their own, so any signed-in user is let in.
  const everyUser = access.public || access.authenticated || (atRoot && access.owner)
  if (!everyUser) codes.push('FORBIDDEN')
  return codes
}

/** What the state of the data can refuse (R-LOCK-2, R-DEL-1). */
function stateCodes(operation: DescribedOperation): string[] {
  const { resource, on, verb, body, custom, method, route } = operation
  if (route !== undefined) return []
  // Also without versions: no tag in If-Match is then the right one (R-REST-2).
  const codes: string[] = method === 'POST' && !on ? [] : ['PRECONDITION_FAILED']
  if (on?.resource.requireVersion && method !== 'GET') codes.push('PRECONDITION_REQUIRED')
  if (mayMove(operation)) codes.push('INVALID_TRANSITION', 'FORBIDDEN')
  if (!resource || verb === 'list' || verb === 'get') return codes
  // Softly deleted, it is still there for what refers to it.
  if (verb === 'delete' && !resource.softDelete) codes.push('IN_USE')
  if (verb !== 'delete' && resource.unique.length > 0) {
    const given = resource.unique.some((name) => body?.[name] && !body[name].server)
    // A handler of the service's own may derive a unique value from others.
    if (given || custom || verb === 'create') codes.push('DUPLICATE')
  }
  // An id in a body may name nothing that exists.
  const fields = Object.values(body ?? {}).filter((spec) => !spec.server)
  if (fields.some((spec) => spec.kind === 'id' || (!custom && holdsUnmade(spec)))) codes.push('UNPROCESSABLE')
  if (verb === 'create') return codes
  // A DELETE has no body to name a version in.
  if (resource.versioned && verb !== 'delete') codes.push('VERSION_CONFLICT')
  if (resource.requireVersion) codes.push('PRECONDITION_REQUIRED')
  return codes
}

/** Whether a handler of it, or its body, may change a state (`t.state`). */
function mayMove({ resource, on, verb, body, custom, method }: DescribedOperation): boolean {
  if (on) return on.resource.states.length > 0 && method !== 'GET'
  if (verb !== 'replace' && verb !== 'update') return false
  return resource!.states.some((name) => custom || (body?.[name] && !body[name].server))
}

/** Whether something inside can only be made by a handler of the service's own (service/server-set.ts). */
function holdsUnmade({ kind, of, fields }: FieldSpec): boolean {
  if (kind === 'list') return holdsUnmade(of!)
  return (
    kind === 'object' &&
    Object.values(fields!).some((spec) =>
      spec.server ? !spec.nullable && spec.default === undefined : holdsUnmade(spec),
    )
  )
}
