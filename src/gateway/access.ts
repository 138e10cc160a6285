import { type Caller, hasRole } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Access } from '../contract/access.ts'

/**
 * Whether a request may go on to a service somewhere else, by who asks (R-AUTH-8); throws 401 or 403. Whose a thing is, only
 * the service knows. A rule that says nothing admits nobody; a term of several roles, with spaces between, asks for all.
 */
export function requireAccess(access: Access, caller: Caller): void {
  if (access.public) return
  if (caller.kind === 'anonymous') throw new Problem('UNAUTHENTICATED')
  if (access.authenticated || access.owner) return
  for (const term of access.roles) if (term !== '' && term.split(' ').every((role) => hasRole(caller, role))) return
  throw new Problem('FORBIDDEN')
}
