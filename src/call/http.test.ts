import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { answering, hangUp, json, problem, type Reply, silence, text } from '../../test/answering.ts'
import { ANONYMOUS } from '../auth/caller.ts'
import { Deadline } from '../resilience/deadline.ts'
import type { Context } from './call.ts'
import { type HttpOptions, http } from './http.ts'
import { portClient } from './port-client.ts'

/** A server that gives one reply after the other, and clients of it. */
async function serving(...replies: Reply[]) {
  const { url, seen, close } = await answering(...replies)
  return {
    seen,
    url,
    close,
    orders: (options?: HttpOptions) => portClient(orders, http(url, options)),
    users: (options?: HttpOptions) => portClient(users, http(url, options)),
  }
}

const ok = json(200, { id: 'prd_1' })

test('R-P-7: a call that is part of a request goes with its id and its trace, and has what is left of its time', async () => {
  const server = await serving(ok, silence)
  const context = (deadline: Deadline): Context => ({
    requestId: 'mine',
    trace: { traceId: '0af7651916cd43dd8448eb211c80319c', flags: '01', state: 'vendor=1' },
    caller: ANONYMOUS,
    deadline,
    signal: new AbortController().signal,
    log: console,
  })
  await portClient(orders, http(server.url), context(Deadline.after(60_000))).products.get({ id: 'prd_1' })
  const { headers } = server.seen[0]!
  expect(headers).toMatchObject({ 'x-request-id': 'mine', tracestate: 'vendor=1' })
  expect(headers.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!0{16})[0-9a-f]{16}-01$/)
  // The client's own ten seconds are less than the minute of the request.
  expect(headers['lintel-timeout-ms']).toMatch(/^(?:10000|9\d{3})$/)
  const late = portClient(orders, http(server.url), context(Deadline.after(50))).products.get({ id: 'prd_1' })
  await expect(late).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
  expect(Number(server.seen[1]!.headers['lintel-timeout-ms'])).toBeLessThanOrEqual(50)
})

test('R-P-7: a call that is part of no request has no header that would cost a page of another origin a preflight', async () => {
  const server = await serving(ok)
  await server.orders({ timeoutMs: 500 }).products.get({ id: 'prd_1' })
  for (const name of ['x-request-id', 'traceparent', 'lintel-timeout-ms'])
    expect(server.seen[0]!.headers).not.toHaveProperty(name)
})

test('a call is one request: version in the path, JSON both ways, the token and the key in headers', async () => {
  const server = await serving(json(201, { id: 'ord_1' }))
  const api = server.orders({ token: 'secret', headers: { 'x-request-id': 'mine' } })
  expect(await api.orders.create({ userId: 'usr_1', body: { cartId: 'crt_1' }, idempotencyKey: 'once' })).toEqual({
    id: 'ord_1',
  })
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

test('the version is the contract’s newest (R-VER-1), but well-known addresses have none', async () => {
  const server = await serving(json(200, { keys: [] }))
  await server.users().users.get({ id: 'me', query: { fields: ['name'] } })
  await server.users().keys()
  expect(server.seen.map(({ url }) => url)).toEqual(['/v2/users/me?fields=name', '/.well-known/jwks.json'])
})

test('path and query are encoded', async () => {
  const server = await serving(json(200, { data: [], pagination: { nextCursor: null } }))
  await server.orders().products.list({ query: { q: 'a&b=c d+é' } })
  await server.orders().products.get({ id: '../users?x' })
  expect(new URL(server.seen[0]!.url, server.url).searchParams.get('q')).toBe('a&b=c d+é')
  expect(server.seen[1]!.url).toBe('/v1/products/..%2Fusers%3Fx')
})

test('a read has no body, a change names the version that it means, a delete answers nothing', async () => {
  const server = await serving((response) => response.writeHead(204).end())
  await server.orders().products.delete({ id: 'prd_1', ifMatch: 4 })
  expect(server.seen[0]).toMatchObject({ method: 'DELETE', body: '' })
  expect(server.seen[0]!.headers).toMatchObject({ 'if-match': '"4"' })
  expect(server.seen[0]!.headers).not.toHaveProperty('content-type')
  expect(server.seen[0]!.headers).not.toHaveProperty('authorization')
})

test('the token is asked for before every attempt', async () => {
  const server = await serving(problem(503, 'SERVICE_UNAVAILABLE', { 'retry-after': '0' }), ok)
  const tokens = ['old', 'new']
  await server.orders({ token: async () => tokens.shift() }).products.get({ id: 'prd_1' })
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new'])
})

test.each([
  ['the network', hangUp],
  ['503 and Retry-After', problem(503, 'SERVICE_UNAVAILABLE', { 'retry-after': '0' })],
  ['429 and Retry-After', problem(429, 'RATE_LIMITED', { 'retry-after': '0' })],
  ['the first request that still runs', problem(409, 'IDEMPOTENCY_IN_PROGRESS', { 'retry-after': '0' })],
])('what may be repeated is, after %s', async (_, reply) => {
  const server = await serving(reply, reply, ok)
  const api = server.orders()
  await api.orders.create({ userId: 'usr_1', body: {}, idempotencyKey: 'once' })
  expect(server.seen).toHaveLength(3)
  expect(new Set(server.seen.map(({ headers, body }) => headers['idempotency-key'] + body))).toEqual(
    new Set(['once{}']),
  )
})

test.each([
  ['a POST without a key', (api: Api) => api.orders.create({ userId: 'usr_1', body: {} })],
  ['a PATCH', (api: Api) => api.products.update({ id: 'prd_1', body: { stock: 1 } })],
  ['FC-79: a PUT', (api: Api) => api.products.replace({ id: 'prd_1', body: {} as never, ifMatch: 1 })],
  ['FC-79: a DELETE', (api: Api) => api.products.delete({ id: 'prd_1', ifMatch: 1 })],
])('%s is sent once, whatever happens to it', async (_, call) => {
  const server = await serving(hangUp, ok)
  await expect(call(server.orders())).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(server.seen).toHaveLength(1)
})
type Api = ReturnType<Awaited<ReturnType<typeof serving>>['orders']>

test('what a repeat cannot better is not repeated', async () => {
  const server = await serving(problem(404, 'NOT_FOUND'))
  await expect(server.orders().products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    status: 404,
    message: 'It is NOT_FOUND',
    requestId: 'r-1',
  })
  expect(server.seen).toHaveLength(1)
})

test('retries are bounded, and the last answer stands', async () => {
  const server = await serving(problem(503, 'SERVICE_UNAVAILABLE', { 'retry-after': '0' }))
  await expect(server.orders({ retries: 1 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({ retryAfterS: 0 })
  expect(server.seen).toHaveLength(2)
})

test('a Retry-After beyond the deadline is not waited for', async () => {
  const server = await serving(problem(429, 'RATE_LIMITED', { 'retry-after': '30' }))
  await expect(server.orders().products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    retryAfterS: 30,
  })
  expect(server.seen).toHaveLength(1)
})

test('FC-79, R-GW-3: a DELETE is sent again where nothing was sent', async () => {
  const server = await serving(ok)
  await server.close()
  let attempts = 0
  const token = () => {
    attempts++
    return undefined
  }
  await expect(server.orders({ token }).products.delete({ id: 'prd_1' })).rejects.toMatchObject({ status: 503 })
  expect(attempts).toBe(3)
})

test('a server that is not there is SERVICE_UNAVAILABLE, and the message says where and why', async () => {
  const server = await serving(ok)
  await server.close()
  await expect(server.orders({ retries: 0 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    status: 503,
    message: expect.stringMatching(/at http:\/\/127\.0\.0\.1:\d+\/v1\/products\/prd_1: connect ECONNREFUSED/),
  })
})

test('an answer that never comes is a GATEWAY_TIMEOUT', async () => {
  const server = await serving(silence)
  await expect(server.orders({ timeoutMs: 50 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'GATEWAY_TIMEOUT',
    status: 504,
    message: 'orders.products.get did not respond within 50 ms',
  })
})

test('nor is one that begins and never ends', async () => {
  const server = await serving((response) => response.writeHead(200).write('{"id":'))
  await expect(server.orders({ timeoutMs: 50 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'GATEWAY_TIMEOUT',
  })
})

test("a caller's signal ends the call with its own reason", async () => {
  const controller = new AbortController()
  const server = await serving(() => controller.abort(new Error('gone')))
  await expect(server.orders().products.get({ id: 'prd_1', signal: controller.signal })).rejects.toThrow('gone')
})

test('what is no JSON is BAD_GATEWAY, or what its status says', async () => {
  const page = await serving(text(200, '<html>'), text(503, '<html>'))
  await expect(page.orders().products.get({ id: 'prd_1' })).rejects.toMatchObject({ code: 'BAD_GATEWAY', status: 502 })
  await expect(page.orders({ retries: 0 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  })
})

test('FC-100: an answer that is larger than the bound, or never ends, is BAD_GATEWAY, and is not asked for again', async () => {
  const endless = await serving((response) => {
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(10_000)));
    }
    response.on('drain', more)
    more()
  })
  await expect(endless.orders({ maxAnswerBytes: 50_000 }).products.get({ id: 'prd_1' })).rejects.toMatchObject({
    code: 'BAD_GATEWAY',
    status: 502,
    message: 'The response of orders.products.get is too large: it is longer than 50000 bytes',
  })
  expect(endless.seen).toHaveLength(1)
})

test('a redirect is not followed: it would turn a POST into a GET', async () => {
  const server = await serving((response) => response.writeHead(301, { location: '/elsewhere' }).end())
  await expect(server.orders().orders.create({ userId: 'usr_1', body: {} })).rejects.toMatchObject({
    message: expect.stringContaining('redirect'),
  })
  expect(server.seen).toHaveLength(1)
})

test('a header that cannot be sent is the caller’s mistake, not the network’s', async () => {
  const server = await serving(ok)
  const call = server.orders().orders.create({ userId: 'usr_1', body: {}, idempotencyKey: 'a\nb' })
  await expect(call).rejects.toBeInstanceOf(TypeError)
  expect(server.seen).toEqual([])
})

test('an address may have a path, and one that is none is refused at once', async () => {
  const server = await serving(ok)
  await portClient(orders, http(`${server.url}/api/`)).products.get({ id: 'prd_1' })
  expect(server.seen[0]!.url).toBe('/api/v1/products/prd_1')
  for (const url of ['localhost:3000', 'ftp://example.com', 'http://', 'http://example.com/?a=1'])
    expect(() => http(url)).toThrow('is not a valid base URL')
  expect(() => http('/api')).not.toThrow()
})
