import { Fault } from '../base/errors.ts'
import { handled } from '../base/handled.ts'
import type { AnyContract } from '../contract/contract.ts'
import type { Pairs } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import { VERBS } from '../contract/served-operations.ts'
import { isWellKnown } from '../contract/well-known.ts'
import { either } from '../resilience/within.ts'
import { type Call, type Context, type Port, type Reply, textOf } from './call.ts'
import { CallProblem } from './call-problem.ts'
import type { Client, Page, QueryValue, Rows } from './client-types.ts'
import { CalledContext, OwnContext } from './context.ts'

/** Rows that a walk asks for at a time: the most that a list gives (R-PAGE-1). */
const WALK_LIMIT = 100

/**
 * Makes the typed client of a service from its contract; nothing is generated. It speaks the contract's newest version.
 * Calls that fail reject with a Problem. `context` is that of the request that the calls belong to, if there is one.
 *
 * ```ts
 * const api = client(orders, http('https://api.example.com', { token }))
 * const order = await api.orders.create({ userId, body: { items: [{ productId, quantity: 2 }] }, idempotencyKey })
 * for await (const { id, total } of api.orders.each({ userId, query: { status: 'paid', fields: ['total'] } })) …
 * ```
 */
export function client<C extends AnyContract>(contract: C, port: Port, context?: Context): Client<C> {
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
    const body = textOf(await send(port, call, args.signal as AbortSignal | undefined, context))
    return body === undefined ? undefined : readBody(operation, body)
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

type AnyArgs = Readonly<Record<string, unknown>>
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

async function* walk(list: (args: AnyArgs) => Promise<unknown>, args: AnyArgs = {}): Rows<unknown> {
  const query = { limit: WALK_LIMIT, ...(args.query as object), count: 'none' }
  let cursor: string | undefined
  do {
    const { data, pagination } = (await list({ ...args, query: { ...query, cursor } })) as Page<unknown>
    yield* data
    cursor = pagination.nextCursor ?? undefined
  } while (cursor !== undefined)
}

type Asked = Omit<Call, 'context'>

function callOf(contract: AnyContract, operation: Operation, args: AnyArgs): Asked {
  const params = operation.params.map(({ name }) => {
    const value = args[name]
    // An empty one would make another path: /users/ for /users/{id}.
    if (typeof value !== 'string' || value === '')
      throw new Fault('MISSING_PARAMETER', `${operation.id} needs "${name}", for its path ${operation.path}`)
    return value
  })
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
  let next = 0
  const path = operation.path.replace(/\{\w+\}/g, () => encodeURIComponent(params[next++]!))
  return isWellKnown(operation.path) ? path : `/v${version}${path}`
}

/** A call ends when its caller says so, or when nobody waits any more for the request that it belongs to. */
function send(port: Port, asked: Asked, signal: AbortSignal | undefined, context: Context | undefined): Promise<Reply> {
  if (context === undefined) return port({ ...asked, context: new OwnContext(signal) })
  if (signal === undefined) return port({ ...asked, context })
  return either(context.signal, signal, (both) =>
    port({ ...asked, context: new CalledContext(context, { signal: both }) }),
  )
}

function readBody(operation: Operation, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new CallProblem(operation.id, 502, 'BAD_GATEWAY', `${operation.id} returned a body that is not JSON`, {
      cause,
    })
  }
}

function pairsOf(query: AnyArgs = {}): Pairs {
  const pairs: [string, string][] = []
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue
    const values = Array.isArray(value) ? (value as readonly QueryValue[]) : [value as QueryValue]
    // By repetition: a comma of a value is then never taken for one between two (R-FILTER-1).
    for (const one of values) pairs.push([name, one instanceof Date ? one.toISOString() : String(one)])
  }
  return pairs
}
