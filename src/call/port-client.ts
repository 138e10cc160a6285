import { Fault } from '../base/errors.ts'
import { handled } from '../base/handled.ts'
import { parsedBody } from '../client/attempt.ts'
import type { CallArgs } from '../client/call-args.ts'
import type { Client } from '../client/client-types.ts'
import { filledPath, pairsOf, paramsOf } from '../client/request.ts'
import { type AnyArgs, walk } from '../client/walk.ts'
import type { AnyContract } from '../contract/contract.ts'
import type { Operation } from '../contract/operation.ts'
import { VERBS } from '../contract/served-operations.ts'
import { isWellKnown } from '../contract/well-known.ts'
import { Deadline } from '../resilience/deadline.ts'
import { either } from '../resilience/within.ts'
import { type Call, type Context, type Port, textOf } from './call.ts'
import { CalledContext, OwnContext, withContext } from './context.ts'

/**
 * The typed client of a service whose calls a port carries. It speaks the contract's newest version. Calls that fail reject with a
 * Problem. `context` is that of the request that the calls belong to, if there is one.
 *
 * ```ts
 * const api = portClient(orders, guard(port, { timeoutMs: 500 }))
 * const order = await api.orders.get({ id })
 * ```
 */
export function portClient<C extends AnyContract>(contract: C, port: Port, context?: Context): Client<C> {
  return clientsOf(contract)(port, context)
}

/** Makes clients whose calls take `timeoutMs` at most, each from when it is made. */
type ClientFor<C extends AnyContract> = (port: Port, context?: Context, timeoutMs?: number) => Client<C>

/** Reads the contract once, for many clients: each request that calls has one of its own. */
export function clientsOf<C extends AnyContract>(contract: C): ClientFor<C> {
  const members = [...membersOf(contract)]
  return (port, context, timeoutMs) => {
    const ask = askOf(contract, port, context, timeoutMs)
    const api: Record<string, unknown> = {}
    for (const [name, member] of members) api[name] = member(ask)
    return Object.freeze(api) as Client<C>
  }
}

function askOf(
  contract: AnyContract,
  port: Port,
  context: Context | undefined,
  mostMs = Number.POSITIVE_INFINITY,
): Ask {
  const ask: Ask = async (operation, args) => {
    const { signal, timeoutMs = mostMs } = args as CallArgs
    const own = inTime(context ?? new OwnContext(signal), Math.min(timeoutMs, mostMs))
    const call = callOf(contract, operation, args, own)
    // A call ends when its caller says so, or when nobody waits any more for the request that it belongs to.
    const reply =
      context === undefined || signal === undefined
        ? await port(call)
        : await either(own.signal, signal, (both) => port(withContext(call, new CalledContext(own, { signal: both }))))
    return parsedBody(operation.id, textOf(reply))
  }
  // Calls of a request end with it, also those that its handler does not await yet.
  return context === undefined ? ask : (operation, args) => handled(ask(operation, args))
}

/** What a client has: how each resource's calls, and each operation of the contract's own, are made. */
function membersOf(contract: AnyContract): Map<string, (ask: Ask) => unknown> {
  const members = new Map<string, (ask: Ask) => unknown>()
  for (const key in contract.resources) members.set(key, resourceCalls(contract, key))
  for (const operation of contract.served) {
    if (operation.key !== undefined || operation.route !== undefined) continue
    if (members.has(operation.name))
      throw new Fault('AMBIGUOUS_NAME', `"${operation.name}" is both a resource and an operation of "${contract.name}"`)
    members.set(
      operation.name,
      (ask) =>
        ({ params, ...args }: AnyArgs = {}) =>
          ask(operation, { ...(params as object), ...args }),
    )
  }
  return members
}

type AnyCall = (args?: AnyArgs) => unknown
type Ask = (operation: Operation, args: AnyArgs) => Promise<unknown>

/** What calls of a resource are made of: each is made when it is read, and none is a property of its own, since a request makes one or two of them. */
function resourceCalls(contract: AnyContract, key: string): (ask: Ask) => object {
  const makers: Record<string, (ask: Ask) => AnyCall> = {}
  for (const name of [...VERBS, 'listAll']) makers[name] = () => async () => refuse(contract, key, name)
  makers.each = () => () => refuse(contract, key, 'list')
  makers.eachAll = () => () => refuse(contract, key, 'listAll')
  for (const operation of contract.served) {
    if (operation.key !== key) continue
    const { name, verb } = operation
    const one =
      (ask: Ask) =>
      (args: AnyArgs = {}) =>
        ask(operation, args)
    makers[name] = one
    if (verb === 'list') makers[name.replace('list', 'each')] = (ask) => (args) => walk(one(ask), args)
  }
  class Calls {
    readonly #ask: Ask
    constructor(ask: Ask) {
      this.#ask = ask
    }
    static {
      for (const [name, make] of Object.entries(makers))
        Object.defineProperty(Calls.prototype, name, {
          enumerable: true,
          get(this: Calls) {
            return make(this.#ask)
          },
        })
    }
  }
  return (ask) => new Calls(ask)
}

function refuse(contract: AnyContract, key: string, name: string): never {
  throw new Fault(
    'NOT_OFFERED',
    `The contract "${contract.name}" does not offer "${name}" of "${key}": see its access rules`,
  )
}

function callOf(contract: AnyContract, operation: Operation, args: AnyArgs, context: Context): Call {
  const params = paramsOf(operation.id, operation.path, args)
  const body = args.body ?? (operation.body && operation.method === 'POST' ? {} : undefined)
  return {
    operation: operation.id,
    method: operation.method,
    version: contract.latest,
    params,
    query: pairsOf(args.query as AnyArgs | undefined),
    path: pathOf(operation, contract.latest, params),
    body: body === undefined ? undefined : { value: body },
    contentType: body === undefined ? undefined : 'application/json',
    ifMatch: args.ifMatch === undefined ? undefined : `"${args.ifMatch}"`,
    ifNoneMatch: undefined,
    idempotencyKey: args.idempotencyKey as string | undefined,
    context,
  }
}

/** Its path parameters filled in: `/v2/users/usr_01h455vb4pex5vsknk084sn02q`. */
export function pathOf(operation: Operation, version: number, params: readonly string[]): string {
  const path = filledPath(operation.path, params)
  return isWellKnown(operation.path) ? path : `/v${version}${path}`
}

function inTime(context: Context, timeoutMs: number): Context {
  if (timeoutMs === Number.POSITIVE_INFINITY) return context
  const limitMs = Math.min(timeoutMs, context.deadline.remainingMs())
  return new CalledContext(context, { deadline: Deadline.after(limitMs) })
}
