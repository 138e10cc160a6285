import { Fault } from '../base/errors.ts'
import { isInternal } from '../contract/access.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { Contract } from '../contract/contract.ts'
import type { TokenIssuer } from '../contract/token-issuer.ts'
import { databaseName } from '../data/provision.ts'
import { ownPaths } from '../gateway/own-paths.ts'
import { checkRoutes } from '../gateway/router.ts'
import { aboutFault } from './about-fault.ts'
import { foreignOwner } from './foreign-owner.ts'
import { type IdentityProvider, tokenSourceOf } from './identity-provider.ts'
import { unknownRole } from './known-roles.ts'
import { settingsOf } from './settings-schema.ts'
import { isTokenIssuer, type System } from './system.ts'

/**
 * Throws where services don't make a system: INVALID_SYSTEM, ROUTE_CLASH or DATABASE_NAME. All of it can be known before a
 * database is touched, and is looked at before (FC-62); at the start too, for a system that was not made by `system()`.
 */
export function checkSystem(system: System): void {
  system.services.forEach((service, i) => {
    if (!service?.contract?.served || !(service.handlers instanceof Map))
      throw invalidSystem(`services[${i}] is not a service: give what implement(contract, handlers, options) returns`)
  })
  const fault = system.about && aboutFault(system.about)
  if (fault !== undefined) throw invalidSystem(fault)
  const contracts = system.services.map(({ contract }) => contract)
  checkNames(system, contracts)
  checkSettingNames(contracts)
  if (system.auth === undefined) checkReachable(contracts)
  else checkAuth(system.auth, contracts)
  checkConsumers(contracts)
  checkRoutes(contracts, ownPaths({ documents: true }))
}

/** What a service may not be called, and what has that name already. */
const TAKEN: Readonly<Record<string, string>> = {
  events: 'the database in which earlier versions kept the events of a system',
  gateway: 'the gateway, among callers and in /health',
  database: 'a check in /health',
  cache: 'a check in /health',
  queue: 'a check in /health',
  redis: 'the setting REDIS_URL',
  nats: 'the setting NATS_URL',
  smtp: 'the setting SMTP_URL',
  public: 'the setting PUBLIC_URL',
}

function checkNames({ name, services }: System, contracts: readonly Contract[]): void {
  const names = contracts.map((contract) => contract.name)
  const twice = names.find((one, i) => names.indexOf(one) !== i)
  if (twice !== undefined) throw invalidSystem(`two services are named "${twice}": give each a name of its own`)
  for (const one of names) {
    if (Object.hasOwn(TAKEN, one))
      throw invalidSystem(`a service is named "${one}", like ${TAKEN[one]}: rename the service`)
    databaseName(name, one)
  }
  const commands = services.flatMap((service) => Object.keys(service.commands))
  const clash = commands.find((one, i) => commands.indexOf(one) !== i)
  if (clash !== undefined) throw invalidSystem(`two services have the command "${clash}": rename one`)
}

/** A setting means one thing in a system. */
function checkSettingNames(contracts: readonly Contract[]): void {
  const taken = new Map([...settingsOf(contracts.map(({ name }) => name)).keys()].map((name) => [name, 'the system']))
  for (const { name: service, settings } of contracts)
    for (const name of Object.keys(settings)) {
      const other = taken.get(name)
      if (other !== undefined)
        throw invalidSystem(`"${service}" declares the setting ${name}, which ${other} has: rename it`)
      taken.set(name, `"${service}"`)
    }
}

function checkAuth(auth: TokenIssuer | IdentityProvider, contracts: readonly Contract[]): void {
  if (typeof auth !== 'object' || auth === null || (!isTokenIssuer(auth) && ('served' in auth || 'service' in auth)))
    throw invalidSystem(
      '`auth` is no token issuer: give it what tokenIssuer(users, …) returns, or { jwks, issuer, audience, roles } of an identity provider',
    )
  if (isTokenIssuer(auth)) checkIssuer(auth, contracts)
  else checkProvider(auth, contracts)
}

function checkIssuer(auth: TokenIssuer, contracts: readonly Contract[]): void {
  const { name } = auth.service
  if (!contracts.some((contract) => contract.name === name))
    throw invalidSystem(`auth names the service "${name}", which is not in this system: add it to \`services\``)
  const unknown = auth.roles && unknownRole(contracts, auth.roles)
  if (unknown !== undefined) throw invalidSystem(unknown)
}

function checkProvider(auth: IdentityProvider, contracts: readonly Contract[]): void {
  const { as } = tokenSourceOf(auth, 'auth', invalidSystem).roles
  const fault = (as && unknownRole(contracts, Object.values(as))) ?? foreignOwner(contracts)
  if (fault !== undefined) throw invalidSystem(fault)
}

/** Without tokens everybody is anonymous: what asks for more would be a 401 for ever. */
function checkReachable(contracts: readonly Contract[]): void {
  const closed = contracts.flatMap(({ served }) =>
    served.filter(({ access }) => !access.public && !isInternal(access)).map(({ id }) => id),
  )
  if (closed.length === 0) return
  const more = closed.length > 3 ? ` and ${closed.length - 3} more` : ''
  throw invalidSystem(
    `${closed.slice(0, 3).join(', ')}${more} cannot be called by anybody: the access rule requires a signed-in caller, but the ` +
      'system has no `auth`. Add it, or change the rule to `public` or `service`',
  )
}

function checkConsumers(contracts: readonly Contract[]): void {
  for (const { name, consumers } of contracts)
    for (const [key, { from, events }] of Object.entries<ConsumerSpec>(consumers)) {
      const publisher = contracts.find((contract) => contract.name === from)
      if (publisher === undefined)
        throw invalidSystem(
          `${name}.consumers.${key} consumes events of "${from}", which is not in this system: add it to \`services\``,
        )
      const missing = Object.keys(events).find((type) => !Object.hasOwn(publisher.events, type))
      if (missing !== undefined)
        throw invalidSystem(
          `${name}.consumers.${key} consumes "${missing}", which the "${from}" of this system does not publish`,
        )
    }
}

export function invalidSystem(message: string): Fault {
  return new Fault('INVALID_SYSTEM', `The system is not valid: ${message}`)
}
