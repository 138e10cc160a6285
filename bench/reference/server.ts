/**
 * What somebody who knows what he does writes by hand for the benchmark's four requests: node:http and pg, no framework,
 * no rows as objects, and nothing that can be asked once asked twice. It promises what Lintel promises for them, and uses
 * as many connections. What it spares itself: cursors are not signed, an Idempotency-Key is not looked at, there are no
 * spans, logs or deadlines, and a body's duplicate keys go unseen.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { newId } from '../../src/base/ids.ts'
import { buckets, callers } from './callers.ts'
import { type Answer, getOrder } from './get-order.ts'
import { listOrders } from './list-orders.ts'
import { placeOrder } from './place-order.ts'
import { ask, openLane, openPool } from './postgres.ts'
import { type Head, invalid, notFound, Refusal } from './refusal.ts'

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
  const [path = '', search = ''] = request.url!.replace(/^(\/api)?(\/v1)?\//, '/').split('?')
  const [, collection, id, below, ...rest] = path.split('/')
  const known = callerOf(request)
  const caller = known instanceof Promise ? await known : known
  take(caller.id, head)
  if (collection === 'orders' && below === undefined) {
    allow(request, 'GET')
    if (id === undefined) return listOrders(lists[turn++ % lists.length]!, new URLSearchParams(search), caller, head)
    return getOrder(reads, id, caller, request.headers['if-none-match'], head)
  }
  if (collection !== 'users' || below !== 'orders' || rest.length > 0) throw notFound()
  allow(request, 'POST')
  const user = id === 'me' ? caller.id : id!
  return placeOrder({ users, writes }, user, caller, () => readJson(request), head)
}

function allow(request: IncomingMessage, method: string): void {
  if (request.method !== method) throw new Refusal(405, 'METHOD_NOT_ALLOWED', 'Not here', ['allow', method])
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const given = request.headers['x-request-id']
  const requestId = typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newId('req')
  const head = ['x-request-id', requestId, 'api-version', '1', 'x-content-type-options', 'nosniff']
  try {
    send(response, await route(request, head), head)
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error)
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'INTERNAL_ERROR', 'Something went wrong')
    const { status, code, message } = refusal
    head.push(...refusal.head)
    send(response, { status, json: JSON.stringify({ error: { code, message, requestId } }) }, head)
  }
}

/** Head and body in one write: end(body) alone would send an empty piece behind them, by a dearer system call. */
function send(response: ServerResponse, { status, json }: Answer, head: Head): void {
  if (json !== undefined) {
    head.push('content-type', 'application/json; charset=utf-8', 'content-length', `${Buffer.byteLength(json)}`)
    response.writeHead(status, head).write(json)
    response.socket?.uncork()
  } else response.writeHead(status, head)
  response.end()
}

const LARGEST_BODY = 1_048_576

function readJson(request: IncomingMessage): Promise<unknown> {
  if (request.headers['content-type'] !== 'application/json')
    throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send application/json')
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > LARGEST_BODY) reject(new Refusal(413, 'PAYLOAD_TOO_LARGE', 'Send less'))
      else chunks.push(chunk)
    })
    request.on('error', reject)
    request.on('end', () => {
      try {
        resolve(JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()))
      } catch {
        reject(invalid('body', 'is no JSON'))
      }
    })
  })
}

createServer(serve).listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
