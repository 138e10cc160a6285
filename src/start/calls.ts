import { serviceCaller } from '../auth/caller.ts'
import { Fault } from '../base/errors.ts'
import type { Context } from '../call/call.ts'
import { type GuardedPort, type GuardState, guard } from '../call/guard.ts'
import type { HealthCheck, ServiceHealth } from '../call/health.ts'
import { clientsOf } from '../call/port-client.ts'
import { tracedCalls } from '../call/traced.ts'
import type { Client } from '../client/client-types.ts'
import type { AnyContract } from '../contract/contract.ts'
import type { Tracer } from '../observe/span.ts'
import type { Peer } from './peers.ts'
import { serviceSettingName } from './settings-schema.ts'

/** The calls of one service to others: a guarded port to each that it has called. */
export interface Calls {
  /** Its calls take `timeoutMs` at most. */
  client<D extends AnyContract>(called: D, context: Context, timeoutMs?: number): Client<D>
  /** How each is doing, by the name of the service that is called. */
  state(): ReadonlyMap<string, GuardState>
  /** The service's health, with the circuit breakers of its calls: one that is not closed degrades it. */
  healthWith(health: ServiceHealth): ServiceHealth
}

/** `others` are the services that the one of this name may call; with a tracer its calls are recorded. */
export function callsOf(name: string, others: ReadonlyMap<string, Peer>, tracer: Tracer | undefined): Calls {
  const ways = new Map<string, Way>()

  function wayTo(called: AnyContract): Way {
    const known = ways.get(called.name)
    if (known) return known
    const other = others.get(called.name)
    if (!other)
      throw new Fault(
        'UNKNOWN_SERVICE',
        `${name} calls "${called.name}", which is not in this system: add it to system({ services }); or set ${serviceSettingName(called.name, 'URL')} where it runs in other processes`,
      )
    const plain = other.as(serviceCaller(name))
    const port = guard(tracer === undefined ? plain : tracedCalls(plain, called), { breaker: other.breaker })
    const way: Way = { port, clientFor: clientsOf(called) }
    ways.set(called.name, way)
    return way
  }

  return {
    client: <D extends AnyContract>(called: D, context: Context, timeoutMs?: number) => {
      const { port, clientFor } = wayTo(called)
      return clientFor(port, context, timeoutMs) as Client<D>
    },
    state: () => new Map([...ways].map(([called, { port }]) => [called, port.state()])),
    healthWith({ status, checks }) {
      const all: Record<string, HealthCheck> = { ...checks }
      let isSound = true
      for (const [called, { port }] of ways) {
        const { breaker } = port.state()
        const message = `most calls of ${called} fail`
        all[`${name}.calls.${called}`] =
          breaker === 'closed' ? { status: 'up', breaker } : { status: 'down', breaker, message }
        isSound &&= breaker === 'closed'
      }
      return { status: isSound || status !== 'healthy' ? status : 'degraded', checks: all }
    },
  }
}

/** To a service that was called at least once. */
interface Way {
  readonly port: GuardedPort
  readonly clientFor: ReturnType<typeof clientsOf>
}
