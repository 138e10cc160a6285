import type { ConsumerSpec } from '../contract/consumer.ts'
import type { AnyContract } from '../contract/contract.ts'
import type { About } from '../contract/documents/about.ts'
import type { TokenIssuer } from '../contract/token-issuer.ts'
import type { Service } from '../service/implement.ts'
import type { IdentityProvider } from './identity-provider.ts'

/** Services that make one API, behind one gateway. */
export interface System {
  readonly name: string
  readonly version: string
  /** What its documents say of it. */
  readonly about?: About
  readonly services: readonly Service<any>[]
  /** Whose tokens the gateway believes: those of one of the services, or of an identity provider. */
  readonly auth: TokenIssuer | IdentityProvider | undefined
}

export function isTokenIssuer(auth: TokenIssuer | IdentityProvider): auth is TokenIssuer {
  return 'kind' in auth && auth.kind === 'token-issuer'
}

/** Whether the service publishes or consumes anything. */
export function hasEvents({ contract }: Pick<Service<any>, 'contract'>): boolean {
  return Object.keys(contract.events).length > 0 || Object.keys(contract.consumers).length > 0
}

export function hasJobs({ contract }: Pick<Service<any>, 'contract'>): boolean {
  return Object.keys(contract.jobs).length > 0
}

/** Whether it does anything behind its requests: then it has connections for that, too. */
export function worksBehind(service: Pick<Service<any>, 'contract'>): boolean {
  return hasEvents(service) || hasJobs(service)
}

/** The consumers of each service's events, all over the system, by the name of the service. */
export function readersOf({ services }: System): ReadonlyMap<string, ReadonlySet<string>> {
  const readers = new Map<string, Set<string>>()
  for (const { contract } of services)
    for (const [key, { from }] of Object.entries<ConsumerSpec>(contract.consumers))
      readers.set(from, (readers.get(from) ?? new Set()).add(`${contract.name}.${key}`))
  return readers
}

export function contractsOf({ services }: System): AnyContract[] {
  return services.map(({ contract }) => contract)
}

export function serviceNames({ services }: System): string[] {
  return services.map(({ contract }) => contract.name)
}
