import { Problem } from '../base/errors.ts'

/**
 * The token in an `Authorization` header. Who asks is known by it alone: identity headers from outside mean nothing
 * (R-GW-2).
 */
export function bearerToken(authorization: string): string {
  if (authorization.startsWith('Bearer ')) return tokenIn(authorization, 7)
  // Schemes are compared without case (RFC 9110 11.1).
  const space = authorization.indexOf(' ')
  const scheme = (space < 0 ? authorization : authorization.slice(0, space)).toLowerCase()
  if (scheme !== 'bearer') throw new Problem('UNAUTHENTICATED', 'Only the Bearer scheme is supported')
  return tokenIn(authorization, space < 0 ? authorization.length : space + 1)
}

/** A stray space within is left for the verifier, which takes nothing but base64url and dots. */
function tokenIn(authorization: string, start: number): string {
  let from = start
  while (authorization.charCodeAt(from) === 32) from++
  if (from >= authorization.length) throw new Problem('INVALID_TOKEN', 'The token after Bearer is missing')
  return authorization.slice(from)
}
