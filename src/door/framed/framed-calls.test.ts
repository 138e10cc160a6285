import { once } from 'node:events'
import { request } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ANONYMOUS } from '../../auth/caller.ts'
import { type Call, type Port, textOf } from '../../call/call.ts'
import { CALL_HEADER, GATEWAY, PROOF_HEADER, writeCallHead } from '../../call/call-head.ts'
import { CalledContext, OwnContext } from '../../call/context.ts'
import { createProofs, digestOf } from '../../call/proof.ts'
import { t } from '../../contract/fields.ts'
import { operation } from '../../contract/operation.ts'
import { service } from '../../contract/service.ts'
import { createHttpServer } from '../../http/server.ts'
import { createSecurityLog } from '../../observe/security-log.ts'
import { Deadline } from '../../resilience/deadline.ts'
import { arrivals } from '../arrivals.ts'
import { createDoor } from '../door.ts'
import { CALL_TRANSPORTS, type CallTransport, openFarService } from '../far-service.ts'
import { EXCHANGE, LINTEL_TYPE, STATUS_HEADER, TAKEN } from '../grpc/answers.ts'
import { createGrpcDoor } from '../grpc/grpc-door.ts'
import { createGrpcServer } from '../grpc/grpc-server.ts'
import { refuseWith } from '../grpc/rpc-stream.ts'
import { CODES } from '../grpc/status.ts'
import { ANSWER, BadFrame, CALL, FrameReader, FrameWriter, PART, PROTOCOL, readAnswer } from './frames.ts'

const notes = service('notes', {
  operations: {
    read: operation({ method: 'GET', path: '/notes', access: 'public', answer: { text: t.text() } }),
    write: operation({ method: 'PUT', path: '/notes', access: 'public', body: {}, answer: { text: t.text() } }),
  },
})
const proofs = createProofs(['k'.repeat(32)])
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const PATIENT = { timeout: 20_000 }

/** A door that counts what comes as a request of its own; `frames: false`: as one of a build that knows none. */
async function openDoor(port: Port, { frames = true } = {}) {
  const lines: object[] = []
  const keep = { info: (about: object) => lines.push(about), warn: (about: object) => lines.push(about) }
  const security = createSecurityLog(keep)
  const health = async () => ({ status: 'healthy', checks: {} }) as const
  const behind = { name: 'notes', contract: notes, port, health }
  const door = createDoor({ system: 'shop', services: [behind], proofs, log: SILENT, security })
  const requests = vi.fn()
  const pipes: { readonly pipe: Duplex; bytes: number }[] = []
  const keepPipe = (pipe: Duplex) => {
    const kept = { pipe, bytes: 0 }
    pipes.push(kept)
    pipe.on('data', (chunk: Buffer) => {
      kept.bytes += chunk.length
    })
  }
  const grpcDoor = createGrpcDoor({
    services: [{ behind, files: [] }],
    readArrival: arrivals('shop', [behind], proofs),
    openReflection: false,
    log: SILENT,
    security,
    ...(frames && {
      takeFramed(pipe, opening) {
        const taken = door.takeFramed(pipe, opening)
        if (taken) keepPipe(pipe)
        return taken
      },
    }),
  })
  const grpc = createGrpcServer(
    (stream, headers) => {
      if (headers[':path'] !== EXCHANGE) requests()
      grpcDoor.handle(stream, headers)
    },
    { log: SILENT },
  )
  const handle: typeof door.handle = (req, res) => {
    requests()
    return door.handle(req, res)
  }
  const http = createHttpServer(handle, {
    http2: grpc.take,
    ...(frames && {
      upgrade(req, socket, first) {
        const taken = door.upgrade(req, socket, first)
        if (taken) keepPipe(socket)
        return taken
      },
    }),
  })
  const { port: at } = await http.listen({ host: '127.0.0.1', port: 0 })
  const close = async (timeoutMs: number) => {
    const cut = await Promise.all([http.close({ timeoutMs }), grpc.close({ timeoutMs })])
    return cut[0] + cut[1]
  }
  onTestFinished(async () => void (await close(0)))
  return { url: new URL(`http://127.0.0.1:${at}`), door, close, requests, pipes, lines }
}

async function openFar(url: URL, transport: CallTransport) {
  const opened = await openFarService(notes, { system: 'shop', urls: [url], proofs, log: SILENT, transport })
  onTestFinished(() => opened.close())
  return opened
}

function callOf(more: Partial<Call> = {}, signal?: AbortSignal, timeoutMs = 20_000): Call {
  return {
    operation: 'notes.read',
    method: 'GET',
    version: 1,
    params: [],
    query: [],
    path: '/v1/notes',
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: new CalledContext(new OwnContext(signal), { caller: ANONYMOUS, deadline: Deadline.after(timeoutMs) }),
    ...more,
  }
}

const writeOf = (text: string) => callOf({ operation: 'notes.write', method: 'PUT', body: Buffer.from(text) })
/** Answers with the body, or with as many characters as its path asks for. */
const echo: Port = async ({ body, query }) => {
  const [[, size] = ['', '0']] = query
  return { status: 200, headers: {}, body: body === undefined ? 'ü'.repeat(Number(size)) : (body as Uint8Array) }
}
const readOf = (size: number) => callOf({ query: [['size', String(size)]] })

const proven = (line: string) => ({ [CALL_HEADER]: line, [PROOF_HEADER]: proofs.sign(line) })
const lineOf = (call: Call, more: object = {}, body?: Uint8Array) =>
  JSON.stringify({
    ...JSON.parse(writeCallHead(call, { to: 'shop/notes', from: GATEWAY }, body && digestOf(body))),
    ...more,
  })

/** Refuses every call that is a request, and takes every connection for frames; then it does as it likes. */
async function doorThat(transport: CallTransport, does: (pipe: Duplex) => void) {
  const closed = vi.fn()
  const take = (pipe: Duplex) => {
    onTestFinished(() => void pipe.destroy())
    pipe.on('error', () => {}).once('close', closed)
    does(pipe)
  }
  const server = transport === 'http' ? upgrading(take) : exchanging(take)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), closed }
}

function upgrading(take: (pipe: Duplex) => void): Server {
  return createServer((socket) => {
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    socket.once('data', (head: Buffer) => {
      if (!head.toString('latin1').includes(PROTOCOL))
        return socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n')
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${PROTOCOL}\r\n\r\n`)
      take(socket)
    })
  })
}

function exchanging(take: (pipe: Duplex) => void): Server {
  const server = createHttp2Server()
  server.on('session', (session) => onTestFinished(() => session.destroy()))
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    if (headers[':path'] !== EXCHANGE) return refuseWith(stream, LINTEL_TYPE, { code: CODES.UNIMPLEMENTED })
    stream.respond({ ':status': 200, 'content-type': LINTEL_TYPE, [STATUS_HEADER]: TAKEN })
    take(stream)
  })
  return server
}

/** Asks for a connection as a caller does, and returns it, or the status that it was refused with. */
function opening(transport: CallTransport, url: URL, headers: Record<string, string>): Promise<Duplex | number> {
  return transport === 'http' ? upgrade(url, headers) : exchange(url, headers)
}

async function upgrade(url: URL, headers: Record<string, string>): Promise<Duplex | number> {
  const asked = request(new URL('/call', url), {
    method: 'POST',
    headers: { ...headers, connection: 'upgrade', upgrade: PROTOCOL },
  }).end()
  return new Promise((resolve, reject) => {
    asked.once('upgrade', (_, socket) => {
      onTestFinished(() => void socket.destroy())
      resolve(socket)
    })
    asked.once('response', (answer) => resolve(answer.resume().statusCode!))
    asked.once('error', reject)
  })
}

async function exchange(url: URL, headers: Record<string, string>): Promise<Duplex | number> {
  const session = connectHttp2(url.origin)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': EXCHANGE, 'content-type': LINTEL_TYPE, ...headers })
  const [answered] = await once(stream, 'response')
  if (answered[STATUS_HEADER] === TAKEN) return stream
  return Number(answered['grpc-status']) === CODES.UNAUTHENTICATED ? 401 : Number(answered[STATUS_HEADER])
}

describe.each(CALL_TRANSPORTS)('over %s', (transport) => {
  const far = (url: URL) => openFar(url, transport)

  /** A caller whose calls go as frames. */
  async function framed(at: Awaited<ReturnType<typeof openDoor>>) {
    const { port } = await far(at.url)
    await port(readOf(1))
    await expect.poll(() => at.pipes.length, PATIENT).toBeGreaterThan(0)
    await expect
      .poll(async () => {
        const before = at.requests.mock.calls.length
        await port(readOf(1))
        return at.requests.mock.calls.length - before
      }, PATIENT)
      .toBe(0)
    // On a busy machine the first may have been given up before it was open.
    await expect
      .poll(() => {
        at.pipes.splice(0, at.pipes.length, ...at.pipes.filter(({ pipe }) => !pipe.destroyed))
        return at.pipes.length
      }, PATIENT)
      .toBe(1)
    at.requests.mockClear()
    return port
  }

  test('R-P-3: calls share one connection, each gets its own answer, and none is a request of its own', async () => {
    const at = await openDoor(echo)
    const port = await framed(at)
    for (let round = 0; round < 16; round++) {
      const texts = Array.from({ length: 32 }, (_, i) => `{"text":"${round} ${'ü'.repeat(16 * i)}"}`)
      const replies = await Promise.all(texts.map((text) => port(writeOf(text))))
      expect(replies.map(textOf)).toEqual(texts)
    }
    expect(at.requests).not.toHaveBeenCalled()
    expect(at.pipes).toHaveLength(1)
  })

  test('R-P-3: a large answer comes whole, and a small one that is asked for after it does not wait for it', async () => {
    const at = await openDoor(echo)
    const port = await framed(at)
    const order: string[] = []
    const large = port(readOf(8 * 1024 * 1024)).then((reply) => {
      order.push('large')
      return reply
    })
    const small = port(readOf(3)).then(() => order.push('small'))
    await small
    expect(textOf(await large)).toBe('ü'.repeat(8 * 1024 * 1024))
    expect(order).toEqual(['small', 'large'])
    expect(at.requests).not.toHaveBeenCalled()
  })

  test('R-P-3: a connection that has become old is replaced by another, which may lead to another process, and no call is lost', async () => {
    const at = await openDoor(echo)
    const port = await framed(at)
    const realNow = performance.now.bind(performance)
    let aheadMs = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + aheadMs)
    onTestFinished(() => now.mockRestore())
    for (const count of [2, 3]) {
      aheadMs += 61_000
      await expect
        .poll(async () => {
          const texts = Array.from({ length: 16 }, (_, i) => `{"text":"${i}"}`)
          expect((await Promise.all(texts.map((text) => port(writeOf(text))))).map(textOf)).toEqual(texts)
          return at.pipes.length
        }, PATIENT)
        .toBe(count)
      await expect.poll(() => at.pipes[count - 2]!.pipe.destroyed, PATIENT).toBe(true)
    }
  })

  /** A door that, once it is told to, holds back every answer. */
  async function openHolding() {
    let release = () => {}
    let held = Promise.resolve()
    const at = await openDoor(async (call) => {
      await held
      return echo(call)
    })
    const hold = () => {
      held = new Promise<void>((resolve) => {
        release = resolve
      })
    }
    return { at, hold, release: () => release() }
  }

  /** Another connection is opened at most once a second. */
  function quickClock() {
    const realNow = performance.now.bind(performance)
    let aheadMs = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + aheadMs)
    onTestFinished(() => now.mockRestore())
    return {
      pass(ms: number) {
        aheadMs += ms
      },
    }
  }

  test('R-P-4: a busy caller has up to four connections, each perhaps to another process, and the next call goes where the fewest are under way, with those of the same turn', async () => {
    const { at, hold, release } = await openHolding()
    const port = await framed(at)
    hold()
    const clock = quickClock()
    const asked: Promise<unknown>[] = []
    const ask = (count: number) => {
      for (let i = 0; i < count; i++) asked.push(port(callOf({ query: [['size', '1']] }, undefined, 120_000)))
    }
    // One that took too long to be opened is given up, and opened again.
    const open = () => at.pipes.filter(({ pipe }) => !pipe.destroyed)
    for (const count of [2, 3, 4]) {
      ask(33)
      await expect
        .poll(() => {
          clock.pass(250)
          ask(1)
          return open().length
        }, PATIENT)
        .toBe(count)
    }
    await expect
      .poll(() => {
        ask(8)
        return open().every(({ bytes }) => bytes > 5_000)
      }, PATIENT)
      .toBe(true)
    clock.pass(1_000)
    ask(4 * 33)
    release()
    await Promise.all(asked)
    expect([at.requests.mock.calls.length, open().length]).toEqual([0, 4])
    const before = open().map(({ bytes }) => bytes)
    await Promise.all(Array.from({ length: 20 }, () => port(callOf())))
    expect(open().filter(({ bytes }, i) => bytes > before[i]!).length).toBe(1)
  })

  test('R-P-4: a connection for frames is opened while as many calls as there are connections are under way, each a request of its own', async () => {
    const { at, hold, release } = await openHolding()
    const port = await framed(at)
    hold()
    at.pipes[0]!.pipe.destroy()
    await expect.poll(() => at.pipes[0]!.pipe.closed, PATIENT).toBe(true)
    const clock = quickClock()
    const asked: Promise<unknown>[] = []
    const ask = () => asked.push(port(readOf(1)).catch(() => {}))
    for (let i = 0; i < 300; i++) ask()
    await expect
      .poll(() => {
        clock.pass(250)
        ask()
        return at.pipes.length
      }, PATIENT)
      .toBeGreaterThan(1)
    release()
    await Promise.all(asked)
  })

  test('R-P-3: a body beyond 64 KiB goes as a request of its own', async () => {
    const at = await openDoor(echo)
    const port = await framed(at)
    const text = `{"text":"${'x'.repeat(64 * 1024)}"}`
    expect(textOf(await port(writeOf(text)))).toBe(text)
    expect(at.requests).toHaveBeenCalledOnce()
  })

  test('a door that knows no frames gets every call as a request of its own', async () => {
    const at = await openDoor(echo, { frames: false })
    const { port } = await far(at.url)
    for (let i = 0; i < 20; i++) expect(textOf(await port(writeOf(`{"text":"${i}"}`)))).toBe(`{"text":"${i}"}`)
  })

  test('R-P-7: a reader who leaves ends the work over there, and the connection serves the others', async () => {
    const signals: AbortSignal[] = []
    const at = await openDoor(async (call) => {
      if (call.query.length > 0) return echo(call)
      signals.push(call.context.signal)
      return new Promise(() => {})
    })
    const port = await framed(at)
    const gone = new AbortController()
    const asked = port(callOf({}, gone.signal))
    await expect.poll(() => signals.length, PATIENT).toBe(1)
    gone.abort()
    await expect(asked).rejects.toMatchObject({ stage: 'lost' })
    await expect.poll(() => signals[0]!.aborted, PATIENT).toBe(true)
    expect(textOf(await port(readOf(2)))).toBe('üü')
    expect([at.requests.mock.calls.length, at.pipes.length]).toEqual([0, 1])
  })

  test('a connection that is cut loses the calls that were written on it; the next are requests of their own', async () => {
    const at = await openDoor((call) => (call.query.length > 0 ? echo(call) : new Promise(() => {})))
    const port = await framed(at)
    const written = Promise.allSettled([port(callOf()), port(callOf())])
    await port(readOf(1))
    at.pipes[0]!.pipe.destroy()
    for (const one of await written)
      expect(one).toMatchObject({ status: 'rejected', reason: { status: 503, stage: 'lost' } })
    expect(textOf(await port(readOf(2)))).toBe('üü')
  })

  test('R-OPS-2: a door that ends asks for no more calls on its connections, finishes those under way, and cuts none', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const at = await openDoor(async (call) => {
      if (call.query.length === 0) await held
      return echo(call)
    })
    const port = await framed(at)
    const underWay = port(callOf())
    await port(readOf(1))
    at.door.drain()
    for (let i = 0; i < 20; i++) expect(await port(readOf(1))).toMatchObject({ status: 200 })
    release()
    expect(await underWay).toMatchObject({ status: 200 })
    await expect.poll(() => at.pipes[0]!.pipe.destroyed, PATIENT).toBe(true)
    expect(await at.close(20_000)).toBe(0)
  })

  test.each([
    ['a frame of 4 GiB', Buffer.alloc(64, 0xff)],
    ['another protocol', Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')],
    ['a frame of no kind', Buffer.from([0, 0, 0, 0, 5, 99, 0, 0, 0, 0])],
    ['the end', undefined],
  ])('a peer that sends %s is cut, and the calls on that connection are lost', async (_, junk) => {
    const { url, closed } = await doorThat(transport, (socket) =>
      socket.once('data', () => (junk === undefined ? socket.end() : socket.write(junk))),
    )
    const { port } = await far(url)
    const stages = new Set<string>()
    await expect
      .poll(async () => {
        await port(callOf({}, AbortSignal.timeout(5_000))).catch(({ status, stage }) =>
          stages.add(`${status} ${stage}`),
        )
        return stages
      }, PATIENT)
      .toContain('503 lost')
    await expect.poll(() => closed.mock.calls.length, PATIENT).toBeGreaterThan(0)
  })

  test('R-GW-3: a peer that is frozen loses its connection a second after it has let a call wait in vain', async () => {
    const { url, closed } = await doorThat(transport, (socket) => socket.on('data', () => {}))
    const { port } = await far(url)
    await expect
      .poll(() => port(callOf({}, AbortSignal.timeout(300), 300)).catch(({ status }) => status), PATIENT)
      .toBe(504)
    await expect.poll(() => closed.mock.calls.length, PATIENT).toBe(1)
  })

  test('R-GW-2: a connection is opened to a proof alone, and every call on it has one of its own: a forged, expired or replayed one is a 401', async () => {
    const called = vi.fn(echo)
    const { url, lines } = await openDoor(called)
    const line = lineOf(callOf())
    expect(await opening(transport, url, {})).toBe(401)
    expect(
      await opening(transport, url, { ...proven(line), [PROOF_HEADER]: createProofs(['o'.repeat(32)]).sign(line) }),
    ).toBe(401)
    expect(await opening(transport, url, proven(lineOf(callOf(), { to: 'zoo/notes' })))).toBe(421)
    const socket = (await opening(transport, url, proven(line))) as Duplex
    const answers = new Map<number, number>()
    const reader = new FrameReader((kind, number, payload) => {
      if (kind === ANSWER) answers.set(number, readAnswer(payload).status)
    })
    socket.on('data', (chunk) => reader.push(chunk))
    const writer = new FrameWriter(socket)
    const body = Buffer.from('{"text":"a"}')
    const written = lineOf(writeOf(''), {}, body)
    const sent: [status: number, proof: string, line: string, body?: Uint8Array][] = [
      [401, proofs.sign(`${line} `), line],
      [401, 'x'.repeat(43), line],
      [401, proofs.sign(line), lineOf(callOf({ operation: 'notes.write' }))],
      [401, proofs.sign(written), written, Buffer.from('{"text":"b"}')],
      ...[Date.now() - 31_000, Date.now() + 31_000].map((atMs): [number, string, string] => {
        const old = lineOf(callOf(), { atMs })
        return [401, proofs.sign(old), old]
      }),
      [400, proofs.sign('{}'), '{}'],
      [
        421,
        ...[lineOf(callOf(), { contract: 'another' })].flatMap((one): [string, string] => [proofs.sign(one), one]),
      ] as never,
    ]
    for (const [i, [, proof, one, bytes]] of sent.entries()) writer.call(i, proof, one, bytes)
    await expect.poll(() => answers.size, PATIENT).toBe(sent.length)
    expect([...answers.values()]).toEqual(sent.map(([status]) => status))
    expect(called).not.toHaveBeenCalled()
    expect(lines).toContainEqual(
      expect.objectContaining({ security: 'call.rejected', reason: 'its body is not that of its proof' }),
    )
    writer.call(100, proofs.sign(written), written, body)
    await expect.poll(() => answers.get(100), PATIENT).toBe(200)
  })

  test('R-GW-1: the door cuts a caller who sends no frames, or two calls at one place, and goes on serving the others', async () => {
    const at = await openDoor((call) => (call.query.length > 0 ? echo(call) : new Promise(() => {})))
    const port = await framed(at)
    const line = lineOf(callOf())
    for (const junk of [
      Buffer.alloc(64, 0xff),
      Buffer.from([0, 0, 0, 0, 6, CALL, 0, 0, 0, 0, 0]),
      'GET / HTTP/1.1\r\n\r\n',
    ]) {
      const socket = (await opening(transport, at.url, proven(line))) as Duplex
      socket.on('error', () => {}).write(junk)
      await once(socket, 'close')
    }
    const twice = (await opening(transport, at.url, proven(line))) as Duplex
    const writer = new FrameWriter(twice.on('error', () => {}))
    for (const number of [5, 5 + 1024]) writer.call(number, proofs.sign(line), line)
    await once(twice, 'close')
    expect(textOf(await port(readOf(2)))).toBe('üü')
  })
})

test('a request that asks for another protocol is answered as if it had not asked', async () => {
  const { url } = await openDoor(echo)
  const asked = request(new URL('/health/live', url), { headers: { connection: 'upgrade', upgrade: 'h2c' } }).end()
  const [answer] = await once(asked, 'response')
  expect(answer.statusCode).toBe(200)
  answer.resume()
  await once(answer, 'end')
})

test('R-CALL-2: to any gRPC client the frames are messages of one rpc', async () => {
  const { url } = await openDoor(echo)
  const line = lineOf(readOf(3))
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(proven(line))) metadata.set(name, value)
  const client = new Client(url.host, credentials.createInsecure())
  onTestFinished(() => client.close())
  const same = (message: Buffer) => message
  const rpc = client.makeBidiStreamRequest(EXCHANGE, same, same, metadata)
  const ended = once(rpc, 'status')
  const answered = once(rpc, 'data')
  const frames: Buffer[] = []
  const sink = { write: (bytes: Uint8Array) => frames.push(Buffer.from(bytes)) > 0, ...OPEN }
  new FrameWriter(sink).call(7, proofs.sign(line), line)
  await expect.poll(() => frames.length, PATIENT).toBe(1)
  rpc.write(frames[0]!.subarray(5))
  const [message] = (await answered) as [Buffer]
  expect([message[0], message.readUInt32BE(1)]).toEqual([ANSWER, 7])
  expect(readAnswer(message.subarray(5))).toMatchObject({ status: 200, body: Buffer.from('üüü') })
  rpc.end()
  expect((await ended)[0]).toMatchObject({ code: CODES.OK })
})

const OPEN = { writableNeedDrain: false, destroyed: false, once() {} }

test('frames are read however their bytes are cut, and written once for a turn of the event loop', async () => {
  const written: Buffer[] = []
  const sink = {
    write: (bytes: Uint8Array) => written.push(Buffer.from(bytes)) > 0,
    ...OPEN,
  }
  const writer = new FrameWriter(sink)
  writer.answer(1, 200, '{"a":1}', '{"ü":1}')
  writer.answer(2, 204, '{}')
  writer.answer(3, 200, '{}', Buffer.alloc(200_000, 'x'))
  await expect.poll(() => written.length).toBeGreaterThan(4)
  const first: number[] = []
  new FrameReader((_, number) => first.push(number)).push(written[0]!)
  expect(first).toEqual([1, 2])
  const bytes = Buffer.concat(written)
  for (const size of [1, 7, 1000, bytes.length]) {
    const answers: unknown[] = []
    let parts: Buffer[] = []
    const reader = new FrameReader((kind, number, payload) => {
      parts.push(payload)
      if (kind === PART) return
      const { status, line, body } = readAnswer(Buffer.concat(parts))
      answers.push([number, status, line, body?.length])
      parts = []
    })
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    expect(answers).toEqual([
      [1, 200, '{"a":1}', 8],
      [2, 204, '{}', undefined],
      [3, 200, '{}', 200_000],
    ])
  }
  expect(() => new FrameReader(() => {}).push(Buffer.alloc(10, 0xff))).toThrow(BadFrame)
})
