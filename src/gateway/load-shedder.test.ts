import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { send } from '../../test/wire.ts'
import type { Call, Reply } from '../call/call.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { service } from '../contract/service.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { memoryBuckets } from '../limits/buckets.ts'
import { createGateway, type Gateway } from './gateway.ts'

const works = service('works', {
  operations: {
    work: operation({ method: 'PUT', path: '/works', access: 'public', answer: { done: t.boolean() } }),
    other: operation({ method: 'PUT', path: '/others', access: 'public', answer: { done: t.boolean() } }),
    hang: operation({ method: 'PUT', path: '/hangs', access: 'public', answer: { done: t.boolean() }, timeoutMs: 50 }),
    keys: operation({ method: 'GET', path: '/.well-known/keys', access: 'public', answer: { done: t.boolean() } }),
  },
})

let gateway: Gateway
let server: HttpServer
let url: string
/** Ends the calls that are under way. */
let held: ((reply: Reply) => void)[]
let warnings: object[]
let filling: Promise<{ status: number }>[]

beforeEach(async () => {
  held = []
  warnings = []
  filling = []
  const port = ({ operation }: Call) =>
    operation === 'works.work' || operation === 'works.hang'
      ? new Promise<Reply>((resolve) => held.push(resolve))
      : Promise.resolve(DONE)
  gateway = createGateway({
    services: [
      { contract: works, upstream: { name: 'works', port, health: async () => ({ status: 'healthy', checks: {} }) } },
    ],
    verifier: undefined,
    version: '1.0.0',
    limits: { buckets: memoryBuckets({ now: () => 1 }), maxRequests: 1_000 },
    metrics: async () => ({ contentType: 'text/plain', body: 'all' }),
    log: { debug() {}, info() {}, error() {}, warn: (about) => warnings.push(about) },
  })
  server = createHttpServer(gateway.handle)
  url = `http://127.0.0.1:${(await server.listen({ host: '127.0.0.1', port: 0 })).port}`
})

afterEach(async () => {
  for (const end of held) end(DONE)
  await Promise.all(filling)
  await server.close({ timeoutMs: 0 })
})

const DONE: Reply = { status: 200, headers: {}, body: '{"done":true}' }
const put = (path: string) => send(url, 'PUT', path)

/** As many as may be in flight of one operation. */
async function fill(): Promise<void> {
  filling = Array.from({ length: 300 }, () => put('/works'))
  await expect.poll(() => held.length, { timeout: 15_000 }).toBe(300)
}

test('R-OPS-5: 300 requests at once are served, and the next is rejected at once, with Retry-After', async () => {
  await fill()
  const { status, headers, body } = await put('/works')
  expect(status).toBe(503)
  expect(body).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE', message: 'The server is overloaded' } })
  expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  expect(held).toHaveLength(300)
  for (const end of held) end(DONE)
  for (const { status } of await Promise.all(filling)) expect(status).toBe(200)
  const next = put('/works')
  await expect.poll(() => held.length).toBe(301)
  held.at(-1)!(DONE)
  expect((await next).status).toBe(200)
})

test('R-OPS-5: it concerns no other operation, nor keys, health and metrics; health is degraded, and the log says so once', async () => {
  expect((await send(url, 'GET', '/health')).body).toMatchObject({ status: 'healthy' })
  await fill()
  for (let i = 0; i < 5; i++) expect((await put('/works')).status).toBe(503)
  expect((await put('/others')).status).toBe(200)
  expect((await send(url, 'GET', '/.well-known/keys')).status).toBe(200)
  expect((await send(url, 'GET', '/metrics')).status).toBe(200)
  // What health has found is kept for a second.
  await expect
    .poll(async () => (await send(url, 'GET', '/health')).body, { timeout: 5_000 })
    .toMatchObject({ status: 'degraded', checks: { load: { status: 'up', message: expect.stringContaining('503') } } })
  expect(warnings).toEqual([{ operation: 'works.work', limit: 300, rejected: 1 }])
  const limit = gateway.inFlightLimits().get('works.work')!
  expect(limit).toMatchObject({ inFlight: 300, limit: 300, rejected: 5 })
})

test('R-OPS-5: a rejected request costs no token, and its body is not read', async () => {
  await fill()
  const left = async () => Number((await put('/others')).headers['x-ratelimit-remaining'])
  const before = await left()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('PUT /works HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n')
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 503 /)
  socket.destroy()
  expect((await put('/works')).headers).not.toHaveProperty('x-ratelimit-remaining')
  expect(await left()).toBe(before - 1)
})

test('R-OPS-5: a client that sends slowly takes no place from others before its request is complete', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('PUT /works HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n')
  socket.write('Expect: 100-continue\r\n\r\n')
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 100 /)
  expect(gateway.inFlightLimits().get('works.work')).toBeUndefined()
  socket.write('{}')
  await expect.poll(() => gateway.inFlightLimits().get('works.work')?.inFlight).toBe(1)
  socket.destroy()
})

test('R-OPS-5: a client that leaves gives its place back', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('PUT /works HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(() => held.length).toBe(1)
  socket.destroy()
  held[0]!(DONE)
  await expect.poll(() => gateway.inFlightLimits().get('works.work')!.inFlight).toBe(0)
})

test('R-OPS-5: a request that is late because its client gave it less time says nothing of the load', async () => {
  const late = (headers: Record<string, string>) => send(url, 'PUT', '/hangs', { headers })
  expect((await late({ 'lintel-timeout-ms': '1' })).status).toBe(504)
  const limit = gateway.inFlightLimits().get('works.hang')!
  const left: (number | undefined)[] = []
  const { leave } = limit
  limit.leave = (place, tookMs, nowMs) => {
    left.push(tookMs)
    leave(place, tookMs, nowMs)
  }
  expect((await late({ 'lintel-timeout-ms': '1' })).status).toBe(504)
  expect((await late({ 'lintel-timeout-ms': '99999' })).status).toBe(504)
  expect(left).toEqual([undefined, expect.any(Number)])
})
