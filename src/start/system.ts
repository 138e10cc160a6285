import { Fault } from '../base/errors.ts'
import type { Contract } from '../contract/service.ts'
import type { Service } from '../service/implement.ts'

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

/** Says what runs: `export default system({ services: [users, orders], auth: { service: users.contract, … } })`. */
export function system(options: {
  /** Names the databases: `<name>_<service>`; `lintel` by default. */
  name?: string
  version?: string
  services: readonly Service<any>[]
  auth?: Auth
}): System {
  const names = options.services.map(({ contract }) => contract.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice) throw new Fault('INVALID_SYSTEM', `Two services are named "${twice}": each has a name of its own`)
  if (names.includes(EVENTS))
    throw new Fault('INVALID_SYSTEM', `A service is named "${EVENTS}", as the database of the carrier is: rename it`)
  const commands = options.services.flatMap((service) => Object.keys(service.commands))
  const clash = commands.find((name, i) => commands.indexOf(name) !== i)
  if (clash) throw new Fault('INVALID_SYSTEM', `Two services bring the command "${clash}": rename one`)
  if (options.auth && !names.includes(options.auth.service.name))
    throw new Fault(
      'INVALID_SYSTEM',
      `auth names the service "${options.auth.service.name}", which is not in this system`,
    )
  return {
    name: options.name ?? 'lintel',
    version: options.version ?? '0.0.0',
    services: options.services,
    auth: options.auth,
  }
}

/** Name of the database of the carrier on PostgreSQL, beside those of the services. */
export const EVENTS = 'events'

/** Whether the service publishes or consumes anything. */
export function hasEvents({ contract }: Service<any>): boolean {
  return Object.keys(contract.events).length > 0 || Object.keys(contract.consumers).length > 0
}

export function serviceNames({ services }: System): string[] {
  return services.map(({ contract }) => contract.name)
}
