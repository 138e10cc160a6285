import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { connect } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { testAuthority } from '../../test/certificates.ts'
import { serviceCaller } from '../auth/caller.ts'
import { textOf } from '../call/call.ts'
import { CalledContext, OwnContext } from '../call/context.ts'
import { createProofs } from '../call/proof.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { service } from '../contract/service.ts'
import { createHttpServer } from '../http/server.ts'
import { arrivals } from './arrivals.ts'
import { createDoor } from './door.ts'
import { CALL_TRANSPORTS, openFarService } from './far-service.ts'
import { createGrpcDoor } from './grpc/grpc-door.ts'
import { createGrpcServer } from './grpc/grpc-server.ts'

const things = service('things', {
  operations: {
    read: operation({ method: 'GET', path: '/things', access: 'service', answer: { text: t.text() } }),
  },
})
const proofs = createProofs(['k'.repeat(32)])
const log = { debug() {}, info() {}, warn() {}, error() {} }

const authority = await testAuthority()
const ca = await readFile(authority.ca, 'utf8')
async function identity(...names: string[]) {
  const { cert, key } = await authority.issue(...names)
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
}
const localhost = await identity('DNS:localhost')

/** A door with TLS, for HTTP and gRPC, as a process of a service has it. */
async function secureDoor(plainToo = false) {
  const port = vi.fn(async () => ({ status: 200, headers: {}, body: '{"text":"here"}' }))
  const rejected = vi.fn()
  const security = { done() {}, rejected, repeated: rejected }
  const behind = {
    name: 'things',
    contract: things,
    port,
    health: async () => ({ status: 'healthy', checks: {} }) as const,
  }
  const door = createDoor({ system: 'shop', services: [behind], proofs, log, security })
  const grpcDoor = createGrpcDoor({
    services: [{ behind, files: [] }],
    readArrival: arrivals('shop', [behind], proofs),
    openReflection: false,
    log,
    security,
  })
  const grpc = createGrpcServer(grpcDoor.handle, { log })
  const server = createHttpServer(door.handle, { tls: localhost, plainToo, http2: grpc.take, upgrade: door.upgrade })
  const { port: at } = await server.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => void (await Promise.all([grpc.close({ timeoutMs: 0 }), server.close({ timeoutMs: 0 })])))
  return { at, port, rejected, server }
}

async function far(url: string, transport: (typeof CALL_TRANSPORTS)[number]) {
  const opened = await openFarService(things, { system: 'shop', urls: [new URL(url)], proofs, log, transport })
  onTestFinished(() => opened.close())
  const call = {
    operation: 'things.read',
    method: 'GET',
    version: 1,
    params: [],
    query: [],
    path: '/v1/things',
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: new CalledContext(new OwnContext(), { caller: serviceCaller('things') }),
  }
  return { greet: opened.greet, call: () => opened.as(serviceCaller('things'))(call) }
}

test('HTTP and gRPC are served at one port over TLS, told apart as they are without it', async () => {
  const { at } = await secureDoor()
  const answered = new Promise((resolve, reject) =>
    request({ host: 'localhost', port: at, path: '/health', ca }, (res) => resolve(res.resume().statusCode))
      .on('error', reject)
      .end(),
  )
  expect(await answered).toBe(200)
  const session = connectHttp2(`https://localhost:${at}`, { ca })
  onTestFinished(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
  })
  const headers = once(stream, 'response')
  stream.end(Buffer.alloc(5))
  expect((await headers)[0]).toMatchObject({ ':status': 200 })
  expect((session.socket as TLSSocket).alpnProtocol).toBe('h2')
})

test.each([true, false])(
  'R-OPS-2: a call over HTTP/2 and TLS outlives the end of the port (plain too: %s)',
  async (plainToo) => {
    const { at, server } = await secureDoor(plainToo)
    const session = connectHttp2(`https://localhost:${at}`, { ca })
    onTestFinished(() => session.destroy())
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
    })
    await new Promise((resolve) => session.once('connect', () => session.ping(resolve)))
    void server.close({ timeoutMs: 10_000 })
    const headers = once(stream, 'response')
    stream.end(Buffer.alloc(5))
    expect((await headers)[0]).toMatchObject({ ':status': 200 })
  },
)

test.each(CALL_TRANSPORTS)(
  'R-GW-2: over %s a door of an authority that is not trusted is sent no proof, and stops the start',
  async (transport) => {
    const { at, port, rejected } = await secureDoor()
    const { greet, call } = await far(`https://localhost:${at}`, transport)
    await expect(greet()).rejects.toMatchObject({
      code: 'WRONG_SERVICE',
      message: expect.stringMatching(/^https:\/\/localhost:\d+ has a certificate that is not accepted \(/),
    })
    await expect(call()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', stage: 'unsent' })
    expect([port, rejected].map((one) => one.mock.calls)).toEqual([[], []])
  },
)

test('a URL without TLS of a door with TLS stops the start, and says so', async () => {
  const { at } = await secureDoor()
  const { greet } = await far(`http://localhost:${at}`, 'http')
  await expect(greet()).rejects.toMatchObject({
    code: 'WRONG_SERVICE',
    message: `http://localhost:${at} speaks TLS: its URL has to begin with https://`,
  })
})

test.each(CALL_TRANSPORTS)('over %s a door may take both, with TLS and without, at one port', async (transport) => {
  const { at, port } = await secureDoor(true)
  const plain = await far(`http://localhost:${at}`, transport)
  await plain.greet()
  expect(textOf(await plain.call())).toBe('{"text":"here"}')
  const session = connectHttp2(`https://localhost:${at}`, { ca })
  onTestFinished(() => session.destroy())
  await once(session, 'connect')
  expect((session.socket as TLSSocket).alpnProtocol).toBe('h2')
  const secure = connectTls({ host: 'localhost', port: at, ca })
  secure.write('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  expect(String((await once(secure, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/)
  expect(port).toHaveBeenCalledTimes(1)
})

test('connections from now on are shown the renewed certificate; those that are open stay', async () => {
  const { at, server } = await secureDoor()
  const shown = async (options: ConnectionOptions = {}) => {
    const socket = connectTls({ host: 'localhost', port: at, ca, ...options })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    return { socket, names: socket.getPeerCertificate().subjectaltname }
  }
  const before = await shown()
  server.renew(await identity('DNS:localhost', 'DNS:renewed'))
  expect([before.names, (await shown()).names]).toEqual(['DNS:localhost', 'DNS:localhost, DNS:renewed'])
  before.socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(String((await once(before.socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/)
})

test.each([
  { takes: 'TLS alone', plainToo: false },
  { takes: 'both', plainToo: true },
])(
  'R-OPS-2: a connection that never finishes its handshake keeps no door from ending that takes $takes',
  async ({ plainToo }) => {
    const { at, server } = await secureDoor(plainToo)
    const silent = connect(at, '127.0.0.1')
    await once(silent, 'connect')
    // It is known to the server when another one after it is.
    const other = connectTls({ host: 'localhost', port: at, ca })
    await once(other, 'secureConnect')
    const gone = once(silent, 'close')
    await server.close({ timeoutMs: 20_000 })
    await gone
  },
)
