import { once } from 'node:events'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import grpc, { type ClientUnaryCall, type Metadata, type ServiceError } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer, type ServiceDefinition } from '@grpc/proto-loader'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Problem } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import type { Call, Port } from '../../call/call.ts'
import { asciiJson } from '../../call/call-head.ts'
import { createProofs, digestOf } from '../../call/proof.ts'
import { lockOf, protobuf } from '../../contract/documents/protobuf.ts'
import { t } from '../../contract/fields.ts'
import { operation } from '../../contract/operation.ts'
import { problem } from '../../contract/problem.ts'
import { service } from '../../contract/service.ts'
import { createHttpServer, type HttpServer } from '../../http/server.ts'
import { arrivals } from '../arrivals.ts'
import { createGrpcDoor, type GrpcDoor } from './grpc-door.ts'
import { createGrpcServer, type GrpcServer } from './grpc-server.ts'

const Echo = { text: t.text({ max: 20_000_000 }), price: t.money(), currency: t.currency() }
const echoes = service('echoes', {
  operations: {
    echo: operation({
      method: 'PUT',
      path: '/echoes/{name}',
      access: 'public',
      body: Echo,
      answer: Echo,
      problems: ['TOO_DEAR'],
    }),
    ask: operation({ method: 'GET', path: '/asks', access: 'service', answer: { ok: t.boolean() } }),
  },
  problems: { TOO_DEAR: problem(409, 'Too dear') },
})
const files = [protobuf(echoes, lockOf(echoes))]
const KEY = 'k'.repeat(32)
const proofs = createProofs([KEY])

let port: Port
let health: 'healthy' | 'unhealthy'
let calls: Call[]
let refused: object[]
let server: HttpServer
let grpcServer: GrpcServer
let door: GrpcDoor
let address: string
let client: grpc.Client

const logged: unknown[] = []
const log = {
  debug() {},
  info() {},
  warn: (about: object) => logged.push(about),
  error: (about: object) => logged.push(about),
}

beforeAll(async () => {
  const behind = {
    name: 'echoes',
    contract: echoes,
    port: (call: Call) => {
      calls.push(call)
      return port(call)
    },
    health: async () => ({ status: health, checks: {} }),
  }
  const noted = (security: string, facts: object) => void refused.push({ security, ...facts })
  const security = {
    done: noted,
    rejected: noted,
    repeated: (event: string, _: string, facts: object) => noted(event, facts),
  }
  door = createGrpcDoor({
    services: [{ behind, files }],
    readArrival: arrivals('shop', [behind], proofs),
    openReflection: true,
    log,
    security,
  })
  grpcServer = createGrpcServer(door.handle, { log })
  server = createHttpServer((_, res) => void res.end('over HTTP/1'), { http2: grpcServer.take })
  const at = await server.listen({ host: '127.0.0.1', port: 0 })
  address = `127.0.0.1:${at.port}`
  client = new grpc.Client(address, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 32 * 1024 * 1024,
  })
})
beforeEach(() => {
  port = async ({ body }) => ({
    status: 200,
    headers: { etag: '"3"' },
    body: Buffer.from(body as Uint8Array).toString(),
  })
  health = 'healthy'
  calls = []
  refused = []
})
afterAll(async () => {
  client.close()
  await Promise.all([grpcServer.close({ timeoutMs: 1_000 }), server.close({ timeoutMs: 1_000 })])
})

/** The methods of a service as reflection describes them, with protobufjs' own encoding. */
async function reflected(name: string): Promise<ServiceDefinition> {
  const file = await describe(name)
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }))
  return loadFileDescriptorSetFromBuffer(Buffer.from(set))[name] as ServiceDefinition
}

/** Of the v1 or v1alpha reflection service: `file_containing_symbol`, by hand, as a client begins with nothing. */
async function describe(symbol: string, version = 'v1') {
  const response = await reflect(Buffer.concat([Buffer.from([0x22, symbol.length]), Buffer.from(symbol)]), version)
  // FileDescriptorResponse is field 4, the file field 1 in it.
  const at = response.indexOf(Buffer.from([0x0a]), response.indexOf(Buffer.from(symbol)) + symbol.length)
  const [length, size] = varint(response, at + 1)
  return fromBinary(FileDescriptorProtoSchema, response.subarray(at + 1 + size, at + 1 + size + length))
}

function varint(bytes: Buffer, at: number): [value: number, size: number] {
  let value = 0
  let size = 0
  do value |= (bytes[at + size]! & 0x7f) << (7 * size)
  while (bytes[at + size++]! & 0x80)
  return [value, size]
}

function reflect(request: Buffer, version = 'v1'): Promise<Buffer> {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
  const stream = client.makeBidiStreamRequest(
    path,
    (one: Buffer) => one,
    (one: Buffer) => one,
  )
  stream.write(request)
  stream.end()
  return new Promise((resolve, reject) => stream.once('data', resolve).once('error', reject))
}

interface Answer {
  value: any
  error: ServiceError | undefined
  head: Metadata | undefined
}

interface Asked {
  message?: object
  proof?: (head: string) => string
  head?: object
  deadlineMs?: number
  started?: (call: ClientUnaryCall) => void
}

const HEAD = {
  to: 'shop/echoes',
  from: 'billing',
  requestId: 'r-1',
}

/** What an ordinary client does: its own encoding, and two headers that prove who calls. */
async function call(
  rpc: string,
  { message = {}, proof = proofs.sign, head = {}, deadlineMs = 5_000, started }: Asked = {},
): Promise<Answer> {
  const method = Object.values(await reflected('echoes.v1.EchoesService')).find(({ path }) => path.endsWith(`/${rpc}`))!
  const bytes = method.requestSerialize(message)
  const caller = { kind: 'service', name: 'billing' }
  const operationId = `echoes.${rpc.toLowerCase()}`
  const line = asciiJson({
    ...HEAD,
    atMs: Date.now(),
    digest: digestOf(bytes),
    operation: operationId,
    caller,
    ...head,
  })
  const metadata = new grpc.Metadata()
  metadata.set('lintel-call', line)
  metadata.set('lintel-proof', proof(line))
  return new Promise((resolve) => {
    let seen: Metadata | undefined
    const options = { deadline: Date.now() + deadlineMs }
    const made = client.makeUnaryRequest(
      method.path,
      () => bytes,
      method.responseDeserialize,
      message,
      metadata,
      options,
      (error, value) => resolve({ value, error: error ?? undefined, head: seen }),
    )
    made.on('metadata', (one) => {
      seen = one
    })
    started?.(made)
  })
}

const ECHO = { name: 'a b', body: { text: 'ä', price: '12.50', currency: 'EUR' } }

test('R-CALL-2: a plain gRPC client that knows nothing but reflection calls an operation', async () => {
  const { value, error, head } = await call('Echo', { message: ECHO })
  expect(error).toBeUndefined()
  expect(value).toMatchObject({ text: 'ä', price: '12.5', currency: 'EUR' })
  expect(head!.getMap()).toMatchObject({ etag: '"3"', 'lintel-status': '200', 'x-request-id': 'r-1' })
  const [made] = calls
  expect(made).toMatchObject({
    operation: 'echoes.echo',
    method: 'PUT',
    params: ['a b'],
    path: '/v1/echoes/a%20b',
    version: 1,
  })
  expect(parseJson(Buffer.from(made!.body as Uint8Array).toString())).toEqual({
    text: 'ä',
    price: 12.5,
    currency: 'EUR',
  })
  expect(made!.context.caller).toEqual({ kind: 'service', name: 'billing' })
})

test.each(['v1', 'v1alpha'])('R-CALL-2: reflection %s lists the services and describes each', async (version) => {
  const listed = (await reflect(Buffer.from([0x3a, 0x01, 0x2a]), version)).toString('latin1')
  for (const name of [
    'echoes.v1.EchoesService',
    'grpc.health.v1.Health',
    `grpc.reflection.${version}.ServerReflection`,
  ])
    expect(listed).toContain(name)
  expect((await describe('echoes.v1.EchoesService', version)).name).toBe('echoes/v1/echoes.proto')
  expect((await describe('echoes.v1.EchoesService.Echo', version)).service[0]!.method.map(({ name }) => name)).toEqual([
    'Echo',
    'Ask',
  ])
  expect((await reflect(Buffer.from([0x22, 0x01, 0x78]), version)).toString('latin1')).toContain(
    'x is not described here',
  )
})

const CHECK = '/grpc.health.v1.Health/Check'

function check(service: string): Promise<Buffer | ServiceError> {
  const request =
    service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)])
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      CHECK,
      (one: Buffer) => one,
      (one: Buffer) => one,
      request,
      (error, value) => resolve(error ?? value!),
    ),
  )
}

test('R-CALL-2: health is told to whoever asks, of all services or of one', async () => {
  for (const name of ['', 'echoes', 'echoes.v1.EchoesService'])
    expect(await check(name)).toEqual(Buffer.from([0x08, 1]))
  health = 'unhealthy'
  expect(await check('')).toEqual(Buffer.from([0x08, 2]))
  expect(await check('others')).toMatchObject({ code: grpc.status.NOT_FOUND })
})

test('R-CALL-2: a watch of the health begins with the status', async () => {
  const watch = client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    (one: Buffer) => one,
    (one: Buffer) => one,
    Buffer.alloc(0),
  )
  watch.on('error', () => {})
  const [status] = await once(watch, 'data')
  expect(status).toEqual(Buffer.from([0x08, 1]))
  watch.cancel()
})

const ADMIN = {
  kind: 'user',
  id: 'usr_1',
  email: 'a@example.com',
  roles: ['admin'],
  sid: 'ses_1',
  issuedAtMs: 0,
  expiresAtMs: 4e12,
}

test.each([
  ['no proof', { proof: () => '' }],
  ['a proof of another key', { proof: createProofs(['x'.repeat(32)]).sign }],
  ['a proof of another line', { proof: (head: string) => proofs.sign(`${head} `) }],
  ['a proof of another operation', { head: { operation: 'echoes.ask' } }],
  ['a proof of another message', { head: { digest: digestOf(Buffer.from('other')) } }],
  ['a proof without the message', { head: { digest: undefined } }],
  ['an old proof', { head: { atMs: Date.now() - 60_000 } }],
  ['a proof for another service', { head: { to: 'shop/users' } }],
  ['a proof for another system', { head: { to: 'other/echoes' } }],
  ['a user that only the gateway may name', { head: { caller: ADMIN } }],
])('R-GW-2: %s is UNAUTHENTICATED, and no service hears of it', async (_, asked) => {
  const { error } = await call('Echo', { message: ECHO, ...asked })
  expect(error).toMatchObject({ code: grpc.status.UNAUTHENTICATED })
  expect(calls).toEqual([])
  expect(refused).toEqual([expect.objectContaining({ security: 'call.rejected', reason: expect.any(String) })])
})

test.each([
  [
    new Problem('VALIDATION_ERROR', undefined, { details: [{ field: 'items[0].price', message: 'must be a number' }] }),
    grpc.status.INVALID_ARGUMENT,
    '400',
  ],
  [new Problem('NOT_FOUND'), grpc.status.NOT_FOUND, '404'],
  [new Problem('FORBIDDEN'), grpc.status.PERMISSION_DENIED, '403'],
  [new Problem('VERSION_CONFLICT'), grpc.status.ABORTED, '409'],
  [new Problem('DUPLICATE'), grpc.status.ALREADY_EXISTS, '409'],
  [new Problem('TOO_DEAR', 'Zu teuer: 5 €'), grpc.status.FAILED_PRECONDITION, '409'],
  [new Problem('RATE_LIMITED', undefined, { retryAfterS: 7 }), grpc.status.RESOURCE_EXHAUSTED, '429'],
  [new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: 2 }), grpc.status.UNAVAILABLE, '503'],
  [new Error('a bug with a secret'), grpc.status.INTERNAL, '500'],
  [new Problem('UNDECLARED'), grpc.status.INTERNAL, '500'],
])('R-CALL-2: %s is a gRPC status that ordinary clients understand', async (thrown, code, status) => {
  port = () => Promise.reject(thrown)
  const { error, head } = await call('Echo', { message: ECHO })
  expect(error!.code).toBe(code)
  expect(head!.get('lintel-status')).toEqual([status])
  const told = thrown instanceof Problem && status !== '500' ? thrown : new Problem('INTERNAL_ERROR')
  expect(error!.metadata.get('lintel-code')).toEqual([told.code])
  if (told.message) expect(error!.details).toBe(told.message)
  expect(error!.details).not.toContain('secret')
  const details = (error!.metadata.get('grpc-status-details-bin')[0] as Buffer).toString('latin1')
  expect(details).toContain(told.code)
  expect(details).toContain('type.googleapis.com/google.rpc.ErrorInfo')
  expect(details.includes('google.rpc.BadRequest')).toBe(told.details !== undefined)
  expect(details.includes('google.rpc.RetryInfo')).toBe(told.retryAfterS !== undefined)
})

/** The work of a call that never ends by itself; resolves with why it was told to. */
function endless(): Promise<unknown> {
  return new Promise((resolve) => {
    port = ({ context: { signal } }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          resolve(signal.reason)
          reject(signal.reason)
        }),
      )
  })
}

test('R-P-7: the deadline of the client is that of the call', async () => {
  const ended = endless()
  const { error } = await call('Echo', { message: ECHO, deadlineMs: 150 })
  expect(error!.code).toBe(grpc.status.DEADLINE_EXCEEDED)
  await ended
})

test('R-P-7: the door keeps the deadline where the client does not, and ends the work', async () => {
  const ended = endless()
  const headers = await sendAsk([0, 0, 0, 0, 0], { 'grpc-timeout': '100m' })
  expect(headers).toMatchObject({ 'lintel-status': '504' })
  expect(await ended).toMatchObject({ code: 'GATEWAY_TIMEOUT' })
})

test('R-P-7: a reader who cancels ends the work', async () => {
  const ended = endless()
  const head = { operation: 'echoes.ask', method: 'GET' }
  const cancel = (made: ClientUnaryCall) =>
    void expect
      .poll(() => calls.length)
      .toBe(1)
      .then(() => made.cancel())
  const { error } = await call('Ask', { head, started: cancel })
  expect(error!.code).toBe(grpc.status.CANCELLED)
  await ended
})

test('R-P-7: a call that arrives with no time left is DEADLINE_EXCEEDED, and not begun', async () => {
  const { error } = await call('Echo', { message: ECHO, head: { remainingMs: 0 } })
  expect(error!.code).toBe(grpc.status.DEADLINE_EXCEEDED)
  expect(calls).toEqual([])
})

test('R-CALL-2: a proven head with a wrong member is INVALID_ARGUMENT that names it, and no service hears of it', async () => {
  for (const [head, told] of [
    [{ remainingMs: 'x' }, 'remainingMs of its head must be a number of milliseconds, or absent'],
    [{ caller: 5 }, 'caller of its head must be a user or a service, or absent'],
    [{ version: 0 }, 'version of its head must be a whole number from 1'],
  ] as const)
    expect((await call('Echo', { message: ECHO, head })).error).toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      details: told,
    })
  expect(calls).toEqual([])
})

test('R-CALL-2: an answer of 16 MiB arrives; a message beyond 16 MiB is RESOURCE_EXHAUSTED', async () => {
  const text = 'x'.repeat(15 * 1024 * 1024)
  const large = await call('Echo', { message: { name: 'a', body: { ...ECHO.body, text } }, deadlineMs: 20_000 })
  expect(large.value.text.length).toBe(text.length)
  const larger = await call('Echo', {
    message: { name: 'a', body: { ...ECHO.body, text: 'x'.repeat(17 * 1024 * 1024) } },
    deadlineMs: 20_000,
  })
  expect(larger.error!.code).toBe(grpc.status.RESOURCE_EXHAUSTED)
})

test('an rpc that there is not is UNIMPLEMENTED', async () => {
  const asked = new Promise<ServiceError | null>((resolve) =>
    client.makeUnaryRequest(
      '/echoes.v1.EchoesService/Nothing',
      (one: Buffer) => one,
      (one: Buffer) => one,
      Buffer.alloc(0),
      resolve,
    ),
  )
  expect(await asked).toMatchObject({ code: grpc.status.UNIMPLEMENTED })
})

/** A raw connection that sends bytes and waits for the end. */
async function sendRaw(bytes: Buffer): Promise<Socket> {
  const [host, at] = address.split(':')
  const socket = connect(Number(at), host).on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  socket.resume()
  return socket
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

test.each([
  ['garbage behind the preface', Buffer.concat([PREFACE, Buffer.alloc(200, 0xff)])],
  ['a preface alone that is wrong', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')],
  ['a frame larger than allowed', Buffer.concat([PREFACE, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])])],
])('malformed frames end their connection and nothing else: %s', async (_, bytes) => {
  const socket = await sendRaw(bytes)
  if (!socket.closed) await once(socket, 'close')
  expect((await call('Echo', { message: ECHO })).error).toBeUndefined()
})

test.each([
  ['compressed', [1, 0, 0, 0, 0], grpc.status.UNIMPLEMENTED],
  ['announced too large', [0, 0xff, 0xff, 0xff, 0xff], grpc.status.RESOURCE_EXHAUSTED],
  ['cut short', [0, 0, 0, 0, 9, 1], grpc.status.INVALID_ARGUMENT],
  ['two of them', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], grpc.status.INVALID_ARGUMENT],
  ['none', [], grpc.status.INVALID_ARGUMENT],
])('a message that breaks the framing ends its call with a status: %s', async (_, bytes, code) => {
  const headers = await sendAsk(bytes)
  expect(headers['grpc-status']).toBe(String(code))
  expect(calls).toEqual([])
})

/** Sends these bytes as the request of the rpc Ask, with a proof; gives the head of the answer. */
async function sendAsk(bytes: readonly number[], more: Record<string, string> = {}): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(`http://${address}`)
  const caller = { kind: 'service', name: 'billing' }
  const line = asciiJson({ ...HEAD, atMs: Date.now(), operation: 'echoes.ask', caller })
  const stream = session.request({
    ':method': 'POST',
    ':path': '/echoes.v1.EchoesService/Ask',
    'content-type': 'application/grpc',
    'lintel-call': line,
    'lintel-proof': proofs.sign(line),
    ...more,
  })
  const answered = once(stream, 'response')
  stream.end(Buffer.from(bytes))
  const [headers] = await answered
  session.destroy()
  return headers
}

test('HTTP/1 goes on at the same port', async () => {
  expect(await (await fetch(`http://${address}/`)).text()).toBe('over HTTP/1')
})

test('R-OPS-2: a door that drains says so to those who look', async () => {
  door.drain()
  expect(await check('')).toEqual(Buffer.from([0x08, 2]))
})
