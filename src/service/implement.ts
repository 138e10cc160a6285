import { Fault } from '../base/errors.ts'
import { stackHere } from '../base/failure.ts'
import { nearestName, unknownMember } from '../base/known-names.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { AnyContract, Contract } from '../contract/contract.ts'
import { inWords, type KnownMembers } from '../contract/known-members.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { ProblemOf } from '../contract/service.ts'
import type { Queryable } from '../data/pool.ts'
import type { Command } from './command.ts'
import type { EventHandler, Handler, Handlers, JobHandler, Unit } from './handler.ts'

/** A contract with its handlers and migrations: something that can be run. */
export interface Service<C extends AnyContract = Contract> {
  readonly contract: C
  /** By `<resource key>.<verb>` and `<operation key>`. */
  readonly handlers: ReadonlyMap<string, Handler<any, any, any, any>>
  /** By `<consumer key>.<event type>`. */
  readonly eventHandlers: ReadonlyMap<string, EventHandler<any, any>>
  /** By the name of the job. */
  readonly jobHandlers: ReadonlyMap<string, JobHandler<any, any>>
  /** Folder of its SQL files, `NNNN-name.sql`; `proto.lock.json` stands beside it. */
  readonly migrations: URL
  /** Of the service that it extends: applied before its own. */
  readonly baseMigrations: URL | undefined
  readonly prepare: Prepare<C> | undefined
  /** By the words that call it. */
  readonly commands: Readonly<Record<string, Command<any>>>
  /** Problems by the constraint or the SQLSTATE that stands for them. */
  readonly refusals: Readonly<Record<string, string>>
  /** By the name of a resource of another service. */
  readonly knows: Readonly<Record<string, Knows>>
  /** Keys of consumers and jobs. */
  readonly mailers: readonly string[]
  /** The stack of the call of `implement`: where an answer is wrong, its handler is on no stack any more. */
  readonly implementedAt: string | undefined
}

/** Whether a thing of another service is there, as far as this one has heard; undefined where it has not. */
export type Knows = (id: string, db: Queryable) => Promise<boolean | undefined>

export interface ServiceOptions<C extends AnyContract> {
  readonly migrations: URL
  /**
   * For a service that others extend, as `lintel/users` is: the folder of its SQL files, which are applied before those of `migrations` and
   * have numbers of their own. The folder `migrations` may then be missing.
   */
  readonly baseMigrations?: URL
  /** Runs at start in a transaction, before the first request; must be safe to run again, and on several replicas. */
  readonly prepare?: Prepare<C>
  /** By the words that call it: `{ 'users create': createUser }` is `lintel users create`. */
  readonly commands?: Readonly<Record<string, Command<C>>>
  /**
   * What it means when the database refuses a change, where the usual problem (DUPLICATE, UNPROCESSABLE, CONFLICT …) says too
   * little: a problem of the contract by the name of a constraint or unique index, or by the SQLSTATE that a trigger raises.
   * The name goes before the SQLSTATE: `{ bookings_no_overlap: 'DOUBLE_BOOKED', BK001: 'TOO_LATE' }`.
   */
  readonly refusals?: Readonly<Record<string, ProblemOf<C>>>
  /**
   * Parents of other services that this one keeps a projection of, by the resource's name: `{ user: knowsUser }`. It decides
   * whether something may be made below one while that one's own service cannot be asked.
   */
  readonly knows?: Readonly<Record<string, Knows>>
  /** Consumers and jobs whose handlers send mail: where none can go out (in production without SMTP_URL), they wait until it can. */
  readonly mailers?: readonly ((keyof C['consumers'] | keyof C['jobs']) & string)[]
}

/** If it returns a string, that is logged for the operator. */
export type Prepare<C extends AnyContract> = (unit: Unit<C>) => Promise<string | undefined>

/**
 * Puts handlers to a contract. Only what the contract calls `custom`, and its own operations, needs one:
 *
 * ```ts
 * export default implement(orders, { orders: { create: placeOrder, update: changeStatus } }, {
 *   migrations: new URL('./migrations/', import.meta.url),
 * })
 * ```
 */
export function implement<C extends AnyContract>(
  contract: C,
  handlers: Handlers<C>,
  options: ServiceOptions<C>,
): Service<C> {
  checkArguments(contract, handlers, options)
  const unknown = unknownMember(options, Object.keys(OPTIONS))
  if (unknown !== undefined) throw new Fault('INVALID_SERVICE', `implement(${contract.name}, …, options) ${unknown}`)
  const byName = new Map<string, Handler<any, any, any, any>>()
  const eventHandlers = new Map<string, EventHandler<any, any>>()
  const jobHandlers = new Map<string, JobHandler<any, any>>()
  for (const [key, value] of Object.entries(handlers)) {
    const events = Object.hasOwn(contract.consumers, key)
    if (typeof value !== 'function' && !isObject(value))
      throw new Fault(
        'INVALID_SERVICE',
        `implement(${contract.name}, …) has ${inWords(value)} as "${key}": expected a handler, or an object of handlers`,
      )
    if (typeof value === 'function' && Object.hasOwn(contract.jobs, key))
      jobHandlers.set(key, value as JobHandler<any, any>)
    else if (typeof value === 'function') byName.set(key, value as Handler<any, any, any, any>)
    else if (events)
      for (const [type, handler] of Object.entries(value as object)) eventHandlers.set(`${key}.${type}`, handler)
    else for (const [verb, handler] of Object.entries(value as object)) byName.set(`${key}.${verb}`, handler)
  }
  const { migrations, baseMigrations, prepare, commands = {}, refusals = {}, knows = {}, mailers = [] } = options
  const service: Service<C> = {
    contract,
    handlers: byName,
    eventHandlers,
    jobHandlers,
    migrations,
    baseMigrations,
    prepare,
    commands,
    refusals,
    knows,
    mailers,
    implementedAt: stackHere(),
  }
  for (const operation of contract.served)
    if (operation.custom && !byName.has(handlerName(operation))) throw missing(operation.id, contract.name)
  const meant = new Set(contract.served.filter(({ custom }) => custom).map(handlerName))
  for (const name of byName.keys()) if (!meant.has(name)) throw strange(name, [...meant], contract.name)
  for (const [key, { events }] of Object.entries<ConsumerSpec>(contract.consumers))
    for (const type of Object.keys(events))
      if (!eventHandlers.has(`${key}.${type}`)) throw missing(`${contract.name}.${key} for ${type}`, contract.name)
  for (const name of Object.keys(contract.jobs))
    if (!jobHandlers.has(name)) throw missing(`the job ${contract.name}.${name}`, contract.name)
  for (const [name, code] of Object.entries<string>(refusals))
    if (!Object.hasOwn(contract.problems, code))
      throw new Fault(
        'UNKNOWN_PROBLEM',
        `refusals of ${contract.name}: "${name}" is mapped to ${code}, which the contract does not declare: add it to its problems`,
      )
  if (!Array.isArray(mailers))
    throw new Fault(
      'INVALID_SERVICE',
      `mailers of ${contract.name} is ${inWords(mailers)}: expected a list of its consumers and jobs`,
    )
  const mayMail = [...Object.keys(contract.consumers), ...Object.keys(contract.jobs)]
  for (const key of mailers)
    if (!mayMail.includes(key))
      throw new Fault(
        'INVALID_SERVICE',
        `mailers of ${contract.name}: "${key}" is not among its consumers and jobs: ${mayMail.join(', ') || 'it has none'}`,
      )
  const own = Object.values<AnyResource>(contract.resources)
  const foreign = own.flatMap(({ parent }) => (parent && !own.includes(parent.of) ? [parent.of.name] : []))
  for (const name of Object.keys(knows))
    if (!foreign.includes(name))
      throw new Fault(
        'UNKNOWN_PARENT',
        `knows of ${contract.name}: "${name}" is not the parent of any of its resources in another service. Parents: ${foreign.join(', ') || 'none'}`,
      )
  return service
}

/** In JavaScript nothing else says that one is missing, or that two have changed places. */
function checkArguments(contract: unknown, handlers: unknown, options: unknown): void {
  const refuse = (message: string) => new Fault('INVALID_SERVICE', message)
  if (!isObject(contract) || !Array.isArray(contract.served))
    throw refuse('implement(contract, handlers, options) needs a contract first: give it what service(…) returns')
  const { name } = contract
  if (!isObject(handlers))
    throw refuse(
      `implement(${name}, …) needs its handlers second, as an object by resource, operation, consumer and job: {} where the contract needs none`,
    )
  if (!isObject(options) || options.migrations === undefined)
    throw refuse(
      `implement(${name}, handlers, …) needs options third, with the folder of its migrations: { migrations: new URL('./migrations/', import.meta.url) }`,
    )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

const OPTIONS: KnownMembers<ServiceOptions<any>> = {
  migrations: true,
  baseMigrations: true,
  prepare: true,
  commands: true,
  refusals: true,
  knows: true,
  mailers: 'list',
}

/** One that nothing calls: misspelt, or of a verb that is not among `custom`. */
function strange(name: string, meant: readonly string[], contract: string): Fault {
  const nearest = nearestName(name, meant)
  const hint = nearest === undefined ? 'add its verb to `custom`, or remove the handler' : `did you mean "${nearest}"?`
  return new Fault(
    'UNKNOWN_HANDLER',
    `implement(${contract}, …) has a handler "${name}", which the contract does not use: ${hint}`,
  )
}

function missing(what: string, contract: string): Fault {
  return new Fault('MISSING_HANDLER', `${what} has no handler: give one to implement(${contract}, …)`)
}

export function handlerName({ key, verb, name }: { key: string | undefined; verb: string; name: string }): string {
  return key === undefined ? name : `${key}.${verb}`
}
