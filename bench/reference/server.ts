/**
 * What somebody who knows what he does writes by hand for the benchmark's four requests: node:http and pg, no framework,
 * no rows as objects, and nothing that can be asked once asked twice. It promises what Lintel promises for them, and uses
 * as many connections. What it spares itself: cursors are not signed, an Idempotency-Key is not looked at, there are no
 * spans, logs or deadlines, nothing is compressed or revoked, and a body's duplicate keys go unseen.
 */
import type { IncomingMessage } from 'node:http'
import { buckets, callers } from './callers.ts'
import { type Answer, getOrder } from './get-order.ts'
import { allow, listen, readJson } from './http.ts'
import { listOrders } from './list-orders.ts'
import { placeOrder } from './place-order.ts'
import { ask, openLane, openPool } from './postgres.ts'
import { type Head, notFound } from './refusal.ts'

const { USERS_URL, ORDERS_URL, PORT, RATE_LIMIT_MAX } = process.env
const users = await openLane(USERS_URL!)
const reads = await openLane(ORDERS_URL!)
const lists = [await openLane(ORDERS_URL!), await openLane(ORDERS_URL!)]
const writes = openPool(ORDERS_URL!, 10)

const keys = await ask(users, `select key ->> 'publicJwk' from signing_keys`)
const callerOf = callers({ keys: keys.map(([key]) => JSON.parse(key!)) })
const take = buckets(Number(RATE_LIMIT_MAX ?? 100))
let turn = 0

async function route(request: IncomingMessage, head: Head): Promise<Answer> {
  const [path = '', search = ''] = request.url!.split('?')
  const [, collection, id, below, ...rest] = path.replace(/^(\/api)?(\/v1)?\//, '/').split('/')
  const known = callerOf(request)
  const caller = known instanceof Promise ? await known : known
  take(caller.id, head)
  if (collection === 'orders' && below === undefined) {
    allow(request, 'GET')
    if (id === undefined) {
      const lane = lists[turn++ % lists.length]!
      return listOrders(lane, path, new URLSearchParams(search), caller, head)
    }
    return getOrder(reads, id, caller, request.headers['if-none-match'], head)
  }
  if (collection !== 'users' || below !== 'orders' || rest.length > 0) throw notFound()
  allow(request, 'POST')
  const user = id === 'me' ? caller.id : id!
  return placeOrder({ users, writes }, user, caller, () => readJson(request), head)
}

listen(Number(PORT), route)
