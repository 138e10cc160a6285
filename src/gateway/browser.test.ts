import { connect } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import type { Reply, ServicePort } from '../call/call.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { memoryBuckets } from '../limits/buckets.ts'
import { createGateway, type GatewayOptions } from './gateway.ts'

const notes = service('notes', {
  resources: {
    notes: resource('note', {
      id: 'nte',
      fields: { title: t.text() },
      access: { list: 'public', get: 'public', create: 'public' },
    }),
  },
  operations: {
    login: operation({
      method: 'POST',
      path: '/auth/login',
      status: 200,
      access: 'public',
      credentials: 'own',
      secret: true,
      answer: { accessToken: t.text() },
    }),
  },
})

const APP = 'https://app.example.com'
const LONG = JSON.stringify({ data: 'é'.repeat(2_000) })
let given: Reply
let server: HttpServer | undefined
let port: number
afterEach(() => server?.close({ timeoutMs: 0 }))

async function start(options: Partial<GatewayOptions> = {}): Promise<void> {
  given = { status: 200, headers: {}, body: '{"ok":true}' }
  const upstream: ServicePort = {
    name: 'notes',
    port: async () => given,
    health: async () => ({ status: 'healthy', checks: {} }),
  }
  const gateway = createGateway({
    services: [{ contract: notes, upstream }],
    verifier: undefined,
    version: '1.0.0',
    log: { debug() {}, info() {}, warn() {}, error() {} },
    ...options,
  })
  server = createHttpServer(gateway.handle)
  port = (await server.listen({ host: '127.0.0.1', port: 0 })).port
}

/** Over a bare socket: nothing is added, unpacked or hidden. */
function ask(target: string, given: Record<string, string> = {}) {
  const lines = Object.entries({ host: 'x', connection: 'close', ...given }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return new Promise<{ status: number; head: string; headers: Record<string, string>; body: Buffer }>(
    (resolve, reject) => {
      const chunks: Buffer[] = []
      const socket = connect(port, '127.0.0.1', () => socket.write(`${target} HTTP/1.1\r\n${lines.join('')}\r\n`))
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.on('error', reject)
      socket.on('end', () => {
        const all = Buffer.concat(chunks)
        const end = all.indexOf('\r\n\r\n')
        const head = all.subarray(0, end).toString('latin1')
        const [line = '', ...fields] = head.split('\r\n')
        const headers = Object.fromEntries(fields.map((field) => field.split(/: (.*)/s).slice(0, 2)))
        resolve({ status: Number(line.split(' ')[1]), head, headers, body: all.subarray(end + 4) })
      })
    },
  )
}

const SECURITY = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
}

test('R-GW-5: every answer has the security headers, refusals too', async () => {
  await start()
  for (const target of ['GET /notes', 'GET /nothing', 'GET /health', 'DELETE /notes', 'OPTIONS /notes', 'GET //']) {
    const { headers } = await ask(target)
    expect(headers).toMatchObject(SECURITY)
    expect(headers).not.toHaveProperty('strict-transport-security')
  }
  expect((await ask('NO HTTP')).headers).toMatchObject(SECURITY)
})

test('R-GW-5: in production browsers are told to come by HTTPS only', async () => {
  await start({ strictTransport: true })
  expect((await ask('GET /notes')).headers['strict-transport-security']).toBe('max-age=31536000')
})

test('R-GW-5: a document’s own security policy goes before the usual one', async () => {
  const headers = { 'content-security-policy': "default-src 'self'" }
  await start({ documents: () => ({ contentType: 'text/html', body: '<p>', headers }) })
  const answer = await ask('GET /docs')
  expect(answer.head.match(/content-security-policy/g)).toHaveLength(1)
  expect(answer.headers).toMatchObject({ ...SECURITY, ...headers })
})

test('R-GW-5: without a setting no origin is let in', async () => {
  await start()
  const { headers } = await ask('GET /notes', { origin: APP })
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  const preflight = await ask('OPTIONS /notes', { origin: APP, 'access-control-request-method': 'POST' })
  expect(preflight.status).toBe(204)
  expect(preflight.head).not.toContain('access-control')
})

test('R-GW-5: an origin that is named may read every answer, and others none', async () => {
  await start({ cors: [APP, 'http://localhost:5173'] })
  for (const target of ['GET /notes', 'GET /nothing', 'GET /health', 'DELETE /notes']) {
    const { headers } = await ask(target, { origin: APP })
    expect([target, headers['access-control-allow-origin']]).toEqual([target, APP])
    expect(headers['access-control-expose-headers']).toMatch(/ETag.*Link, Location.*Retry-After.*X-RateLimit-Remaining/)
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
    expect(headers.vary).toMatch(/(^|, )origin$/)
    const stranger = await ask(target, { origin: 'https://app.example.com.evil.test' })
    expect(stranger.head).not.toContain('access-control')
    expect(stranger.headers.vary).toMatch(/(^|, )origin$/)
  }
  expect((await ask('GET /notes')).headers.vary).toBe('accept, origin')
})

test('R-GW-5: a preflight is told what the place offers, and is kept', async () => {
  await start({ cors: [APP] })
  const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
  const { status, headers } = await ask('OPTIONS /notes', { origin: APP, ...asked })
  expect(status).toBe(204)
  expect(headers).toMatchObject({
    'access-control-allow-origin': APP,
    'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
    'access-control-allow-headers': expect.stringMatching(/Authorization.*Content-Type.*Idempotency-Key.*If-Match/),
    'access-control-max-age': '7200',
    vary: 'origin',
  })
  expect((await ask('OPTIONS /notes', { origin: 'null', ...asked })).head).not.toContain('access-control')
})

test.each([
  ['a path that is not there', '/nothing', 'GET', 'GET', 404],
  ['a method that is not there', '/notes', 'DELETE', 'DELETE', 405],
  ['a method that nobody offers', '/notes', 'PURGE', 'PURGE', 405],
  ['a version that is not there', '/v9/notes', 'GET', 'GET', 400],
  ['a path that is refused', '/notes/%2e%2e', 'PUT', 'PUT', 400],
  ['a query that is refused', '/notes?a=%ff', 'GET', 'GET', 400],
  ['a page of the gateway that takes no writes', '/health', 'POST', 'POST', 405],
])(
  'FC-17: a preflight lets %s through, so that the page can read what is wrong',
  async (_, path, method, named, status) => {
    await start({ cors: [APP], limits: { maxRequests: 100, buckets: memoryBuckets() } })
    const preflight = await ask(`OPTIONS ${path}`, { origin: APP, 'access-control-request-method': method })
    expect(preflight.status).toBe(204)
    expect(preflight.headers['access-control-allow-origin']).toBe(APP)
    expect(preflight.headers['access-control-allow-methods']!.split(', ')).toContain(named)
    const refused = await ask(`${method} ${path}`, { origin: APP })
    expect(refused.status).toBe(status)
    expect(refused.headers['access-control-allow-origin']).toBe(APP)
    // Of a stranger, and without a method, it is a request like any other.
    if (status !== 405) {
      const stranger = await ask(`OPTIONS ${path}`, {
        origin: 'https://evil.test',
        'access-control-request-method': 'GET',
      })
      expect(stranger.status).toBe(status)
      expect((await ask(`OPTIONS ${path}`, { origin: APP })).status).toBe(status)
    }
  },
)

test('FC-17: a preflight over the limit is counted and let through, and the request behind it is a 429 that can be read', async () => {
  await start({ cors: [APP], limits: { maxRequests: 2, buckets: memoryBuckets() } })
  const asked = { origin: APP, 'access-control-request-method': 'GET' }
  expect((await ask('OPTIONS /notes', asked)).headers['x-ratelimit-remaining']).toBe('1')
  expect((await ask('OPTIONS /nothing', asked)).headers['x-ratelimit-remaining']).toBe('0')
  expect((await ask('OPTIONS /notes', asked)).status).toBe(204)
  expect((await ask('OPTIONS /notes')).status).toBe(429)
  const { status, headers } = await ask('GET /notes', { origin: APP })
  expect([status, headers['access-control-allow-origin']]).toEqual([429, APP])
  expect(headers['retry-after']).toBeDefined()
})

test('FC-18, R-GW-5: a page may send what tracing, caching and old libraries add, and what is named besides', async () => {
  await start({ cors: [APP], corsHeaders: ['X-Tenant', 'x-request-id', 'X-Total-Count'] })
  const asked = { 'access-control-request-method': 'POST' }
  const { headers } = await ask('OPTIONS /notes', { origin: APP, ...asked })
  const allowed = headers['access-control-allow-headers']!.toLowerCase().split(', ')
  expect(allowed).toEqual(
    expect.arrayContaining(
      'cache-control traceparent tracestate x-requested-with idempotency-key if-match if-none-match authorization content-type x-request-id x-tenant'.split(
        ' ',
      ),
    ),
  )
  expect(new Set(allowed).size).toBe(allowed.length)
  expect((await ask('GET /notes', { origin: APP })).headers['access-control-expose-headers']).toMatch(
    /ETag.*X-Request-Id, X-Tenant, X-Total-Count$/,
  )
})

test('R-GW-5: with * any origin is let in, and answers don’t vary by it', async () => {
  await start({ cors: '*' })
  const { headers } = await ask('GET /notes', { origin: 'null' })
  expect(headers).toMatchObject({ 'access-control-allow-origin': '*', vary: 'accept' })
  expect((await ask('GET /notes')).head).not.toContain('access-control')
})

test('a page of another origin can read that it is over the limit', async () => {
  await start({ cors: [APP], limits: { maxRequests: 1, buckets: memoryBuckets() } })
  await ask('GET /notes')
  const refused = await ask('GET /notes', { origin: APP })
  expect(refused.status).toBe(429)
  expect(refused.headers['access-control-allow-origin']).toBe(APP)
})

test('R-GW-5: an answer of some length is compressed as the caller likes it', async () => {
  await start()
  given = { ...given, body: LONG }
  const unpack = { gzip: gunzipSync, br: brotliDecompressSync }
  for (const [accept, coding] of [
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'gzip'],
    ['gzip;q=0.5, br', 'br'],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'br'],
    ['BR', 'br'],
  ] as const) {
    const { headers, body } = await ask('GET /notes', { 'accept-encoding': accept })
    expect([accept, headers['content-encoding']]).toEqual([accept, coding])
    expect(headers).toMatchObject({ 'content-length': String(body.length), vary: 'accept, accept-encoding' })
    expect(unpack[coding](body).toString()).toBe(LONG)
    expect(body.length).toBeLessThan(200)
  }
  const head = await ask('HEAD /notes', { 'accept-encoding': 'gzip' })
  expect(head.headers['content-encoding']).toBe('gzip')
  expect(Number(head.headers['content-length'])).toBeLessThan(200)
  expect(head.body.length).toBe(0)
})

test('R-GW-5: who does not ask for it gets it as it is, and caches hear that it differs', async () => {
  await start()
  given = { ...given, body: LONG }
  for (const accept of [undefined, 'identity', 'deflate', 'gzip;q=0', '']) {
    const { headers, body } = await ask('GET /notes', accept === undefined ? {} : { 'accept-encoding': accept })
    expect(headers).not.toHaveProperty('content-encoding')
    expect(headers.vary).toBe('accept, accept-encoding')
    expect(body.toString()).toBe(LONG)
  }
})

test('R-GW-5: short answers, secrets and what has a strong entity tag are not compressed', async () => {
  await start()
  const gzip = { 'accept-encoding': 'gzip' }
  expect((await ask('GET /notes', gzip)).head).not.toMatch(/encoding/)
  given = { ...given, body: LONG }
  expect((await ask('POST /auth/login', gzip)).head).not.toMatch(/encoding/)
  given = { ...given, headers: { etag: '"3"' } }
  const { head, headers } = await ask('GET /notes/x', gzip)
  expect(head).not.toMatch(/encoding/)
  expect(headers.etag).toBe('"3"')
})

test('R-GW-5: documents are compressed, once', async () => {
  let asked = 0
  const document = { contentType: 'application/json', body: LONG }
  await start({
    documents() {
      asked++
      return document
    },
  })
  for (let i = 0; i < 2; i++) {
    const { headers, body } = await ask('GET /openapi.json', { 'accept-encoding': 'gzip, br' })
    expect(headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding', 'cache-control': 'no-cache' })
    expect(brotliDecompressSync(body).toString()).toBe(LONG)
  }
  expect(asked).toBe(2)
})
