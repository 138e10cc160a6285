import { operation, resource, service, t } from 'lintel/contract'
import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { answering, hangUp, json, problem, type Reply, silence, text } from '../../test/answering.ts'
import { client } from './client.ts'
import type { ClientOptions } from './client-options.ts'
import { tableOf } from './table.ts'

const ok = json(200, { id: 'prd_1' })
const page = (data: unknown[], nextCursor: string | null) =>
  json(200, { data, pagination: { total: null, limit: 100, hasMore: nextCursor !== null, nextCursor } })

/** A server that gives one reply after the other, and a client of both services there. */
async function serving(...replies: Reply[]) {
  const server = await answering(...replies)
  const api = (options?: Partial<ClientOptions>) => client([users, orders], { url: server.url, ...options })
  return { ...server, api }
}
type Api = ReturnType<Awaited<ReturnType<typeof serving>>['api']>

test('a call is one request: version in the path, JSON both ways, the token and the key in headers', async () => {
  const server = await serving(json(201, { id: 'ord_1' }))
  const api = server.api({ token: 'secret', headers: { 'x-request-id': 'mine' } })
  const order = await api.orders.create({ userId: 'usr_1', body: { cartId: 'crt_1' }, idempotencyKey: 'once' })
  expect(order).toEqual({ id: 'ord_1' })
  const [seen] = server.seen
  expect(seen).toMatchObject({ method: 'POST', url: '/v1/users/usr_1/orders', body: '{"cartId":"crt_1"}' })
  expect(seen!.headers).toMatchObject({
    accept: 'application/json',
    authorization: 'Bearer secret',
    'content-type': 'application/json',
    'idempotency-key': 'once',
    'x-request-id': 'mine',
  })
})

test('R-VER-1: each service is called in its newest version, at well-known addresses without one, or as a table says', async () => {
  const server = await serving(json(200, { keys: [] }))
  await server.api().users.get({ id: 'me', query: { fields: ['name'] } })
  await server.api().products.get({ id: 'prd_1' })
  await server.api().keys()
  const table = tableOf([users, orders], 1)
  await client<[typeof users, typeof orders]>(table, { url: `${server.url}/api/` }).users.get({ id: 'me' })
  expect(server.seen.map(({ url }) => url)).toEqual([
    '/v2/users/me?fields=name',
    '/v1/products/prd_1',
    '/.well-known/jwks.json',
    '/api/v1/users/me',
  ])
})

test('path and query are encoded: several values by repetition (FC-11), times in UTC, nothing for undefined', async () => {
  const server = await serving(page([], null))
  await server.api().products.list({ query: { q: 'a&b=c d+é', limit: undefined } })
  await server.api().products.get({ id: '../users?x' })
  await server.api().orders.listAll({ query: { status: ['paid', 'shipped'], placedAfter: new Date(0) } })
  expect(new URL(server.seen[0]!.url, server.url).searchParams.get('q')).toBe('a&b=c d+é')
  expect(server.seen[1]!.url).toBe('/v1/products/..%2Fusers%3Fx')
  expect(server.seen[2]!.url).toBe('/v1/orders?status=paid&status=shipped&placedAfter=1970-01-01T00%3A00%3A00.000Z')
})

test('a read has no body, and no header that costs a page of another origin a preflight; a change names its version', async () => {
  const server = await serving((response) => response.writeHead(204).end())
  await server.api().products.get({ id: 'prd_1' })
  expect(Object.keys(server.seen[0]!.headers)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/content-type|authorization|idempotency|x-request-id|lintel/)]),
  )
  expect(await server.api().products.delete({ id: 'prd_1', ifMatch: 4 })).toBeUndefined()
  expect(server.seen[1]).toMatchObject({ method: 'DELETE', body: '', headers: { 'if-match': '"4"' } })
})

test('R-PAGE-2: a walk follows the cursor, with the query that it began with, and asks for no page before it is needed', async () => {
  const server = await serving(page([1, 2], 'c1'), page([3], null))
  const rows = server.api().orders.eachAll({ query: { status: 'paid' } })
  expect((await rows.next()).value).toBe(1)
  expect((await rows.next()).value).toBe(2)
  expect(server.seen).toHaveLength(1)
  expect([(await rows.next()).value, (await rows.next()).done]).toEqual([3, true])
  expect(server.seen.map(({ url }) => url)).toEqual([
    '/v1/orders?limit=100&status=paid&count=none',
    '/v1/orders?limit=100&status=paid&count=none&cursor=c1',
  ])
})

test.each([
  ['the network', hangUp],
  ['503 and Retry-After', problem(503, 'SERVICE_UNAVAILABLE', { 'retry-after': '0' })],
  ['429 and Retry-After', problem(429, 'RATE_LIMITED', { 'retry-after': '0' })],
  ['the first request that still runs', problem(409, 'IDEMPOTENCY_IN_PROGRESS', { 'retry-after': '0' })],
])('R-IDEM-1: a POST has a key of its own, and is sent again with it after %s', async (_, reply) => {
  const server = await serving(reply, reply, ok)
  const api = server.api()
  await api.orders.create({ userId: 'usr_1', body: {} })
  await api.orders.create({ userId: 'usr_1', body: {} })
  const keys = server.seen.map(({ headers }) => headers['idempotency-key'])
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
  expect(keys.slice(0, 3)).toEqual([keys[0], keys[0], keys[0]])
  expect(keys[3]).not.toBe(keys[0])
})

test('a POST that is not sent again, or whose answer holds secrets, has no key', async () => {
  const server = await serving(json(200, { accessToken: 'a' }))
  await server.api({ retries: 0 }).orders.create({ userId: 'usr_1', body: {} })
  await server.api().login({ body: { email: 'ada@example.com', password: 'p' } })
  for (const { headers } of server.seen) expect(headers).not.toHaveProperty('idempotency-key')
})

test.each([
  ['a POST without a key', (api: Api) => api.login({ body: { email: 'ada@example.com', password: 'p' } })],
  ['a PATCH', (api: Api) => api.products.update({ id: 'prd_1', body: { stock: 1 } })],
  ['FC-79: a PUT', (api: Api) => api.products.replace({ id: 'prd_1', body: {} as never, ifMatch: 1 })],
  ['FC-79: a DELETE', (api: Api) => api.products.delete({ id: 'prd_1', ifMatch: 1 })],
])('%s is sent once, whatever happens to it', async (_, call) => {
  const server = await serving(hangUp, ok)
  await expect(call(server.api())).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', stage: 'lost' })
  expect(server.seen).toHaveLength(1)
})

test('R-GW-3: where nothing was sent anything is sent again, and the message says where and why', async () => {
  const server = await serving(ok)
  await server.close()
  let attempts = 0
  const counted: ClientOptions['fetch'] = (url, init) => {
    attempts++
    return fetch(url, init)
  }
  await expect(server.api({ fetch: counted }).products.delete({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    status: 503,
    stage: 'unsent',
    message: expect.stringMatching(
      /^products.delete could not be reached at http:.*\/v1\/products\/prd_1: connect ECONNREFUSED/,
    ),
  })
  expect(attempts).toBe(3)
})

test('what a repeat cannot better is not repeated, and says what was wrong', async () => {
  const server = await serving(problem(404, 'NOT_FOUND'))
  await expect(server.api().products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    status: 404,
    message: 'It is NOT_FOUND',
    requestId: 'r-1',
    operation: 'products.get',
  })
  expect(server.seen).toHaveLength(1)
})

test('a Retry-After that the call has no time for is not waited for, and the answer stands', async () => {
  const server = await serving(problem(429, 'RATE_LIMITED', { 'retry-after': '30' }))
  const call = server.api().products.get({ id: 'prd_1' })
  await expect(call).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterS: 30 })
  expect(server.seen).toHaveLength(1)
})

test('an answer that never comes, or never ends, is a GATEWAY_TIMEOUT, by the client’s time or the call’s own', async () => {
  const server = await serving(silence, (response) => response.writeHead(200).write('{"id":'))
  const message = 'products.get did not respond within 50 ms'
  await expect(server.api({ timeoutMs: 50 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({ message })
  const call = server.api().products.get({ id: 'prd_1', timeoutMs: 50 })
  await expect(call).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT', status: 504, message })
})

test("a caller's signal ends the call with its own reason, also while it rests", async () => {
  const controller = new AbortController()
  const server = await serving((response, seen) => {
    problem(503, 'SERVICE_UNAVAILABLE', { 'retry-after': '5' })(response, seen)
    controller.abort(new Error('gone'))
  })
  await expect(server.api().products.get({ id: 'prd_1', signal: controller.signal })).rejects.toThrow('gone')
  expect(server.seen).toHaveLength(1)
})

test('what is no JSON is BAD_GATEWAY, or what its status says; a redirect is not followed', async () => {
  const server = await serving(text(200, '<html>'), text(403, '<html>'), (response) =>
    response.writeHead(301, { location: '/elsewhere' }).end(),
  )
  const get = () => server.api({ retries: 0 }).products.get({ id: 'prd_1' })
  await expect(get()).rejects.toMatchObject({ code: 'BAD_GATEWAY', status: 502 })
  await expect(get()).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 })
  await expect(get()).rejects.toThrow('redirect')
})

test('FC-100: an answer without an end is BAD_GATEWAY, and is not asked for again', async () => {
  const endless = await serving((response) => {
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(1_000_000)));
    }
    response.on('drain', more)
    more()
  })
  await expect(endless.api().products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'BAD_GATEWAY',
    message: expect.stringContaining('too large'),
  })
  expect(endless.seen).toHaveLength(1)
})

test('a path parameter that is missing, empty or a step to another path is a Fault, and so is an address that is none; nothing is sent', async () => {
  const server = await serving(ok)
  await expect(server.api().cartItems.get({ id: 'itm_1' })).rejects.toThrow('cartItems.get needs "cartId"')
  await expect(server.api().cartItems.list({ cartId: '' })).rejects.toThrow('cartItems.list needs "cartId"')
  for (const id of ['.', '..']) await expect(server.api().orders.get({ id })).rejects.toThrow('orders.get needs "id"')
  for (const url of ['localhost:3000', 'ftp://example.com', 'http://', 'http://example.com/?a=1', '//example.com'])
    expect(() => client([users], { url })).toThrow('is not a valid base URL')
  expect(() => client([users], { url: '/api' })).not.toThrow()
  expect(server.seen).toEqual([])
})

test('operations of other services, routes and hidden fields are in no table, and names that clash are refused', () => {
  const table = JSON.stringify(tableOf([users, orders]))
  expect(table).not.toMatch(/revocations|passwordHash|stockTaken|confirmationPage|text\/html/)
  expect(tableOf([users])).toMatchObject({
    users: { get: 'GET /v2/users/{id}', create: 'POST /v2/users key' },
    login: 'POST /v2/auth/login own begins',
    refresh: 'POST /v2/auth/refresh own refreshes',
    logout: 'POST /v2/auth/logout own ends',
    verifyEmail: 'PUT /v2/auth/email-verifications/{token} own',
    keys: 'GET /.well-known/jwks.json',
  })
  expect(() => tableOf([users, users])).toThrow('A client has one "users"')
})

test('operations of the contract’s own take params, query and body', async () => {
  const Note = resource('note', { id: 'nte', fields: { text: t.text() }, access: { list: 'public' } })
  const notes = service('notes', {
    resources: { notes: Note },
    operations: {
      confirm: operation({ method: 'PUT', path: '/confirmations/{token}', access: 'public' }),
      report: operation({
        method: 'GET',
        path: '/note-reports',
        access: 'public',
        query: { from: t.time(), words: t.list(t.text()).optional() },
        answer: { count: t.integer() },
      }),
    },
  })
  const server = await answering((response) => response.writeHead(204).end())
  const api = client(notes, { url: server.url })
  await api.confirm({ params: { token: 'tok_1' } })
  await api.report({ query: { from: new Date(0), words: ['a', 'b'] } })
  expect(server.seen.map(({ url }) => url)).toEqual([
    '/v1/confirmations/tok_1',
    '/v1/note-reports?from=1970-01-01T00%3A00%3A00.000Z&words=a&words=b',
  ])
})
