import type { AnyContract } from '../contract/contract.ts'
import type { ClientOptions } from './client-options.ts'
import type { Clients } from './client-types.ts'
import { connect, type Table } from './connect.ts'
import { tableOf } from './table.ts'

/**
 * The typed client of an API, from the contracts of its services; nothing is generated. It runs in browsers and on Node, with `fetch`.
 * Calls that fail reject with a CallProblem, whose code `isProblem` tells.
 *
 * ```ts
 * const api = client([users, orders], { url: 'https://api.example.com' })
 * await api.login({ body: { email, password } })
 * for await (const { id, total } of api.orders.eachAll({ query: { status: 'paid', fields: ['total'] } })) …
 * ```
 *
 * A page has no use for the rules of contracts: it imports their types alone, and the table that `lintel client` writes.
 *
 * ```ts
 * const api = client<[typeof users, typeof orders]>(table, { url: '/api' })
 * ```
 */
export function client<const T extends AnyContract | readonly AnyContract[]>(
  contracts: T | Table,
  options: ClientOptions,
): Clients<T> {
  return connect(tableFor(contracts), options) as Clients<T>
}

function tableFor(contracts: AnyContract | readonly AnyContract[] | Table): Table {
  if (isList(contracts)) return tableOf(contracts)
  return isContract(contracts) ? tableOf([contracts]) : contracts
}

function isList(contracts: unknown): contracts is readonly AnyContract[] {
  return Array.isArray(contracts)
}

/** What a table has is texts, and objects of texts. */
function isContract(contract: AnyContract | Table): contract is AnyContract {
  return Array.isArray(contract.served)
}
