import type { FieldSpec } from '../fields.ts'
import type { Operation } from '../operation.ts'
import type { Contract } from '../service.ts'
import { surfaceOf } from '../versions.ts'

/**
 * Every code that an operation can answer with, in the order of `contract.problems`: the one truth about it. The OpenAPI
 * document names them, and a test compares them with what comes back. `version` is the API's, the newest by default.
 *
 * METHOD_NOT_ALLOWED is in none: it is what answers where no operation stands.
 */
export function problemCodes(contract: Contract, operation: Operation, version: number = contract.latest): string[] {
  const codes = new Set<string>([
    ...inputCodes(contract, operation, version),
    ...callerCodes(operation),
    ...stateCodes(operation),
    ...idempotencyCodes(operation),
    ...systemCodes(operation),
    ...operation.problems,
  ])
  return Object.keys(contract.problems).filter((code) => codes.has(code))
}

/** What a request itself can do wrong. Every operation refuses an unknown query parameter (R-FILTER-2) or version. */
function inputCodes(contract: Contract, operation: Operation, version: number): string[] {
  const codes = ['VALIDATION_ERROR', 'UNSUPPORTED_VERSION']
  if (operation.verb === 'list') codes.push('INVALID_CURSOR')
  if (operation.params.length > 0) codes.push('NOT_FOUND')
  // A body is received before it is known whether the operation wants one; GET and DELETE refuse it as invalid.
  // The others read it even where the contract has none, to refuse what stands in it.
  if (operation.method !== 'GET' && operation.method !== 'DELETE')
    codes.push('MALFORMED_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  const { body } = surfaceOf(contract, operation, version)
  if (body && Object.values(body).some(restricted)) codes.push('FORBIDDEN')
  return codes
}

/** A field that only some roles may give (R-USER-2), here or deeper. */
function restricted(spec: FieldSpec): boolean {
  if (spec.server) return false
  if (spec.only) return true
  return (spec.of !== undefined && restricted(spec.of)) || Object.values(spec.fields ?? {}).some(restricted)
}

/** Credentials of no use are refused even where none are needed: whoever sends them believes to be known. */
function callerCodes(operation: Operation): string[] {
  if (!readsToken(operation)) return []
  const { access, name, verb } = operation
  const codes = ['UNAUTHENTICATED', 'INVALID_TOKEN', 'TOKEN_EXPIRED']
  // A list at the root shows owners their own, so any signed-in user is let in.
  const everyUser = access.public || access.authenticated || (verb === 'list' && name === 'listAll' && access.owner)
  if (!everyUser) codes.push('FORBIDDEN')
  return codes
}

/** Whether the caller's token is looked at. Signing in has its credentials in the body, and must do with an expired token. */
export function readsToken({ access, segments }: Operation): boolean {
  return !(access.public && segments[0] === 'auth')
}

/** What the state of the data can refuse (R-LOCK-2, R-DEL-1). */
function stateCodes(operation: Operation): string[] {
  const { resource, verb, body, custom, method } = operation
  // Also without versions: no tag in If-Match is then the right one (R-REST-2).
  const codes: string[] = method === 'POST' ? [] : ['PRECONDITION_FAILED']
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

function idempotencyCodes(operation: Operation): string[] {
  return takesIdempotencyKey(operation) ? ['IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_KEY_REUSED'] : []
}

/** Answers that hold secrets are not kept, so a key would promise what is not done (R-IDEM-1). */
export function takesIdempotencyKey({ method, secret }: Operation): boolean {
  return method === 'POST' && !secret
}

function systemCodes(operation: Operation): string[] {
  const codes = ['INTERNAL_ERROR', 'BAD_GATEWAY', 'SERVICE_UNAVAILABLE', 'GATEWAY_TIMEOUT']
  if (isCounted(operation)) codes.push('RATE_LIMITED')
  return codes
}

/** Every request is counted but those for health, metrics, documents and keys (R-RATE-5). Of these only keys stand in a contract. */
export function isCounted({ path }: Operation): boolean {
  return !path.startsWith('/.well-known/')
}
