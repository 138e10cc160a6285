import { Fault } from '../base/errors.ts'
import { unknownMember } from '../base/known-names.ts'
import type { Contract } from '../contract/service.ts'
import type { Service } from '../service/implement.ts'
import { checkSystem, EVENTS } from './check-system.ts'

export { EVENTS }

/** Services that make one API, behind one gateway. */
export interface System {
  readonly name: string
  readonly version: string
  readonly services: readonly Service<any>[]
  readonly auth: Auth | undefined
}

/** Whose tokens the gateway believes. */
export interface Auth {
  /**
   * The service that issues them: its operation `keys` answers the public keys (RFC 7517), `revocations` (for services
   * alone) what is no longer to be believed.
   */
  readonly service: Contract<any, any, any>
  readonly issuer: string
  readonly audience: string
  /** Its events that may revoke tokens. */
  readonly revokedBy: readonly string[]
}

export interface SystemOptions {
  /** Names the databases: `<name>_<service>`; `lintel` by default. */
  readonly name?: string
  readonly version?: string
  readonly services: readonly Service<any>[]
  readonly auth?: Auth
}

const OPTIONS: Record<keyof SystemOptions, true> = { name: true, version: true, services: true, auth: true }

/**
 * Says what runs: `export default system({ services: [users, orders], auth: { service: users.contract, … } })`. Services that
 * don't go together are a Fault INVALID_SYSTEM or ROUTE_CLASH.
 */
export function system(options: SystemOptions): System {
  const unknown = unknownMember(options, Object.keys(OPTIONS))
  if (unknown !== undefined || !Array.isArray(options?.services))
    throw new Fault('INVALID_SYSTEM', `The system is not valid: it ${unknown ?? 'has no list of `services`'}`)
  const made: System = {
    name: options.name ?? 'lintel',
    version: options.version ?? '0.0.0',
    services: options.services,
    auth: options.auth,
  }
  checkSystem(made)
  return made
}

/** Whether the service publishes or consumes anything. */
export function hasEvents({ contract }: Service<any>): boolean {
  return Object.keys(contract.events).length > 0 || Object.keys(contract.consumers).length > 0
}

export function serviceNames({ services }: System): string[] {
  return services.map(({ contract }) => contract.name)
}
