import { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'
import type { KnownMembers } from '../contract/known-members.ts'
import type { Service } from '../service/implement.ts'
import { checkSystem } from './check-system.ts'
import type { Auth, System } from './system.ts'

export interface SystemOptions {
  /** Names the databases: `<name>_<service>`; `lintel` by default. */
  readonly name?: string
  readonly version?: string
  readonly services: readonly Service<any>[]
  readonly auth?: Auth
}

const OPTIONS: KnownMembers<SystemOptions> = { name: true, version: true, services: 'list', auth: true }

/**
 * Says what runs: `export default system({ services: [users, orders], auth: { service: users.contract, … } })`. Services that
 * don't go together are a Fault INVALID_SYSTEM or ROUTE_CLASH.
 */
export function system(options: SystemOptions): System {
  const unknown = unknownMember(options, Object.keys(OPTIONS))
  if (unknown !== undefined || !Array.isArray(options?.services))
    throw new Fault('INVALID_SYSTEM', `The system is not valid: it ${unknown ?? 'needs a list of `services`'}`)
  const made: System = {
    name: options.name ?? 'lintel',
    version: options.version ?? '0.0.0',
    services: options.services,
    auth: options.auth,
  }
  checkSystem(made)
  return made
}
