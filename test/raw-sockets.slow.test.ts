import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { reference } from './reference.ts'
import { launcher } from './system-process.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A connection, and what has come back on it. */
class Line {
  readonly socket: Socket
  /** Resolves with everything that came back, when the server has closed. */
  readonly closed: Promise<string>
  text = ''
  open = true

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.socket = connect(Number(port), hostname)
    sockets.push(this.socket)
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1')
    })
    // A server that refuses does not wait for the rest: what matters is what could be read before.
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.open = false
        resolve(this.text)
      })
    })
  }

  /** Sends it; resolves when there is room for more, or the connection is gone. */
  send(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (!this.socket.writable) return resolve()
      if (this.socket.write(bytes)) return resolve()
      const done = () => {
        this.socket.off('drain', done).off('close', done)
        resolve()
      }
      this.socket.on('drain', done).on('close', done)
    })
  }
}

/** Status and code of the one answer on a connection that the server has closed. */
function refusalIn(text: string): [number, string] {
  expect(text.match(/^HTTP\/1\.1 /gm), text).toHaveLength(1)
  const { code, requestId } = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)).error
  expect(text).toContain(`x-request-id: ${requestId}\r\n`)
  return [Number(text.slice(9, 12)), code]
}

const HEAD = 'Host: x\r\nConnection: close\r\n'

describe('of the reference system', () => {
  const api = reference()

  async function raw(text: string): Promise<string> {
    const line = new Line(api.url)
    await line.send(Buffer.from(text, 'latin1'))
    return line.closed
  }

  /** Beside products, which anyone may read, stand users, which are an admin's: a path that gets around a rule would show. */
  test.each([
    '//products',
    '/products//',
    '/v1//products',
    '/./products',
    '/products/.',
    '/products/..',
    '/products/../users',
    '/products/%2e%2e/users',
    '/products/%2E%2e/users',
    '/products/.%2e/users',
    '/%2e/products',
    '/products%2f..%2fusers',
    '/api%2fproducts',
    '/products%5c..%5cusers',
    '/products\\..\\users',
    '/products%00',
    '/products/%00/..',
    '/products%0d%0aX-Admin:%20yes',
    '/products%7f',
    '/products/%c0%af',
    '/products/%c0%ae%c0%ae/users',
    '/products/%e0%80%af',
    '/products/%ed%a0%80',
    '/products/%f8%80%80%80%af',
    '/products/%',
    '/products/%2',
    '/products/%u002f',
    '/products#/users',
    '/products\tx',
    '/caf\xe9',
    'products',
    'http://x',
    'http:///products',
    'http://x//products',
    'http://x/products/../users',
    'ftp://x/products',
  ])('R-GW-4: the path %j is refused with 400', async (path) => {
    expect(refusalIn(await raw(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`))).toEqual([400, 'VALIDATION_ERROR'])
  })

  test.each([
    '/%252e%252e/users',
    '/api/api/users',
    '/v1/v1/users',
    '/v1/api/users',
    '/USERS',
    '/users/',
    '/users;a=b',
    '/users%20',
  ])('R-GW-4: the path %s is nothing, to whoever asks', async (path) => {
    for (const authorization of ['', `Authorization: Bearer ${api.admin.token}\r\n`])
      expect(refusalIn(await raw(`GET ${path} HTTP/1.1\r\n${authorization}${HEAD}\r\n`))).toEqual([404, 'NOT_FOUND'])
  })

  test('RFC 9112 3.2.2: an absolute path is the path in it, and its host changes nothing', async () => {
    for (const host of ['x', 'other.example:99'])
      expect(await raw(`GET http://${host}/products?limit=1 HTTP/1.1\r\n${HEAD}\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
    // FC-40: a user name in it is an error (RFC 9110 4.2.4).
    expect(await raw(`GET http://user:password@x/products HTTP/1.1\r\n${HEAD}\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
    expect(refusalIn(await raw(`GET http://x/users HTTP/1.1\r\n${HEAD}\r\n`))).toEqual([401, 'UNAUTHENTICATED'])
  })

  /** Behind each stands a second request; if it is ever answered, two servers in a row would disagree on what is one. */
  test.each([
    ['two Hosts', 'GET /products HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n'],
    ['two Hosts that are the same', 'GET /products HTTP/1.1\r\nHost: x\r\nhost: x\r\nConnection: close\r\n\r\n'],
    ['no Host', 'GET /products HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [
      'a length with chunks',
      `POST /products HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'chunks with a length',
      `POST /products HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    ],
    ['two lengths', `POST /products HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}`],
    ['two lengths in a line', `POST /products HTTP/1.1\r\n${HEAD}Content-Length: 2, 40\r\n\r\n{}`],
    ['a length of another base', `POST /products HTTP/1.1\r\n${HEAD}Content-Length: 0x2\r\n\r\n{}`],
    ['a length below zero', `POST /products HTTP/1.1\r\n${HEAD}Content-Length: -2\r\n\r\n{}`],
    ['a length beyond any number', `POST /products HTTP/1.1\r\n${HEAD}Content-Length: 99999999999999999999\r\n\r\n{}`],
    ['nearly chunked', `POST /products HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    [
      'chunked twice',
      `POST /products HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a space before the colon', `POST /products HTTP/1.1\r\n${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['a folded coding', `POST /products HTTP/1.1\r\n${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
    [
      'a chunk longer than it says',
      `POST /users HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n`,
    ],
    ['line ends without CR', 'GET /products HTTP/1.1\nHost: x\nConnection: close\n\n'],
    ['NUL in a header', `GET /products HTTP/1.1\r\n${HEAD}X-A: a\0b\r\n\r\n`],
    ['CR alone in a header', `GET /products HTTP/1.1\r\n${HEAD}X-A: a\rX-B: b\r\n\r\n`],
    ['a header without a name', `GET /products HTTP/1.1\r\n${HEAD}: b\r\n\r\n`],
    ['HTTP/0.9', 'GET /products\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'],
  ])('R-GW-4: %s is refused with 400, and nothing behind it is a request', async (_, text) => {
    const answer = await raw(`${text}GET /products?limit=1 HTTP/1.1\r\n${HEAD}\r\n`)
    expect(refusalIn(answer)).toEqual([400, 'VALIDATION_ERROR'])
  })

  test('R-GW-4: an address of 9 KB is a 414, one of 64 KB a 431', async () => {
    for (const [length, refusal] of [
      [9_000, [414, 'URI_TOO_LONG']],
      [64 * 1024, [431, 'HEADERS_TOO_LARGE']],
    ] as const)
      for (const path of [`/products/${'a'.repeat(length)}`, `/products?q=${'a'.repeat(length)}`])
        expect(refusalIn(await raw(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`))).toEqual(refusal)
  })

  test('R-GW-4: floods of headers are a 431, many at once, and others are served', async () => {
    const floods = [
      'X-A: b\r\n'.repeat(100_000),
      `X-A: ${'b'.repeat(1024 * 1024)}\r\n`,
      `${'x'.repeat(1024 * 1024)}: b\r\n`,
      `Cookie: ${'a=b; '.repeat(200_000)}\r\n`,
    ]
    const flooding = Array.from({ length: 20 }, (_, i) => raw(`GET /products HTTP/1.1\r\n${HEAD}${floods[i % 4]}\r\n`))
    for (let i = 0; i < 5; i++) expect((await api.ask('GET', '/products')).status).toBe(200)
    for (const answer of await Promise.all(flooding)) expect(refusalIn(answer)).toEqual([431, 'HEADERS_TOO_LARGE'])
    // As many as fit are no flood.
    expect(await raw(`GET /products HTTP/1.1\r\n${HEAD}${'A:\r\n'.repeat(3_000)}\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('of a process', () => {
  const { launch, folder } = launcher()

  async function start() {
    const system = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: await folder(), LOG_LEVEL: 'info' } })
    return { system, url: await system.url() }
  }

  test('R-GW-4, FC-43: bodies of 100 MB are a 413 that can be read, and take no memory', {
    timeout: 180_000,
  }, async () => {
    const { system, url } = await start()
    expect((await fetch(`${url}/products`)).status).toBe(200)
    const before = await mostMegabytes(system.pid)
    const piece = Buffer.alloc(64 * 1024, 'x')
    const framings = [`Content-Length: ${100 * 1024 * 1024}`, 'Transfer-Encoding: chunked']
    const answers = await Promise.all(
      framings.flatMap((framing) =>
        Array.from({ length: 4 }, async () => {
          const line = new Line(url)
          const chunked = framing.startsWith('Transfer')
          await line.send(`POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`)
          for (let sent = 0; sent < 1600 && line.open && line.socket.writable; sent++) {
            if (chunked) await line.send('10000\r\n')
            await line.send(piece)
            if (chunked) await line.send('\r\n')
          }
          return line.closed
        }),
      ),
    )
    for (const answer of answers) expect(refusalIn(answer)).toEqual([413, 'PAYLOAD_TOO_LARGE'])
    // Of 800 MB. Dropped pieces wait for the collector: up to 50 MB on Node 20, 100 on Node 24, and no more for 2.4 GB.
    expect((await mostMegabytes(system.pid)) - before).toBeLessThan(160)
    expect((await fetch(`${url}/products`)).status).toBe(200)
  })

  test('R-GW-4: 200 slow senders hold up nobody, and are told 408 and closed', { timeout: 180_000 }, async () => {
    const { system, url } = await start()
    const slow = Array.from({ length: 200 }, () => new Line(url))
    await Promise.all(
      slow.map((line, i) =>
        line.send(
          i % 2 === 0
            ? 'GET /products HTTP/1.1\r\nHost: x\r\nX-Slow: '
            : 'POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n',
        ),
      ),
    )
    // A byte now and then, which must not win them any time.
    const dripping = setInterval(() => {
      for (const line of slow) if (line.open) void line.send(' ')
    }, 1000)
    try {
      for (let i = 0; i < 100; i++) expect((await fetch(`${url}/products`)).status).toBe(200)
      expect(slow.every(({ open, text }) => open && text === '')).toBe(true)
      for (const answer of await Promise.all(slow.map(({ closed }) => closed)))
        expect(refusalIn(answer)).toEqual([408, 'REQUEST_TIMEOUT'])
    } finally {
      clearInterval(dripping)
    }
    expect((await fetch(`${url}/products`)).status).toBe(200)
    system.child.kill('SIGTERM')
    expect(await system.ended).toMatchObject({ code: 0, stderr: '' })
  })
})

/** The most that a process has had in memory at once, as Linux counts it. */
async function mostMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024
}
