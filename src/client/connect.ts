import { type Call, callerOf, type Operation } from './caller.ts'
import type { ClientOptions } from './client-options.ts'
import { type AnyArgs, walk } from './walk.ts'

/**
 * What there is to call, by its name: `GET /v1/orders/{id}`, with marks behind it. `key`: with an Idempotency-Key it may be sent again;
 * `own`: it takes no access token; `begins`, `refreshes`, `ends`: what it does to a session.
 */
export type Table = Readonly<Record<string, string | Readonly<Record<string, string>>>>

/** A client of what a table describes. */
export function connect(table: Table, options: ClientOptions): object {
  const call = callerOf(options, refreshOf(table))
  const api: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(table))
    api[name] = typeof entry === 'string' ? ownCall(operationOf(name, entry), call) : resourceCalls(name, entry, call)
  return Object.freeze(api)
}

/** The operation that gives new tokens for a refresh token. */
function refreshOf(table: Table): Operation | undefined {
  for (const [name, entry] of Object.entries(table))
    if (typeof entry === 'string' && entry.endsWith(' refreshes')) return operationOf(name, entry)
  return undefined
}

function operationOf(name: string, entry: string): Operation {
  const [method = '', path = '', ...marks] = entry.split(' ')
  return { name, method, path, marks }
}

function ownCall(operation: Operation, call: Call) {
  return (args: AnyArgs = {}) => call(operation, args, args.params as AnyArgs)
}

function resourceCalls(key: string, entries: Readonly<Record<string, string>>, call: Call): object {
  const calls: Record<string, unknown> = {}
  for (const [verb, entry] of Object.entries(entries)) {
    const operation = operationOf(`${key}.${verb}`, entry)
    const one = (args: AnyArgs = {}) => call(operation, args, args)
    calls[verb] = one
    if (verb.startsWith('list')) calls[verb.replace('list', 'each')] = (args?: AnyArgs) => walk(one, args)
  }
  return Object.freeze(calls)
}
