import { Fault } from '../base/errors.ts'
import { nearestName } from '../base/known-names.ts'
import { GATEWAY } from '../call/call-head.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { Contract } from '../contract/contract.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Service } from '../service/implement.ts'
import { GATEWAY_PORT, type Settings } from './settings.ts'
import { serviceSettingName } from './settings-schema.ts'
import { type System, serviceNames } from './system.ts'

/** What of a system runs in this process. */
export interface Parts {
  /** The whole system: nothing is anywhere else. */
  readonly whole: boolean
  readonly gateway: boolean
  readonly near: readonly Service<any>[]
  readonly far: readonly Service<any>[]
}

const FIRST_DOOR_PORT = 4001

/** `names` are those of services, and `gateway`; none means the whole system. Fault UNKNOWN_PART for any other name. */
export function partsOf(system: System, names: readonly string[]): Parts {
  const { services } = system
  const known = [GATEWAY, ...serviceNames(system)]
  for (const name of names) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    const hint = nearest === undefined ? `parts: ${known.join(', ')}` : `did you mean "${nearest}"?`
    throw new Fault('UNKNOWN_PART', `"${name}" is no part of the system "${system.name}": ${hint}`, { exitCode: 2 })
  }
  if (names.length === 0) return { whole: true, gateway: true, near: services, far: [] }
  const isNear = ({ contract }: Service<any>) => names.includes(contract.name)
  return {
    whole: false,
    gateway: names.includes(GATEWAY),
    near: services.filter(isNear),
    far: services.filter((service) => !isNear(service)),
  }
}

/** Where the process listens unless PORT says otherwise: the gateway at 3000, a door by its service's place in the system. */
export function defaultPort(system: System, parts: Parts): number {
  return parts.gateway ? GATEWAY_PORT : doorPort(system, parts)
}

export function doorPort({ services }: System, { near }: Parts): number {
  return usualPort(services, near[0]!)
}

function usualPort(services: System['services'], service: Service<any>): number {
  return FIRST_DOOR_PORT + services.indexOf(service)
}

/**
 * Throws WRONG_SETTING where the URL of a service is missing that certainly is called from here: the gateway calls all of them,
 * and a service those that have parents of its resources, or events that it consumes without a broker. What a handler calls besides is
 * known when it does.
 */
export function requireUrls(
  { services }: System,
  { gateway, near, far }: Parts,
  { serviceUrls, natsUrl }: Settings,
): void {
  const missing = far.filter(
    ({ contract }) =>
      !serviceUrls.has(contract.name) &&
      (gateway ||
        near.some(
          (service) => hasParentIn(service, contract.resources) || (!natsUrl && consumesFrom(service, contract)),
        )),
  )
  if (missing.length === 0) return
  throw new Fault(
    'WRONG_SETTING',
    missing
      .map((service) => {
        const { name } = service.contract
        const setting = serviceSettingName(name, 'URL')
        return `${setting} is not set: give the address of the ${name} service, which does not run in this process, such as http://127.0.0.1:${usualPort(services, service)}; several replicas joined by commas`
      })
      .join('\n'),
  )
}

/** Who sets the URL of a service that runs here may have meant to leave it out. */
export function uselessUrls({ near }: Parts, { serviceUrls }: Settings): string[] {
  return near
    .map(({ contract }) => contract.name)
    .filter((name) => serviceUrls.has(name))
    .map(
      (name) =>
        `${serviceSettingName(name, 'URL')} is set, but has no effect: the ${name} service runs in this process`,
    )
}

function consumesFrom({ contract }: Service<any>, { name }: Contract): boolean {
  return Object.values<ConsumerSpec>(contract.consumers).some(({ from }) => from === name)
}

function hasParentIn({ contract }: Service<any>, resources: Readonly<Record<string, AnyResource>>): boolean {
  const theirs = Object.values(resources)
  return Object.values<AnyResource>(contract.resources).some(({ parent }) => parent && theirs.includes(parent.of))
}
