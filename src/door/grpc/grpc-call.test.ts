import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ANONYMOUS } from '../../auth/caller.ts'
import { type Call, type Context, type Port, textOf } from '../../call/call.ts'
import { CalledContext, OwnContext } from '../../call/context.ts'
import { guard } from '../../call/guard.ts'
import { createProofs } from '../../call/proof.ts'
import { t } from '../../contract/fields.ts'
import { operation } from '../../contract/operation.ts'
import { service } from '../../contract/service.ts'
import { createHttpServer } from '../../http/server.ts'
import { Deadline } from '../../resilience/deadline.ts'
import { arrivals } from '../arrivals.ts'
import { openFarService } from '../far-service.ts'
import { createGrpcDoor } from './grpc-door.ts'
import { createGrpcServer } from './grpc-server.ts'

const pings = service('pings', {
  operations: {
    ping: operation({ method: 'PUT', path: '/pings', access: 'public', body: {}, answer: { text: t.text() } }),
    read: operation({ method: 'GET', path: '/pings', access: 'public', answer: { text: t.text() } }),
  },
})
const proofs = createProofs(['k'.repeat(32)])
const log = { debug() {}, info() {}, warn() {}, error() {} }
const quiet = { done() {}, rejected() {}, repeated() {} }

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A door of the service, at a port. */
async function serve(port: Port, at = 0) {
  const behind = {
    name: 'pings',
    contract: pings,
    port,
    health: async () => ({ status: 'healthy', checks: {} }) as const,
  }
  const door = createGrpcDoor({
    services: [{ behind, files: [] }],
    readArrival: arrivals('shop', [behind], proofs),
    openReflection: false,
    log,
    security: quiet,
  })
  const grpc = createGrpcServer(door.handle, { log })
  const http = createHttpServer((_, res) => void res.end(), { http2: grpc.take })
  const { port: bound } = await http.listen({ host: '127.0.0.1', port: at })
  const close = async (timeoutMs = 5_000) => {
    const [cut] = await Promise.all([grpc.close({ timeoutMs }), http.close({ timeoutMs })])
    return cut
  }
  closing.push(() => close(0))
  return { url: new URL(`http://127.0.0.1:${bound}`), port: bound, close }
}

async function far(...urls: URL[]) {
  const opened = await openFarService(pings, { system: 'shop', urls, proofs, log, transport: 'grpc' })
  closing.push(opened.close)
  return Object.assign((call: Call) => opened.port(call), { replicas: opened.replicas })
}

function callOf(name: 'ping' | 'read', context: Partial<Context> & { timeoutMs?: number } = {}): Call {
  const { timeoutMs = 5_000, signal } = context
  return {
    operation: `pings.${name}`,
    method: name === 'ping' ? 'PUT' : 'GET',
    version: 1,
    params: [],
    query: [],
    path: '/v1/pings',
    body: name === 'ping' ? Buffer.from('{}') : undefined,
    contentType: name === 'ping' ? 'application/json' : undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: new CalledContext(new OwnContext(signal), { caller: ANONYMOUS, deadline: Deadline.after(timeoutMs) }),
  }
}

const WAIT = { timeout: 20_000 }
const answer = (text: string) => ({ status: 200, headers: {}, body: JSON.stringify({ text }) })

test('R-CALL-2: an answer of 16 MiB arrives whole', async () => {
  const text = 'x'.repeat(16 * 1024 * 1024)
  const { url } = await serve(async () => answer(text))
  const reply = await (await far(url))(callOf('read', { timeoutMs: 20_000 }))
  expect(textOf(reply)!.length).toBe(text.length + '{"text":""}'.length)
})

test('an answer beyond 64 MiB is a failure, and nothing of it is kept', { timeout: 60_000 }, async () => {
  const { url } = await serve(async () => answer('x'.repeat(65 * 1024 * 1024)))
  const asked = (await far(url))(callOf('read', { timeoutMs: 60_000 }))
  await expect(asked).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', stage: 'lost' })
})

test('a replica that is not there costs nothing: the call goes to the next', async () => {
  const gone = await serve(async () => answer('never'))
  await gone.close()
  const { url } = await serve(async () => answer('here'))
  const port = await far(gone.url, url)
  for (let i = 0; i < 4; i++) expect(textOf(await port(callOf('ping')))).toBe('{"text":"here"}')
})

test('nothing at all there is SERVICE_UNAVAILABLE, and was not sent', async () => {
  const gone = await serve(async () => answer('never'))
  await gone.close()
  await expect((await far(gone.url))(callOf('ping'))).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    stage: 'unsent',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

test('something that speaks no HTTP/2 is SERVICE_UNAVAILABLE', async () => {
  const other: Server = createServer(
    (socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  )
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  closing.push(() => other.close())
  const port = await far(new URL(`http://127.0.0.1:${(other.address() as AddressInfo).port}`))
  await expect(port(callOf('ping'))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})

test('R-P-7: the deadline goes along, and ends the work there', async () => {
  let left = 0
  const ended = new Promise<unknown>((resolve) => {
    void serve(({ context: { deadline, signal } }) => {
      left = deadline.remainingMs()
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          resolve(signal.reason)
          reject(signal.reason)
        }),
      )
    }).then(async ({ url }) => {
      const asked = (await far(url))(callOf('ping', { timeoutMs: 200 }))
      await expect(asked).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT', status: 504 })
    })
  })
  await ended
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(200)
})

test('R-P-7: who leaves ends a read there', async () => {
  const leaving = new AbortController()
  const ended = new Promise<void>((resolve) => {
    void serve(({ context: { signal } }) => {
      leaving.abort()
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          resolve()
          reject(signal.reason)
        }),
      )
    }).then(async ({ url }) => {
      await expect((await far(url))(callOf('read', { signal: leaving.signal }))).rejects.toThrow()
    })
  })
  await ended
})

test('a replica that is killed loses what it was doing, and is used again when it is back', async () => {
  let arrived = () => {}
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const first = await serve(() => {
    arrived()
    return new Promise(() => {})
  })
  const port = await far(first.url)
  const lost = port(callOf('ping'))
  lost.catch(() => {})
  await arrival
  await first.close(100)
  await expect(lost).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', stage: 'lost' })
  await serve(async () => answer('back'), first.port)
  await expect.poll(() => port(callOf('read')).then(textOf, () => '')).toBe('{"text":"back"}')
})

test('R-OPS-2: replicas that drain and come back, one after the other, fail no call', { timeout: 60_000 }, async () => {
  const work: Port = async () => {
    await new Promise(setImmediate)
    return answer('done')
  }
  const doors = [await serve(work), await serve(work)]
  const called = await far(...doors.map(({ url }) => url))
  // As services call each other: what was not sent is tried again.
  const port = guard(called, { timeoutMs: 10_000 })
  let running = true
  let calls = 0
  const client = async () => {
    while (running) {
      // A replica that was away is tried with what may be repeated.
      await port(callOf(calls % 2 === 0 ? 'ping' : 'read'))
      calls++
    }
  }
  const clients = Array.from({ length: 20 }, client)
  const failed = Promise.all(clients).then(
    () => undefined,
    (error) => error,
  )
  for (let round = 0; round < 3; round++)
    for (const [i, door] of doors.entries()) {
      const before = calls
      expect(await door.close()).toBe(0)
      doors[i] = await serve(work, door.port)
      await expect.poll(() => calls, WAIT).toBeGreaterThan(before + 40)
      // As a rolling restart waits for readiness: the next one goes when this one takes calls again, which is known by calls.
      await expect.poll(() => called.replicas().every(({ breaker }) => breaker === 'closed'), WAIT).toBe(true)
    }
  running = false
  expect(await failed).toBeUndefined()
})

test('a peer that vanishes without a word does not keep later calls waiting', { timeout: 20_000 }, async () => {
  const { port: behind } = await serve(async () => answer('here'))
  // Between the two: a relay that swallows everything from when it is told to.
  let swallows = false
  const relays: Socket[] = []
  const { connect } = await import('node:net')
  const relay = createServer((socket) => {
    const on = connect(behind, '127.0.0.1')
    relays.push(socket, on)
    const dead = swallows
    socket.on('error', () => {}).on('data', (chunk) => (swallows && !dead ? undefined : on.write(chunk)))
    on.on('error', () => {}).on('data', (chunk) => socket.write(chunk))
    socket.on('close', () => on.destroy())
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  closing.push(() => {
    for (const one of relays) one.destroy()
    relay.close()
  })
  const port = await far(new URL(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`))
  await port(callOf('read'))
  swallows = true
  const silent = port(callOf('read', { timeoutMs: 200, signal: AbortSignal.timeout(200) }))
  await expect(silent).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
  // The connection is found dead by a ping, and the next call has a new one.
  await expect
    .poll(() => port(callOf('read', { signal: AbortSignal.timeout(500) })).then(textOf, () => ''), { timeout: 5_000 })
    .toBe('{"text":"here"}')
})
