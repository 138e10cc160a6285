/** Who asks. Decided once, at the edge; handlers and access rules only read it. */
export type Caller = AnonymousCaller | UserCaller | ServiceCaller

export interface AnonymousCaller {
  readonly kind: 'anonymous'
}

/** A user, by a verified access token. Frozen: one value serves every request that shows the same token. */
export interface UserCaller {
  readonly kind: 'user'
  readonly id: string
  readonly email: string
  readonly roles: readonly string[]
  /** The session that the token belongs to (R-AUTH-4). */
  readonly sid: string
  /** For rules such as "tokens issued before the roles changed"; whole seconds, as in the token. */
  readonly issuedAtMs: number
  readonly expiresAtMs: number
}

/** Another service of the system: known by how it called, never by a token. */
export interface ServiceCaller {
  readonly kind: 'service'
  readonly name: string
}

export const ANONYMOUS: AnonymousCaller = Object.freeze({ kind: 'anonymous' })

export function serviceCaller(name: string): ServiceCaller {
  return Object.freeze({ kind: 'service', name })
}

/**
 * Whether an access rule's role admits the caller. The role `service` is held by services alone: a user that was
 * given a role of that name would otherwise pass every rule meant for the system's inside.
 */
export function hasRole(caller: Caller, role: string): boolean {
  if (role === SERVICE_ROLE) return caller.kind === 'service'
  return caller.kind === 'user' && caller.roles.includes(role)
}

/** One string per caller, distinct across the kinds: the scope of idempotency keys, caches and limits. */
export function callerKey(caller: Caller): string {
  if (caller.kind === 'user') return `user:${caller.id}`
  return caller.kind === 'service' ? `service:${caller.name}` : 'anonymous'
}

export const SERVICE_ROLE = 'service'
