import { createHash } from 'node:crypto'
import { EventEmitter, on, once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Problem } from '../src/base/errors.ts'
import { operation, route, service, t } from '../src/contract/index.ts'
import type { Handlers } from '../src/service/handler.ts'
import { smallParts } from './small-parts.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const MIB = 1024 * 1024

const files = service('files', {
  operations: {
    note: operation({
      method: 'PUT',
      path: '/notes',
      access: 'public',
      body: { text: t.text({ max: 200_000 }) },
      answer: { characters: t.integer() },
    }),
  },
  routes: {
    upload: route({
      methods: ['PUT'],
      path: '/uploads/{name}',
      access: 'public',
      body: { types: ['*/*'], maxBytes: 8 * MIB, streamed: true },
      answers: { 200: 'application/json' },
    }),
    events: route({ methods: ['GET'], path: '/news', access: 'public', answers: { 200: 'text/event-stream' } }),
    download: route({ methods: ['GET'], path: '/downloads/{of}', access: 'public', answers: { 200: '*/*' } }),
    passed: route({ methods: ['GET'], path: '/passed/{port}', access: 'public', answers: { 200: 'text/plain' } }),
    file: route({
      methods: ['GET'],
      path: '/files/{of}',
      access: 'public',
      answers: { 200: 'text/plain' },
      timeoutMs: 300,
    }),
  },
})

/** What handlers tell the test, and wait for. */
const heard = new EventEmitter().setMaxListeners(0)
let yielded = 0

async function* endless(unit: { signal: AbortSignal }, counts: () => Promise<number>) {
  try {
    yield `: hello\n\n`
    for await (const [news] of on(heard, 'news', { signal: unit.signal })) yield `data: ${news} ${await counts()}\n\n`
  } finally {
    heard.emit('ended', unit.signal.aborted)
  }
}

async function* numbers(bytes: number) {
  const piece = Buffer.alloc(64 * 1024, 'x')
  try {
    for (let sent = 0; sent < bytes; sent += piece.length) {
      yielded++
      yield piece
    }
  } finally {
    heard.emit('dropped', yielded)
  }
}

async function* breaksOff() {
  yield 'some'
  throw new Error('the source broke off')
}

const handlers: Handlers<typeof files> = {
  note: async ({ body }) => ({ characters: body.text.length }),
  async upload({ params, stream }, { tx }) {
    const hash = createHash('sha256')
    let bytes = 0
    await tx.query('insert into uploads values ($1)', [`begun ${params.name}`])
    try {
      for await (const piece of stream) {
        heard.emit('piece', piece.length)
        bytes += piece.length
        hash.update(piece)
      }
    } catch (error) {
      heard.emit('broke', (error as Problem).code)
      throw error
    }
    await tx.query('insert into uploads values ($1)', [params.name])
    return { body: JSON.stringify({ bytes, sha256: hash.digest('hex') }) }
  },
  async events(_, unit) {
    const counts = async () =>
      unit.run(async ({ tx }) => (await tx.query<{ n: number }>('select count(*)::int as n from uploads'))[0]!.n)
    return { body: endless(unit, counts) }
  },
  async download({ params }) {
    const headers = { 'content-type': 'application/octet-stream' }
    return { headers, body: params.of === 'broken' ? breaksOff() : numbers(64 * MIB) }
  },
  async passed({ params }) {
    const { body } = await fetch(`http://127.0.0.1:${params.port}`)
    return { body: body ?? '' }
  },
  async file({ params: { of } }, { tx, signal }) {
    await tx.query('insert into uploads values ($1)', ['of a file'])
    const body = of === 'missing' ? createReadStream('/nowhere') : new Readable({ read() {} })
    body.once('close', () => heard.emit('closed', of))
    if (of === 'twice') await tx.query('insert into names values ($1)', [of])
    if (of === 'late' || of === 'left') await once(signal, 'abort')
    return { headers: of === 'wrong' ? { 'content-type': 'image/png' } : {}, body }
  },
}

const SQL = `create table uploads (name text);
create table names (name text unique deferrable initially deferred);
insert into names values ('twice');`

const WAYS = {
  'one process': () => smallSystem(files, handlers, SQL),
  'two processes, over HTTP': () => smallParts(files, handlers, SQL, 'http'),
  'two processes, over gRPC': () => smallParts(files, handlers, SQL, 'grpc'),
}

describe.each(Object.entries(WAYS))('in %s', (_, start) => {
  let small: SmallSystem
  beforeAll(async () => {
    small = await start()
  })
  afterAll(() => small?.stop())

  describe('an upload', () => {
    const put = (name: string, body: Uint8Array, chunked = false) =>
      send(small.url, 'PUT', `/uploads/${name}`, { body, chunked, headers: { 'content-type': 'image/png' } })

    test.each([false, true])('R-P-6: its handler reads it as it comes, whole (chunked: %s)', async (chunked) => {
      const body = Buffer.alloc(3 * MIB, 'abc')
      const { status, body: answer } = await put('a', body, chunked)
      expect([status, answer]).toEqual([
        200,
        { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') },
      ])
    })

    test('R-P-6: the first piece is there before the last was sent', async () => {
      const first = once(heard, 'piece')
      const socket = connect(Number(new URL(small.url).port), '127.0.0.1')
      socket.write(
        'PUT /uploads/slow HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-length: 8\r\nconnection: close\r\n\r\nhalf',
      )
      expect(await first).toEqual([4])
      socket.write('half')
      expect(await text(socket)).toContain('"bytes":8')
    })

    test('R-BODY-2: beyond its bound it is a 413, told at once or where it turns out', async () => {
      for (const chunked of [false, true]) {
        const { status, body } = await put('b', Buffer.alloc(8 * MIB + 1), chunked)
        expect([status, body.error.code]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
      }
    })

    test('R-EVT-1: where it breaks off, its handler hears of it, and its work is undone', async () => {
      const [piece, broke] = [once(heard, 'piece'), once(heard, 'broke')]
      const socket = connect(Number(new URL(small.url).port), '127.0.0.1')
      socket.write('PUT /uploads/gone HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-length: 8\r\n\r\nhalf')
      await piece
      socket.destroy()
      expect(await broke).toEqual(['VALIDATION_ERROR'])
      const db = new pg.Client(small.database)
      await db.connect()
      const isThere = async () => (await db.query(`select 1 from uploads where name = 'begun gone'`)).rowCount
      expect(await isThere()).toBe(0)
      await db.end()
      expect((await put('whole', Buffer.from('abc'))).status).toBe(200)
    })

    test('R-P-6: without a body there are no pieces', async () => {
      expect((await send(small.url, 'PUT', '/uploads/none')).body.bytes).toBe(0)
    })
  })

  describe('events that the server sends', () => {
    const open = async () => {
      const ended = once(heard, 'ended')
      const left = new AbortController()
      const response = await fetch(`${small.url}/news`, { signal: left.signal })
      const pieces = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
      return { response, next: async () => (await pieces.next()).value, left, ended }
    }

    test('R-P-6: each leaves as it is made, with what the database has then; the client ends it', async () => {
      const { response, next, left, ended } = await open()
      expect([response.status, response.headers.get('content-type'), response.headers.get('content-encoding')]).toEqual(
        [200, 'text/event-stream; charset=utf-8', null],
      )
      expect(await next()).toBe(': hello\n\n')
      heard.emit('news', 'one')
      expect(await next()).toMatch(/^data: one \d+\n\n$/)
      await send(small.url, 'PUT', '/uploads/x')
      heard.emit('news', 'two')
      expect(await next()).toMatch(/^data: two \d+\n\n$/)
      left.abort()
      expect(await ended).toEqual([true])
    })
  })

  describe('a download', () => {
    test('R-GW-3: no more is made than its client reads, and nothing when it has left', async () => {
      yielded = 0
      const response = await fetch(`${small.url}/downloads/large`)
      const reader = response.body!.getReader()
      await reader.read()
      // What the sockets hold: far less than the whole.
      expect(yielded).toBeLessThan(512)
      const dropped = once(heard, 'dropped')
      await reader.cancel()
      expect((await dropped)[0]).toBeLessThan(1024)
    })

    test('R-P-6: HEAD makes none', async () => {
      yielded = 0
      const { status, headers } = await send(small.url, 'HEAD', '/downloads/large')
      expect([status, headers['content-type'], yielded]).toEqual([200, 'application/octet-stream', 0])
    })

    test('RFC 9112 8: where it breaks off, the connection is cut', async () => {
      await expect(fetch(`${small.url}/downloads/broken`).then((response) => response.text())).rejects.toThrow()
    })
  })

  test('R-GW-3: what is passed on from elsewhere ends there when the client leaves, or has asked for the head alone', async () => {
    const upstream = createServer((_, res) => res.once('close', () => heard.emit('left')).write('first')).listen(0)
    onTestFinished(() => void upstream.close().closeAllConnections())
    const path = `/passed/${(upstream.address() as AddressInfo).port}`
    const left = once(heard, 'left')
    const reader = (await fetch(`${small.url}${path}`)).body!.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first')
    await reader.cancel()
    await left
    const again = once(heard, 'left')
    expect((await send(small.url, 'HEAD', path)).status).toBe(200)
    await again
  })

  describe('a stream of Node', () => {
    test('R-P-6: one that fails before it is read cuts the connection, and nothing else', async () => {
      for (let i = 0; i < 3; i++)
        await expect(fetch(`${small.url}/files/missing`).then((response) => response.text())).rejects.toThrow()
    })

    test.each([
      ['wrong', 500],
      ['twice', 409],
      ['late', 504],
    ])('R-P-6: one that is not sent is closed (%s)', async (of, status) => {
      const closed = once(heard, 'closed')
      expect((await fetch(`${small.url}/files/${of}`)).status).toBe(status)
      expect(await closed).toEqual([of])
    })

    test('R-P-6: one whose client has left is closed', async () => {
      const closed = once(heard, 'closed')
      const left = AbortSignal.timeout(100)
      await expect(fetch(`${small.url}/files/left`, { signal: left })).rejects.toThrow()
      expect(await closed).toEqual(['left'])
    })
  })

  test('R-OPS-2: events end when the system stops, at once and without a cut', async () => {
    const { url, stop } = await start()
    const response = await fetch(`${url}/news`)
    const rest = text(response.body as any)
    const begunMs = performance.now()
    await stop()
    expect(await rest).toBe(': hello\n\n')
    expect(performance.now() - begunMs).toBeLessThan(5_000)
  })
})

test('R-OPS-2: events end when the process of their service stops, and their client is not cut', async () => {
  const { url, stop, stopService } = await smallParts(files, handlers, SQL, 'http')
  const response = await fetch(`${url}/news`)
  const rest = text(response.body as any)
  await stopService()
  expect(await rest).toBe(': hello\n\n')
  expect((await fetch(`${url}/news`)).status).toBe(503)
  await stop()
})

test('R-P-6: calls of other processes do not wait for streams that stay open', async () => {
  const { url, stop } = await smallParts(files, handlers, SQL, 'http')
  const left = new AbortController()
  // More than there are connections for calls that go as requests of their own.
  const streams = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      fetch(`${url}/news`, { signal: left.signal, headers: { 'x-forwarded-for': `10.0.0.${i % 4}` } }),
    ),
  )
  expect(streams.every(({ status }) => status === 200)).toBe(true)
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ text: 'x'.repeat(100_000) })
  expect((await send(url, 'PUT', '/notes', { headers, body })).body).toEqual({ characters: 100_000 })
  expect(
    (await send(url, 'PUT', '/uploads/beside', { body: Buffer.alloc(MIB), headers: { 'content-type': 'a/b' } })).status,
  ).toBe(200)
  left.abort()
  await stop()
})
