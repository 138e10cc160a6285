import { Fault } from '../base/errors.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { Contract } from '../contract/service.ts'
import type { Background } from './background.ts'
import type { Command } from './command.ts'
import type { EventHandler, Handler, Handlers, Unit } from './handler.ts'

/** A contract with its handlers and migrations: something that can be run. */
export interface Service<C extends Contract<any, any, any> = Contract> {
  readonly contract: C
  /** By `<resource key>.<verb>` and `<operation key>`. */
  readonly handlers: ReadonlyMap<string, Handler<any, any, any, any>>
  /** By `<consumer key>.<event type>`. */
  readonly eventHandlers: ReadonlyMap<string, EventHandler<any, any>>
  /** Folder of its SQL files, `NNNN-name.sql`. */
  readonly migrations: URL
  readonly prepare: Prepare<C> | undefined
  readonly background: Background<any> | undefined
  /** By the words that call it. */
  readonly commands: Readonly<Record<string, Command<any>>>
}

export interface ServiceOptions<C extends Contract<any, any, any>> {
  readonly migrations: URL
  /** Runs at start in a transaction, before the first request; must be safe to run again, and on several replicas. */
  readonly prepare?: Prepare<C>
  /** Runs again and again, from when the system is up until it stops. */
  readonly background?: Background<C>
  /** By the words that call it: `{ 'users create': createUser }` is `lintel users create`. */
  readonly commands?: Readonly<Record<string, Command<C>>>
}

/** `env` is the environment, with `NAME_FILE` read already. A text that it answers is told to the operator. */
export type Prepare<C extends Contract<any, any, any>> = (
  unit: Unit<C>,
  env: Readonly<Record<string, string | undefined>>,
) => Promise<string | undefined>

/**
 * Puts handlers to a contract. Only what the contract calls `custom`, and its own operations, needs one:
 *
 * ```ts
 * export default implement(orders, { orders: { create: placeOrder, update: changeStatus } }, {
 *   migrations: new URL('./migrations/', import.meta.url),
 * })
 * ```
 */
export function implement<C extends Contract<any, any, any>>(
  contract: C,
  handlers: Handlers<C>,
  options: ServiceOptions<C>,
): Service<C> {
  const byName = new Map<string, Handler<any, any, any, any>>()
  const eventHandlers = new Map<string, EventHandler<any, any>>()
  for (const [key, value] of Object.entries(handlers)) {
    const events = Object.hasOwn(contract.consumers, key)
    if (typeof value === 'function') byName.set(key, value as Handler<any, any, any, any>)
    else if (events)
      for (const [type, handler] of Object.entries(value as object)) eventHandlers.set(`${key}.${type}`, handler)
    else for (const [verb, handler] of Object.entries(value as object)) byName.set(`${key}.${verb}`, handler)
  }
  const { migrations, prepare, background, commands = {} } = options
  const service: Service<C> = { contract, handlers: byName, eventHandlers, migrations, prepare, background, commands }
  for (const operation of contract.served)
    if (operation.custom && !byName.has(handlerName(operation))) throw missing(operation.id, contract.name)
  for (const [key, { events }] of Object.entries<ConsumerSpec>(contract.consumers))
    for (const type of Object.keys(events))
      if (!eventHandlers.has(`${key}.${type}`)) throw missing(`${contract.name}.${key} for ${type}`, contract.name)
  return service
}

function missing(what: string, contract: string): Fault {
  return new Fault('MISSING_HANDLER', `${what} has no handler: give one to implement(${contract}, …)`)
}

export function handlerName({ key, verb, name }: { key: string | undefined; verb: string; name: string }): string {
  return key === undefined ? name : `${key}.${verb}`
}
