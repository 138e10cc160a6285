import { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'
import type { About } from '../contract/documents/about.ts'
import type { KnownMembers } from '../contract/known-members.ts'
import type { TokenIssuer } from '../contract/token-issuer.ts'
import type { Service } from '../service/implement.ts'
import { checkSystem } from './check-system.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { System } from './system.ts'

export interface SystemOptions {
  /** Names the databases: `<name>_<service>`; `lintel` by default. */
  readonly name?: string
  readonly version?: string
  /** What its documents say of it: title, description, contact, license. */
  readonly about?: About
  readonly services: readonly Service<any>[]
  /**
   * Whose access tokens are believed: those of a service of the system, or of an identity provider. Without it everybody is anonymous.
   *
   *     auth: { jwks: 'https://login.example.com/jwks.json', issuer: 'https://login.example.com/', audience: 'shop', roles: 'roles' }
   */
  readonly auth?: TokenIssuer | IdentityProvider
}

const OPTIONS: KnownMembers<SystemOptions> = { name: true, version: true, about: true, services: 'list', auth: true }

/**
 * Says what runs: `export default system({ services: [users, orders], auth: accessTokens })`. Services that
 * don't go together are a Fault INVALID_SYSTEM or ROUTE_CLASH.
 */
export function system(options: SystemOptions): System {
  const unknown = unknownMember(options, Object.keys(OPTIONS))
  if (unknown !== undefined || !Array.isArray(options?.services))
    throw new Fault('INVALID_SYSTEM', `The system is not valid: it ${unknown ?? 'needs a list of `services`'}`)
  const made: System = {
    name: options.name ?? 'lintel',
    version: options.version ?? '0.0.0',
    ...(options.about && { about: options.about }),
    services: options.services,
    auth: options.auth,
  }
  checkSystem(made)
  return made
}
