import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { orders } from '../services/orders/contract.ts'
import ordersService from '../services/orders/service.ts'
import { users } from '../services/users/contract.ts'
import { ANONYMOUS, type Caller } from '../src/auth/caller.ts'
import { Problem } from '../src/base/errors.ts'
import { decodeId } from '../src/base/ids.ts'
import { type Call, type Port, textOf } from '../src/call/call.ts'
import { CalledContext, OwnContext } from '../src/call/context.ts'
import { pathOf } from '../src/call/port-client.ts'
import { createProofs } from '../src/call/proof.ts'
import type { Contract } from '../src/contract/contract.ts'
import { lockOf, protobuf } from '../src/contract/documents/protobuf.ts'
import { openDatabase } from '../src/data/pool.ts'
import { arrivals } from '../src/door/arrivals.ts'
import { createDoor } from '../src/door/door.ts'
import { type CallTransport, openFarService } from '../src/door/far-service.ts'
import { createGrpcDoor } from '../src/door/grpc/grpc-door.ts'
import { createGrpcServer } from '../src/door/grpc/grpc-server.ts'
import { createHttpServer } from '../src/http/server.ts'
import { Deadline } from '../src/resilience/deadline.ts'
import { createPipeline } from '../src/service/pipeline.ts'
import { cloneOf, templateFor } from '../src/testing/database.ts'

const proofs = createProofs(['k'.repeat(32)])
const log = { debug() {}, info() {}, warn() {}, error() {} }
const quiet = { done() {}, rejected() {}, repeated() {} }
const closing: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

/** The pipeline of the orders service on a database of its own. */
async function pipeline(): Promise<Port> {
  const clone = await cloneOf(inject('databaseServer'), await templateFor(inject('databaseServer'), ordersService))
  const database = openDatabase('orders', clone.url)
  closing.push(
    () => clone.drop(),
    () => database.close(),
  )
  await database.query('insert into buyers (id, active) values ($1, true)', [decodeId('usr', USER)])
  return createPipeline(ordersService, {
    database,
    cursorSecret: 'the same for all',
    checkAnswers: true,
    call: () => {
      throw new Problem('SERVICE_UNAVAILABLE')
    },
    contractOf: () => users,
  })
}

async function behindDoor(transport: CallTransport, port: Port): Promise<Port> {
  const behind = {
    name: 'orders',
    contract: orders,
    port,
    health: async () => ({ status: 'healthy', checks: {} }) as const,
  }
  const readArrival = arrivals('shop', [behind], proofs)
  const files = [protobuf(orders, lockOf(orders))]
  const http = createDoor({ system: 'shop', services: [behind], proofs, log, security: quiet })
  const services = [{ behind, files }]
  const grpc = createGrpcServer(
    createGrpcDoor({ services, readArrival, log, security: quiet, openReflection: false }).handle,
    { log },
  )
  const server = createHttpServer(http.handle, { http2: grpc.take, maxHeaderBytes: 128 * 1024 })
  const { port: at } = await server.listen({ host: '127.0.0.1', port: 0 })
  const far = await openFarService(orders, {
    system: 'shop',
    urls: [new URL(`http://127.0.0.1:${at}`)],
    proofs,
    log,
    transport,
  })
  closing.push(
    () => server.close({ timeoutMs: 1_000 }),
    () => grpc.close({ timeoutMs: 1_000 }),
    () => far.close(),
  )
  return far.port
}

const ways = new Map<string, Port>()
beforeAll(async () => {
  ways.set('in process', await pipeline())
  for (const transport of ['http', 'grpc'] as const) ways.set(transport, await behindDoor(transport, await pipeline()))
})

const USER = 'usr_01h455vb4pex5vsknk084sn02q'
const user = (id: string, ...roles: string[]): Caller => ({
  kind: 'user',
  id,
  email: 'a@example.com',
  roles,
  sid: 'ses_01h455vb4pex5vsknk084sn02q',
  issuedAtMs: 0,
  expiresAtMs: 4e12,
})
const ANN = user(USER)
const ADMIN = user('usr_01h455vb4pex5vsknk084sn02r', 'admin')

interface Asked extends Partial<Omit<Call, 'context' | 'operation' | 'body' | 'params'>> {
  readonly as?: Caller
  readonly params?: readonly string[]
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown
}

interface Seen {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: any
}

/** What whoever calls gets to know, of an answer or a problem. */
async function ask(
  port: Port,
  operation: string,
  { as = ANONYMOUS, params = [], body, ...rest }: Asked = {},
): Promise<Seen> {
  const served = orders.served.find(({ id }) => id === `orders.${operation}`)!
  const context = new CalledContext(new OwnContext(), { caller: as, deadline: Deadline.after(10_000) })
  try {
    const reply = await port({
      operation: served.id,
      method: served.method,
      version: 1,
      params,
      query: [],
      path: pathOf(served, 1, params),
      body: body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
      contentType: body === undefined ? undefined : 'application/json',
      ifMatch: undefined,
      ifNoneMatch: undefined,
      idempotencyKey: undefined,
      ...rest,
      context,
    })
    const text = textOf(reply)
    return { status: reply.status, headers: reply.headers, body: text && JSON.parse(text) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { code, message, details, retryAfterS, headers = {} } = error
    const { status, message: usual } = (orders as Contract).problems[code]!
    return { status, headers, body: { code, message: message || usual, details, retryAfterS } }
  }
}

const PRODUCT = { sku: 'A-1', name: 'Ähre "1"', category: 'Food, fresh', price: 12.5, stock: 10 }

/** One story, told to a port: what it answers, step by step. */
async function story(port: Port): Promise<Seen[]> {
  const seen: Seen[] = []
  const step = async (operation: string, asked?: Asked) => {
    const one = await ask(port, operation, asked)
    seen.push(one)
    return one
  }
  const admin = (asked: Asked): Asked => ({ as: ADMIN, ...asked })
  const { body: product } = await step('products.create', admin({ body: PRODUCT }))
  const params = [product.id]
  // Who may.
  await step('products.create', { body: PRODUCT })
  await step('products.create', { as: ANN, body: PRODUCT })
  // What a body may not be.
  for (const body of [
    '{',
    '',
    '[]',
    '{"a":1,"a":2}',
    '{"__proto__":1}',
    '{"price":"5","stock":null,"nickname":1}',
    '{"price":1.005}',
    '{"price":0.10000000000000000001}',
    `{"name":"${'x'.repeat(300)}"}`,
    '{"name":"a\\u0000b"}',
    '{"createdAt":"2020-01-01T00:00:00Z"}',
  ])
    await step('products.create', admin({ body }))
  await step('products.create', admin({ body: PRODUCT, contentType: 'text/plain' }))
  await step('products.create', admin({ body: PRODUCT }))
  await step('products.create', admin({ body: Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1') }))
  // Reading.
  await step('products.get', { params })
  await step('products.get', { params, ifNoneMatch: '"1"' })
  await step('products.get', { params, ifMatch: '"9"' })
  await step('products.get', { params, query: [['fields', 'id,name']] })
  await step('products.get', { params, query: [['fields', 'nothing']] })
  await step('products.get', { params: ['prd_nothing'] })
  await step('products.get', { params: ['prd_01h455vb4pex5vsknk084sn02q'] })
  // Changes, and what they meet.
  await step('products.update', admin({ params, body: { stock: 5 }, ifMatch: '"1"' }))
  await step('products.update', admin({ params, body: { stock: 6 }, ifMatch: '"1"' }))
  await step('products.update', admin({ params, body: { stock: 6, version: 1 } }))
  await step('products.update', admin({ params, body: { stock: null, description: null } }))
  await step('products.update', admin({ params, body: {}, contentType: 'application/merge-patch+json' }))
  await step('products.update', admin({ params, body: {}, contentType: 'application/json-patch+json' }))
  await step('products.replace', admin({ params, body: { ...PRODUCT, name: 'b' } }))
  await step('products.replace', admin({ params, body: { name: 'b' } }))
  await step('products.replace', admin({ params }))
  // Lists.
  for (let i = 0; i < 3; i++) await step('products.create', admin({ body: { ...PRODUCT, sku: `B-${i}` } }))
  const { body: page } = await step('products.list', {
    query: [
      ['limit', '2'],
      ['sort', '-name'],
      ['category', 'Food, fresh', ['Food, fresh']],
    ],
  })
  await step('products.list', {
    query: [
      ['limit', '2'],
      ['sort', '-name'],
      ['cursor', page.pagination.nextCursor],
    ],
  })
  await step('products.list', {
    query: [
      ['cursor', 'altered'],
      ['limit', '101'],
      ['status', 'x'],
    ],
  })
  await step('products.list', {
    query: [
      ['q', 'ähre'],
      ['page', '2'],
      ['count', 'exact'],
    ],
  })
  await step('orders.listAll', {})
  await step('orders.listAll', { as: ANN })
  // Keys, a handler, and its own problems.
  const key = { as: ANN, params: [USER], idempotencyKey: 'once' }
  const items = [{ productId: product.id, quantity: 2 }]
  const { body: order } = await step('orders.create', { ...key, body: { items } })
  await step('orders.create', { ...key, body: { items } })
  await step('orders.create', { ...key, body: { items: [{ productId: product.id, quantity: 1 }] } })
  await step('orders.create', { ...key, idempotencyKey: 'ä', body: { items } })
  await step('orders.create', {
    as: ANN,
    params: [USER],
    body: { items: [{ productId: product.id, quantity: 10_000 }] },
  })
  await step('orders.create', { as: ANN, params: [USER], body: { items: [] } })
  await step('orders.create', {
    as: ANN,
    params: [USER],
    body: { items: [{ productId: product.id, quantity: 1, unitPrice: 1 }] },
  })
  await step('orders.create', { as: ANN, params: [ADMIN.kind === 'user' ? ADMIN.id : ''], body: { items } })
  await step('orders.get', { as: ANN, params: [order.id] })
  await step('orders.get', { params: [order.id] })
  await step('orders.update', admin({ params: [order.id], body: { status: 'paid' } }))
  await step('orders.update', admin({ params: [order.id], body: { status: 'pending' } }))
  await step('orders.update', admin({ params: [order.id], body: { status: 'eaten' } }))
  await step('orderItems.list', { as: ANN, params: [order.id] })
  await step('products.delete', admin({ params, ifMatch: '*' }))
  await step('products.delete', admin({ params }))
  return seen
}

/** Ids by their order, times and cursors as such: what no two databases have in common. */
function alike(seen: readonly Seen[]): unknown {
  const ids = new Map<string, string>()
  const text = JSON.stringify(seen)
    .replace(/\b(prd|ord|lin)_[0-7][0-9a-z]{25}/g, (id, prefix) => {
      if (!ids.has(id)) ids.set(id, `${prefix}-${ids.size}`)
      return ids.get(id)!
    })
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
    .replace(/((?:cursor=|"nextCursor":"))[\w-]+/g, '$1…')
  return JSON.parse(text)
}

test('R-CALL-1: sixty calls have the same statuses, headers, bodies and problems in process, over HTTP and over gRPC', async () => {
  const [near, ...far] = await Promise.all([...ways.values()].map(story))
  expect(near!.length).toBeGreaterThan(55)
  expect(new Set(near!.map(({ status }) => status))).toEqual(
    new Set([200, 201, 204, 304, 400, 401, 403, 404, 409, 412, 415, 422]),
  )
  for (const seen of far) expect(alike(seen)).toEqual(alike(near!))
})

test.each(['http', 'grpc'])(
  'R-CALL-1: a body of 1 MiB is read whole, and text beyond ASCII arrives as it is, over %s',
  async (way) => {
    const description = 'ä€😀'.repeat(600)
    const large = { ...PRODUCT, sku: 'L-1', description, name: ' '.repeat(1_000_000) }
    expect(await ask(ways.get(way)!, 'products.create', { as: ADMIN, body: large })).toMatchObject({
      status: 400,
      body: { details: expect.arrayContaining([expect.objectContaining({ field: 'name' })]) },
    })
    const { body } = await ask(ways.get(way)!, 'products.create', { as: ADMIN, body: { ...large, name: '😀' } })
    expect(body).toMatchObject({ name: '😀', description })
  },
)
