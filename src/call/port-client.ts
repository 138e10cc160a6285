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
import { type Call, type Context, type Port, type Reply, textOf } from './call.ts'
import { CalledContext, OwnContext } from './context.ts'

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

/** Reads the contract once, for many clients: each request that calls has one of its own. */
export function clientsOf<C extends AnyContract>(contract: C): (port: Port, context?: Context) => Client<C> {
  const members = [...membersOf(contract)]
  return (port, context) => {
    const ask = askOf(contract, port, context)
    const api: Record<string, unknown> = {}
    for (const [name, member] of members) api[name] = member(ask)
    return Object.freeze(api) as Client<C>
  }
}

function askOf(contract: AnyContract, port: Port, context: Context | undefined): Ask {
  const ask: Ask = async (operation, args) => {
    const call = callOf(contract, operation, args)
    return parsedBody(operation.id, textOf(await send(port, call, args, context)))
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

function resourceCalls(contract: AnyContract, key: string): (ask: Ask) => Readonly<Record<string, AnyCall>> {
  const refusals: Record<string, AnyCall> = {}
  for (const name of [...VERBS, 'listAll']) refusals[name] = async () => refuse(contract, key, name)
  refusals.each = () => refuse(contract, key, 'list')
  refusals.eachAll = () => refuse(contract, key, 'listAll')
  const operations = contract.served.filter((operation) => operation.key === key)
  return (ask) => {
    const calls = { ...refusals }
    for (const operation of operations) {
      const one = (args: AnyArgs = {}) => ask(operation, args)
      calls[operation.name] = one
      if (operation.verb === 'list') calls[operation.name.replace('list', 'each')] = (args) => walk(one, args)
    }
    return Object.freeze(calls)
  }
}

function refuse(contract: AnyContract, key: string, name: string): never {
  throw new Fault(
    'NOT_OFFERED',
    `The contract "${contract.name}" does not offer "${name}" of "${key}": see its access rules`,
  )
}

type Asked = Omit<Call, 'context'>

function callOf(contract: AnyContract, operation: Operation, args: AnyArgs): Asked {
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
  }
}

/** Its path parameters filled in: `/v2/users/usr_01h455vb4pex5vsknk084sn02q`. */
export function pathOf(operation: Operation, version: number, params: readonly string[]): string {
  const path = filledPath(operation.path, params)
  return isWellKnown(operation.path) ? path : `/v${version}${path}`
}

/** A call ends when its caller says so, or when nobody waits any more for the request that it belongs to. */
function send(port: Port, asked: Asked, args: AnyArgs, context: Context | undefined): Promise<Reply> {
  const { signal, timeoutMs } = args as CallArgs
  if (context === undefined) return port({ ...asked, context: inTime(new OwnContext(signal), timeoutMs) })
  const own = inTime(context, timeoutMs)
  if (signal === undefined) return port({ ...asked, context: own })
  return either(own.signal, signal, (both) => port({ ...asked, context: new CalledContext(own, { signal: both }) }))
}

function inTime(context: Context, timeoutMs: number | undefined): Context {
  if (timeoutMs === undefined) return context
  const limitMs = Math.min(timeoutMs, context.deadline.remainingMs())
  return new CalledContext(context, { deadline: Deadline.after(limitMs) })
}
