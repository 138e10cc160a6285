import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../base/errors.ts'
import { readBody } from './body.ts'
import { checkFraming, hasBody } from './framing.ts'
import { problemAnswer } from './problem-answer.ts'
import { respond } from './respond.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts'

const LIMIT = 100_000
const LARGE = 'é'.repeat(4_000_000)
const log = { warn() {}, error() {} }

let server: HttpServer
let port: number
/** What each request waits for before it is answered. */
let hold: Promise<void>
let arrived: () => void
let seen: string[]

beforeEach(() => {
  hold = Promise.resolve()
  arrived = () => {}
  seen = []
})

afterEach(() => server.close({ timeoutMs: 0 }))

async function start(options: HttpServerOptions = {}): Promise<void> {
  server = createHttpServer(handle, options)
  port = (await server.listen({ host: '127.0.0.1', port: 0 })).port
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    seen.push(`${req.method} ${req.url}`)
    checkFraming(req)
    if (req.url === '/refused') throw new Error('refused')
    const body = hasBody(req) ? Buffer.from(await readBody(req, res, LIMIT)) : undefined
    arrived()
    await hold
    const text = req.url === '/large' ? LARGE : `got ${body?.length ?? 'nothing'}`
    respond(req, res, 200, ['content-type', 'text/plain'], text)
  } catch (error) {
    const context = { requestId: 'req_1', accept: req.headers.accept, problems: undefined, allow: undefined, log }
    const { status, headers, body } = problemAnswer(error, context)
    respond(req, res, status, headers, body)
  }
}

/** Sends text as it is, and gives everything that comes back until the server closes. */
function raw(...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
    for (const part of parts) socket.write(part)
  })
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject)
  })
}

/** What comes back up to the end of the first answer. */
function nextAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const take = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (head < 0 || text.length < head + 4 + length) return
      socket.off('data', take)
      resolve(text)
    }
    socket.on('data', take)
  })
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()))
const envelopeOf = (text: string) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)).error

const HEAD = 'Host: x\r\nConnection: close\r\n'

describe('listening', () => {
  test('a taken port is a Fault that names it, with exit code 1', async () => {
    await start()
    const second = createHttpServer(handle)
    const error = await second.listen({ host: '127.0.0.1', port }).catch((e) => e)
    expect(error).toBeInstanceOf(Fault)
    expect(error).toMatchObject({ code: 'PORT_TAKEN', exitCode: 1 })
    expect(error.message).toContain(String(port))
  })

  test('an address that this machine has not is a Fault', async () => {
    await start()
    const second = createHttpServer(handle)
    await expect(second.listen({ host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'HOST_UNKNOWN',
      exitCode: 1,
    })
  })
})

describe('what is no request', () => {
  test.each([
    ['garbage', 'hello\r\n\r\n'],
    ['an unknown method', `BREW / HTTP/1.1\r\n${HEAD}\r\n`],
    ['two lengths', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ['a length that is no number', `POST / HTTP/1.1\r\n${HEAD}Content-Length: +1\r\n\r\na`],
    [
      'a length beside a coding',
      `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a coding that does not end with chunked',
      `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    ],
    ['a coding before chunked', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['chunks in HTTP/1.0', `POST / HTTP/1.0\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a space before a colon', 'GET / HTTP/1.1\r\nHost : x\r\nConnection: close\r\n\r\n'],
    ['a tab before a colon', 'GET / HTTP/1.1\r\nHost: x\r\nX-User\t: ann\r\nConnection: close\r\n\r\n'],
    ['a folded header', `GET / HTTP/1.1\r\n${HEAD}X-A: b\r\n c\r\n\r\n`],
    ['a bad chunk size', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two Hosts', `GET / HTTP/1.1\r\n${HEAD}host: y\r\n\r\n`],
    ['two Authorizations', `GET / HTTP/1.1\r\n${HEAD}Authorization: a\r\nauthorization: b\r\n\r\n`],
    ['FC-101: two Content-Types', `POST / HTTP/1.1\r\n${HEAD}Content-Type: a/b\r\nContent-type: a/b\r\n\r\n`],
    ['FC-101: two Idempotency-Keys', `POST / HTTP/1.1\r\n${HEAD}Idempotency-Key: a\r\nidempotency-key: a\r\n\r\n`],
    ...[
      'a b',
      '127.0.0.1@evil/x',
      '',
      'x/y',
      'x?y',
      'x:y',
      'x:123456',
      '[::1',
      '::1',
      'a,b',
      'x#y',
      'é',
      'http://x',
    ].map(
      (host) =>
        [`FC-101: the Host "${host}"`, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`] as [
          string,
          string,
        ],
    ),
    ['FC-101: a wrong Host in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a b\r\n\r\n'],
    ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'],
  ])('R-GW-4: %s is refused with 400, in the envelope', async (_what, text) => {
    await start()
    const answer = await raw(text)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(envelopeOf(answer)).toMatchObject({ code: 'VALIDATION_ERROR', message: expect.any(String) })
  })

  test.each(['x', 'X.Example.com:8080', '127.0.0.1', '[::1]:3000', 'a_b-c.d', 'x:', 'localhost.'])(
    'FC-101: the Host "%s" is one',
    async (host) => {
      await start()
      const wrong = 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'
      for (const text of [`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, wrong])
        expect(await raw(text)).toMatch(text === wrong ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 200 /)
    },
  )

  test('R-REST-7: even an answer to garbage has a request id', async () => {
    await start()
    const answer = await raw('hello\r\n\r\n')
    const id = /^x-request-id: (\S+)\r$/m.exec(answer)?.[1]
    expect(id).toMatch(/^req_\w{26}$/)
    expect(envelopeOf(answer).requestId).toBe(id)
  })

  test('R-GW-4: headers beyond 16 KiB are a 431 in the envelope, which the client can read', async () => {
    await start()
    const answer = await raw(`GET / HTTP/1.1\r\n${HEAD}X-Long: ${'a'.repeat(200_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
    expect(envelopeOf(answer).code).toBe('HEADERS_TOO_LARGE')
  })

  test('R-GW-4: no header is dropped for being one of many', async () => {
    await start()
    const many = Array.from({ length: 2_500 }, () => 'a:\r\n').join('')
    expect(await raw(`GET / HTTP/1.1\r\n${HEAD}${many}Authorization: a\r\nAuthorization: b\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    )
  })

  test('R-GW-4: a sender of slow headers is told 408 and closed', async () => {
    await start({ headersTimeoutMs: 40, timeoutCheckMs: 10 })
    const answer = await raw('GET / HTTP/1.1\r\nHost: x\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(envelopeOf(answer).code).toBe('REQUEST_TIMEOUT')
  })

  test('R-GW-4: a sender of a slow body is told 408 and closed', async () => {
    await start({ headersTimeoutMs: 40, requestTimeoutMs: 60, timeoutCheckMs: 10 })
    expect(await raw(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc`)).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('a connection that is never used is closed without a word', async () => {
    await start({ headersTimeoutMs: 20, timeoutCheckMs: 10 })
    expect(await raw()).toBe('')
  })

  test('garbage after a request does not spoil its answer', async () => {
    await start()
    let release = () => {}
    hold = new Promise((resolve) => {
      release = resolve
    })
    const atWork = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const answers = raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'garbage\r\n\r\n')
    await atWork
    release()
    const text = await answers
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200'])
    expect(text).toMatch(/\r\nconnection: close\r\n(?:.|\r|\n)*got nothing$/i)
  })

  test('garbage after an answer is told 400', async () => {
    await start()
    const socket = await open()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await nextAnswer(socket)).toMatch(/^HTTP\/1\.1 200 /)
    socket.write('garbage\r\n\r\n')
    expect(await nextAnswer(socket)).toMatch(/^HTTP\/1\.1 400 /)
    socket.destroy()
  })

  test('HTTP/1.0 without a Host is served, and the connection ends', async () => {
    await start()
    expect(await raw('GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('requests sent ahead are answered in order', async () => {
    await start()
    const text = await raw(
      'GET /1 HTTP/1.1\r\nHost: x\r\n\r\n',
      `POST /2 HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\nab`,
    )
    expect(text.match(/got (nothing|\d+)/g)).toEqual(['got nothing', 'got 2'])
  })
})

describe('bodies', () => {
  test('a body is read whole, in one piece or in many', async () => {
    await start()
    const parts = Array.from({ length: 10 }, () => 'x'.repeat(9_000))
    expect(await raw(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 90000\r\n\r\n`, ...parts)).toMatch(/got 90000$/)
    expect(await raw(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nabc`)).toMatch(/got 3$/)
    expect(
      await raw(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`),
    ).toMatch(/got 5$/)
  })

  test('R-REST-4: a body larger than the bound is a 413 that the client can read while it sends', async () => {
    await start()
    const body = Buffer.alloc(5_000_000, 'x')
    const answer = await raw(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`, body)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(envelopeOf(answer).code).toBe('PAYLOAD_TOO_LARGE')
  })

  test('R-REST-4: a body without a length is bounded as it arrives', async () => {
    await start()
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const answer = await raw(
      `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`,
      chunk.repeat(40),
      '0\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(envelopeOf(answer).code).toBe('PAYLOAD_TOO_LARGE')
  })

  test('a small body that nobody wants is dropped, and the connection kept', async () => {
    await start()
    const socket = await open()
    socket.write('POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n')
    expect(await nextAnswer(socket)).toMatch(/^HTTP\/1\.1 500 /)
    socket.write('abcde')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await nextAnswer(socket)).toMatch(/^HTTP\/1\.1 200 /)
    socket.destroy()
  })

  test('what follows a refused body on its connection is no request', async () => {
    await start()
    const refused = 'POST /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'
    const next = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab'
    // Once ended the process: Node asserts that answers finish in order, and the third was given a socket before the second.
    const text = await raw(`${refused}${next}GET / HTTP/1.0\r\n\r\n`)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 500'])
    expect(seen).toEqual(['POST /refused'])
  })

  test('Expect: 100-continue is answered when the body is wanted', async () => {
    await start()
    const socket = await open()
    socket.write(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`)
    expect(await nextAnswer(socket)).toMatch(/^HTTP\/1\.1 100 Continue\r\n/)
    socket.write('abc')
    expect(await nextAnswer(socket)).toMatch(/got 3$/)
  })

  test('Expect: 100-continue is not answered when the request is refused anyway, and the connection ends', async () => {
    await start()
    const socket = await open()
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\nExpect: 100-continue\r\n\r\n')
    const answer = await nextAnswer(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    socket.destroy()
  })

  test('FC-15: Expect: 100-continue in HTTP/1.0 is ignored, also where the request is refused', async () => {
    await start()
    const answer = await raw('POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc')
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*got 3$/s)
    const refused = await raw('POST /refused HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc')
    expect(refused.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 500'])
  })

  test('an unknown expectation is ignored', async () => {
    await start()
    expect(await raw(`GET / HTTP/1.1\r\n${HEAD}Expect: wonders\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('a client that leaves in the middle of its body does no harm', async () => {
    await start()
    const socket = await open()
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
    socket.resume().end()
    await closed(socket)
    expect(await raw(`GET / HTTP/1.1\r\n${HEAD}\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('answers', () => {
  test('R-REST-2: HEAD gets the length of the body, and no body', async () => {
    await start()
    const text = await raw(`HEAD / HTTP/1.1\r\n${HEAD}\r\n`)
    expect(text).toMatch(/content-length: 11\r\n/)
    expect(text).toMatch(/\r\n\r\n$/)
  })

  test('an answer larger than any buffer arrives whole, and the connection is kept', async () => {
    await start()
    const text = await raw('GET /large HTTP/1.1\r\nHost: x\r\n\r\n', `GET /large HTTP/1.1\r\n${HEAD}\r\n`)
    const answers = text.split(/(?=HTTP\/1\.1 )/)
    expect(answers).toHaveLength(2)
    for (const answer of answers) {
      expect(answer).toMatch(/^content-length: 8000000\r$/m)
      expect(answer.length - answer.indexOf('\r\n\r\n') - 4).toBe(8_000_000)
    }
  })

  test('head and body arrive as one piece', async () => {
    await start()
    const socket = await open()
    const pieces: string[] = []
    socket.on('data', (chunk) => pieces.push(chunk.toString()))
    socket.write(`GET / HTTP/1.1\r\n${HEAD}\r\n`)
    await closed(socket)
    expect(pieces).toHaveLength(1)
  })
})

describe('R-OPS-2: the end', () => {
  function holdAnswers() {
    let release = () => {}
    hold = new Promise((resolve) => {
      release = resolve
    })
    const atWork = new Promise<void>((resolve) => {
      arrived = resolve
    })
    return { atWork, release: () => release() }
  }

  test('a request under way is answered, and told that the connection ends', async () => {
    await start()
    const { atWork, release } = holdAnswers()
    const answers = raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await atWork
    const end = server.close({ timeoutMs: 10_000 })
    release()
    const text = await answers
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toMatch(/\r\nconnection: close\r\n/i)
    expect(text).toMatch(/got nothing$/)
    expect(await end).toBe(0)
  })

  test('idle connections, and those never used, are closed at once', async () => {
    await start()
    const [idle, unused] = [await open(), await open()]
    idle.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await nextAnswer(idle)
    const gone = [closed(idle), closed(unused)]
    expect(await server.close({ timeoutMs: 10_000 })).toBe(0)
    await Promise.all(gone)
  })

  test('what does not end in time is cut, and counted', async () => {
    await start()
    const { atWork } = holdAnswers()
    const answers = raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => '')
    await atWork
    expect(await server.close({ timeoutMs: 20 })).toBe(1)
    expect(await answers).toBe('')
  })

  test('a lame duck still accepts and answers, asking each client to close', async () => {
    await start()
    const early = await open()
    early.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await nextAnswer(early)).not.toMatch(/connection: close/i)
    const end = server.close({ timeoutMs: 10_000, lameDuckMs: 100 })
    early.write('GET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await nextAnswer(early)).toMatch(/connection: close/i)
    expect(await raw('GET /3 HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/connection: close/i)
    expect(await end).toBe(0)
    expect(seen).toEqual(['GET /1', 'GET /2', 'GET /3'])
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

test('R-OPS-3: malformed HTTP, headers that are too large and CONNECT are reported with the status and request id of their answer', async () => {
  const told: string[] = []
  await start({ refused: ({ status, requestId }) => told.push(`${status} ${requestId}`) })
  const answers: string[] = []
  for (const text of [
    'NONSENSE\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
    'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  ]) {
    const answer = await raw(text)
    answers.push(`${/ (\d+) /.exec(answer)![1]} ${/x-request-id: (\S+)/.exec(answer)?.[1]}`)
  }
  expect(told).toEqual(answers.slice(0, 3))
  expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['400', '431', '400', '200'])
})
