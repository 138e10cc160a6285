import { connect } from 'node:net'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKeySet } from '../auth/key-set.ts'
import { generateSigningKey, jwks, type SigningKey } from '../auth/keys.ts'
import { createTokenVerifier, issueAccessToken, type TokenVerifier } from '../auth/tokens.ts'
import { Problem } from '../base/errors.ts'
import type { Call, Reply, ServicePort } from '../call/call.ts'
import type { ServiceHealth } from '../call/health.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { problem } from '../contract/problem.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import { olderShape } from '../contract/versions.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'

const User = resource('user', {
  id: 'usr',
  owner: 'id',
  fields: { name: t.text() },
  access: { list: 'public', get: 'public', create: 'public', update: 'public', delete: 'public' },
})
const Order = resource('order', {
  id: 'ord',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  fields: { userId: t.id('usr').server(), note: t.text() },
  list: { root: true },
  access: { list: 'public', get: 'public', create: 'public' },
  problems: { create: ['TOO_MANY_ORDERS'] },
})
const Secret = resource('secret', { id: 'sec', fields: { text: t.text() }, access: { create: 'admin' } })
const users = service('users', {
  resources: { users: User, secrets: Secret },
  operations: {
    login: operation({
      method: 'POST',
      path: '/auth/login',
      status: 200,
      access: 'public',
      credentials: 'own',
      body: { email: t.email() },
      answer: { accessToken: t.text() },
    }),
  },
  latest: 2,
  older: {
    1: {
      deprecated: '2026-01-01',
      sunset: '2027-01-01',
      shapes: { users: olderShape({ up: (body) => body, down: (answer) => answer }) },
    },
  },
})
const orders = service('orders', {
  resources: { orders: Order },
  problems: { TOO_MANY_ORDERS: problem(409, 'There are too many orders') },
})

const PARTIES = { issuer: 'https://api.example.com', audience: 'lintel' }
const NOW = Date.UTC(2026, 10, 1)

/** A service that keeps what it was asked, and answers what it was told to. */
interface RecordingUpstream extends ServicePort {
  asked: Call[]
  answer: (call: Call) => Reply | Promise<Reply>
  state: ServiceHealth
}

function recordingUpstream(name: string): RecordingUpstream {
  const upstream: RecordingUpstream = {
    name,
    asked: [],
    answer: () => ({ status: 200, headers: {}, body: '{"ok":true}' }),
    state: { status: 'healthy', checks: { database: { status: 'up', latency: 1 } } },
    async port(call) {
      upstream.asked.push(call)
      return upstream.answer(call)
    },
    health: async () => upstream.state,
  }
  return upstream
}

let key: SigningKey
let nowMs: number
let verifier: TokenVerifier
let token: string
let usersUpstream: RecordingUpstream
let ordersUpstream: RecordingUpstream
let logged: { about: object; message: string }[]
let gateway: Gateway
let server: HttpServer
let port: number

beforeAll(async () => {
  key = await generateSigningKey()
})

beforeEach(async () => {
  nowMs = NOW
  verifier = createTokenVerifier({
    keys: createKeySet(async () => jwks([key]), { now: () => nowMs }),
    ...PARTIES,
    now: () => nowMs,
  })
  token = await issueAccessToken(
    key,
    { sub: 'usr_ada', email: 'ada@example.com', roles: ['member'], sid: 'ses_1' },
    { ...PARTIES, nowMs },
  )
  usersUpstream = recordingUpstream('users')
  ordersUpstream = recordingUpstream('orders')
  logged = []
  await start()
})

afterEach(() => server.close({ timeoutMs: 0 }))

async function start(more: Partial<GatewayOptions> = {}): Promise<void> {
  await server?.close({ timeoutMs: 0 })
  const keep = (about: object, message: string) => void logged.push({ about, message })
  gateway = createGateway({
    services: [
      { contract: users, upstream: usersUpstream },
      { contract: orders, upstream: ordersUpstream },
    ],
    verifier,
    version: '1.2.3',
    log: { debug() {}, info() {}, warn: keep, error: keep },
    ...more,
  })
  server = createHttpServer(gateway.handle)
  port = (await server.listen({ host: '127.0.0.1', port: 0 })).port
}

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  const text = await response.text()
  const json = /json/.test(response.headers.get('content-type') ?? '') && text !== '' ? JSON.parse(text) : undefined
  return { status: response.status, headers: Object.fromEntries(response.headers), text, json }
}

/** For what fetch would repair or refuse to send: gives the status line, the headers and the body as they came. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/json', ...headers },
})
const asAda = () => ({ headers: { authorization: `Bearer ${token}` } })

describe('R-GW-1: routing', () => {
  test('requests go by template, not by prefix', async () => {
    await ask('/users/usr_1')
    await ask('/users/usr_1/orders')
    await ask('/orders')
    expect(usersUpstream.asked.map((request) => request.operation)).toEqual(['users.users.get'])
    expect(ordersUpstream.asked.map((request) => request.operation)).toEqual([
      'orders.orders.list',
      'orders.orders.listAll',
    ])
  })

  test('R-VER-5: /api and the version may stand before, and the path stays as it was written', async () => {
    for (const path of ['/users/usr_1', '/api/users/usr_1', '/v2/users/usr_1', '/api/v2/users/usr_1']) {
      expect((await ask(path)).status).toBe(200)
      expect(usersUpstream.asked.pop()).toMatchObject({ path, params: ['usr_1'] })
    }
  })

  test('R-REST-4: nowhere is a 404, also for those who are not signed in, and with any method', async () => {
    for (const path of ['/nothing', '/users/usr_1/nothing', '/users/', '/', '/api', '/v1', '/metrics']) {
      const { status, json } = await ask(path, { headers: { authorization: 'Bearer nonsense' } })
      expect(status).toBe(404)
      expect(json.error.code).toBe('NOT_FOUND')
    }
    expect((await ask('/nothing', { method: 'OPTIONS' })).status).toBe(404)
    expect((await ask('/nothing', { method: 'DELETE' })).status).toBe(404)
  })

  test('R-REST-4: a method that is not offered is a 405 with Allow', async () => {
    for (const method of ['DELETE', 'PUT', 'PROPFIND']) {
      const { status, headers, json } = await ask('/orders/ord_1', { method })
      expect(status).toBe(405)
      expect(headers.allow).toBe('GET, HEAD, OPTIONS')
      expect(json.error.code).toBe('METHOD_NOT_ALLOWED')
    }
    expect(ordersUpstream.asked).toEqual([])
  })

  test('R-REST-2: OPTIONS says what is offered', async () => {
    const { status, headers, text } = await ask('/users/usr_1/orders', { method: 'OPTIONS' })
    expect({ status, allow: headers.allow, text }).toEqual({ status: 204, allow: 'GET, HEAD, POST, OPTIONS', text: '' })
    expect(headers['content-length']).toBeUndefined()
    expect(await raw('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 204 /)
  })

  test('R-REST-2: HEAD is GET without the body, with its length', async () => {
    const answer = await raw(`HEAD /users/usr_1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer).toMatch(/\r\ncontent-length: 11\r\n/)
    expect(answer).toMatch(/\r\n\r\n$/)
    expect(usersUpstream.asked[0]!.operation).toBe('users.users.get')
    expect(await raw(`HEAD /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(
      /404.*content-length: \d{2,}\r\n.*\r\n\r\n$/s,
    )
  })

  test('an absolute target is served', async () => {
    expect(await raw(`GET http://example.com/v1/users/usr_1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200 /,
    )
    expect(usersUpstream.asked[0]!.path).toBe('/v1/users/usr_1')
  })
})

describe('R-GW-4: strange requests', () => {
  test.each([
    '//users',
    '/users/../users',
    '/users/./usr_1',
    '/%2e%2e/users',
    '/users%2fusr_1',
    '/users/%00',
    '/users/%zz',
    '/users#x',
    '/users?a=%zz',
    '/caf\xe9',
  ])('%s is refused with 400, in the envelope', async (target) => {
    const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('"code":"VALIDATION_ERROR"')
  })

  test('an overlong address is a 414', async () => {
    const { status, json } = await ask(`/users/${'a'.repeat(9_000)}`)
    expect(status).toBe(414)
    expect(json.error.code).toBe('URI_TOO_LONG')
  })

  test('two Hosts are refused', async () => {
    expect(await raw('GET /users/usr_1 HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    )
    expect(usersUpstream.asked).toEqual([])
  })
})

describe('R-VER-1: versions', () => {
  test('the version goes on to the service, without its parameter, and the answer names it', async () => {
    expect((await ask('/users/usr_1?version=2&fields=id')).headers['api-version']).toBe('2')
    expect(usersUpstream.asked.pop()).toMatchObject({ version: 2, query: [['fields', 'id']] })
    const accept = { headers: { accept: 'application/vnd.api+json;version=2' } }
    expect((await ask('/users/usr_1?version=1', accept)).headers['api-version']).toBe('2')
    expect((await ask('/v1/users/usr_1', accept)).headers['api-version']).toBe('1')
    expect((await ask('/users/usr_1')).headers['api-version']).toBe('1')
  })

  test('FC-14, R-VER-1: parameters of Accept are parsed, quoted strings too, over several headers', async () => {
    const version = async (...accept: string[]) => {
      const lines = accept.map((one) => `Accept: ${one}\r\n`).join('')
      const answer = await raw(`GET /users/usr_1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}\r\n`)
      return [Number(answer.split(' ')[1]), /api-version: (\d)/i.exec(answer)?.[1]]
    }
    expect(await version('application/json; foo="x;version=9"; version=2')).toEqual([200, '2'])
    expect(await version('text/html', 'application/vnd.api+json;version=2')).toEqual([200, '2'])
    expect(await version('application/json;version=1;q=0.5', 'application/json;version=2')).toEqual([200, '2'])
    expect(await version('text/html;version=9, */*')).toEqual([200, '1'])
    expect(await version('application/json;version=1, application/json;version=9;q=0.1')).toEqual([400, undefined])
  })

  test('the version is the whole API’s: a service that did not change has it too', async () => {
    expect((await ask('/v2/orders')).headers['api-version']).toBe('2')
    expect(ordersUpstream.asked[0]!.version).toBe(2)
  })

  test('an unknown version, wherever it stands, is a 400 that lists those that exist', async () => {
    const accept = { headers: { accept: 'application/json;version=9' } }
    for (const asking of [
      ask('/v9/users/usr_1'),
      ask('/v9/nothing'),
      ask('/v9/orders/ord_1', { method: 'DELETE' }),
      ask('/v9/orders', { method: 'OPTIONS' }),
      ask('/users/usr_1', accept),
      ask('/v1/users/usr_1', accept),
      ask('/v1/users/usr_1?version=abc'),
    ]) {
      const { status, json } = await asking
      expect(status).toBe(400)
      expect(json.error).toMatchObject({ code: 'UNSUPPORTED_VERSION', message: expect.stringContaining('1, 2') })
    }
  })

  test('R-VER-3: a deprecated version says so, also in its errors', async () => {
    const told = { deprecation: '@1767225600', sunset: 'Fri, 01 Jan 2027 00:00:00 GMT' }
    expect((await ask('/v1/users/usr_1')).headers).toMatchObject(told)
    expect((await ask('/v1/users', asBadly())).headers).toMatchObject(told)
    expect((await ask('/v2/users/usr_1')).headers).not.toHaveProperty('deprecation')
  })

  test('answers vary by Accept where it may choose the version, and add to what the service says', async () => {
    expect((await ask('/users/usr_1')).headers.vary).toBe('accept')
    expect((await ask('/v1/users/usr_1')).headers.vary).toBeUndefined()
    usersUpstream.answer = () => ({ status: 200, headers: { vary: 'authorization' }, body: '{}' })
    expect((await ask('/users/usr_1')).headers.vary).toBe('accept, authorization')
    expect((await ask('/v1/users/usr_1')).headers.vary).toBe('authorization')
  })
})

const asBadly = () => ({ headers: { authorization: 'Bearer nonsense' } })

describe('R-GW-2: who asks', () => {
  test('without credentials the caller is anonymous; a good token names the user', async () => {
    await ask('/users/usr_1')
    expect(usersUpstream.asked.pop()!.context.caller).toEqual({ kind: 'anonymous' })
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer ']) {
      expect((await ask('/users/usr_1', { headers: { authorization: `${scheme} ${token}` } })).status).toBe(200)
      expect(usersUpstream.asked.pop()!.context.caller).toMatchObject({
        kind: 'user',
        id: 'usr_ada',
        roles: ['member'],
      })
    }
  })

  test.each([
    ['Bearer nonsense', 'INVALID_TOKEN', 'Bearer error="invalid_token"'],
    ['Bearer', 'INVALID_TOKEN', 'Bearer error="invalid_token"'],
    ['Bearer a b', 'INVALID_TOKEN', 'Bearer error="invalid_token"'],
    ['Basic YTpi', 'UNAUTHENTICATED', 'Bearer'],
    ['nonsense', 'UNAUTHENTICATED', 'Bearer'],
  ])('R-REST-4: Authorization: %s is a 401 %s', async (authorization, code, challenge) => {
    const { status, headers, json } = await ask('/users/usr_1', { headers: { authorization } })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe(challenge)
    expect(json.error.code).toBe(code)
    expect(usersUpstream.asked).toEqual([])
  })

  test('an expired token is a 401 TOKEN_EXPIRED, also when it was good before', async () => {
    expect((await ask('/users/usr_1', asAda())).status).toBe(200)
    nowMs += 16 * 60_000
    expect((await ask('/users/usr_1', asAda())).json.error.code).toBe('TOKEN_EXPIRED')
  })

  test('sign-in does not look at the token: a client may send its old one along', async () => {
    expect((await ask('/auth/login', post('{}', { authorization: 'Bearer nonsense' }))).status).toBe(200)
    expect(usersUpstream.asked[0]!.context.caller).toEqual({ kind: 'anonymous' })
  })

  test('identity headers from outside mean nothing', async () => {
    const headers = { 'x-user-id': 'usr_admin', 'x-user-roles': 'admin', 'x-forwarded-user': 'admin' }
    await ask('/users/usr_1', { headers })
    expect(usersUpstream.asked[0]!.context.caller).toEqual({ kind: 'anonymous' })
    expect(JSON.stringify(usersUpstream.asked[0]!.context.caller)).not.toContain('admin')
  })

  test('a system without a verifier takes no tokens', async () => {
    await start({ verifier: undefined })
    expect((await ask('/users/usr_1')).status).toBe(200)
    expect((await ask('/users/usr_1', asAda())).json.error.code).toBe('INVALID_TOKEN')
  })

  test('keys that cannot be loaded are a 503, not a 401', async () => {
    const keys = createKeySet(() => Promise.reject(new Error('down')), { now: () => nowMs })
    await start({ verifier: createTokenVerifier({ keys, ...PARTIES, now: () => nowMs }) })
    expect((await ask('/users/usr_1', asAda())).status).toBe(503)
  })
})

describe('what a service gets', () => {
  test('the whole request, the body as bytes', async () => {
    const headers = {
      'idempotency-key': 'k1',
      'if-match': '"3"',
      'if-none-match': '"4"',
      'x-request-id': 'abc',
      ...asAda().headers,
    }
    await ask('/users/usr_1/orders?a=1&a=2', post('{"note":"é"}', headers))
    const request = ordersUpstream.asked[0]!
    expect(request).toMatchObject({
      params: ['usr_1'],
      query: [
        ['a', '1'],
        ['a', '2'],
      ],
      path: '/users/usr_1/orders',
      contentType: 'application/json',
      idempotencyKey: 'k1',
      ifMatch: '"3"',
      ifNoneMatch: '"4"',
      requestId: 'abc',
    })
    expect(Buffer.from(request.body as Uint8Array).toString()).toBe('{"note":"é"}')
  })

  test('no body is undefined, also with a length of 0', async () => {
    await ask('/users', { method: 'POST' })
    expect(usersUpstream.asked[0]!.body).toBeUndefined()
  })

  test.each(['GET', 'HEAD', 'DELETE'])('R-REST-2: %s takes no body', async (method) => {
    const answer = await raw(
      `${method} /users/usr_1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(usersUpstream.asked).toEqual([])
    const none = await raw(
      `${method} /users/usr_1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    )
    expect(none).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('R-REST-4: a body beyond the bound is a 413', async () => {
    await start({ maxBodyBytes: 1_000 })
    expect((await ask('/users', post('x'.repeat(1_000)))).status).toBe(200)
    expect((await ask('/users', post('x'.repeat(1_001)))).json.error.code).toBe('PAYLOAD_TOO_LARGE')
    expect((await ask('/users', post('x'.repeat(3_000_000)))).json.error.code).toBe('PAYLOAD_TOO_LARGE')
  })

  test('FC-7: the body of a request that its caller may not make is not read', async () => {
    const refused = new Problem('FORBIDDEN')
    usersUpstream.answer = () => {
      throw refused
    }
    const head = `POST /secrets HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: ${1024 * 1024}\r\n`
    // Neither is told to send its body, and the connection ends: the client may be in the middle of it.
    const anonymous = await raw(`${head}\r\n`)
    expect(anonymous).toMatch(/^HTTP\/1.1 401 /)
    expect(anonymous).toContain('connection: close')
    expect(usersUpstream.asked).toHaveLength(0)
    const member = await raw(`${head}authorization: Bearer ${token}\r\n\r\n`)
    expect(member).toMatch(/^HTTP\/1.1 403 /)
    expect(usersUpstream.asked[0]).toMatchObject({ reach: 'none', body: undefined })
  })

  test('R-REST-4: a compressed body is a 415, never read as text', async () => {
    const { status, json } = await ask('/users', post('{}', { 'content-encoding': 'gzip' }))
    expect(status).toBe(415)
    expect(json.error.code).toBe('UNSUPPORTED_MEDIA_TYPE')
  })

  test('the signal aborts when the client goes away, and nothing is logged for it', async () => {
    let aborted = () => {}
    const gone = new Promise<void>((resolve) => {
      aborted = resolve
    })
    let asked = () => {}
    const arrived = new Promise<void>((resolve) => {
      asked = resolve
    })
    usersUpstream.answer = ({ context }) =>
      new Promise((_, reject) => {
        const { signal } = context
        signal.addEventListener('abort', () => {
          reject(signal.reason)
          aborted()
        })
        asked()
      })
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /users/usr_1 HTTP/1.1\r\nHost: x\r\n\r\n'))
    await arrived
    socket.destroy()
    await gone
    expect(usersUpstream.asked[0]!.context.signal.aborted).toBe(true)
    expect(logged).toEqual([])
  })

  test('the signal does not abort when the answer is sent', async () => {
    usersUpstream.answer = ({ context }) => ({ status: 200, headers: {}, body: String(context.signal.aborted) })
    expect((await ask('/users/usr_1', { headers: { connection: 'close' } })).text).toBe('false')
    expect(usersUpstream.asked[0]!.context.signal.aborted).toBe(false)
  })
})

describe('answers', () => {
  test('status, headers and body are the service’s; the rest is the gateway’s', async () => {
    usersUpstream.answer = () => ({
      status: 201,
      headers: { location: '/v2/users/usr_1', etag: '"1"' },
      body: '{"name":"é"}',
    })
    const { status, headers, text } = await ask('/v2/users', post('{}'))
    expect(status).toBe(201)
    expect(text).toBe('{"name":"é"}')
    expect(headers).toMatchObject({
      location: '/v2/users/usr_1',
      etag: '"1"',
      'content-type': 'application/json; charset=utf-8',
      'content-length': '13',
      'api-version': '2',
      'x-content-type-options': 'nosniff',
      date: expect.any(String),
    })
  })

  test.each([204, 304])('%d has neither body nor length', async (status) => {
    usersUpstream.answer = () => ({ status, headers: { etag: '"1"' }, body: undefined })
    const answer = await ask('/v1/users/usr_1')
    expect(answer).toMatchObject({ status, text: '' })
    expect(answer.headers).not.toHaveProperty('content-type')
    expect(answer.headers).not.toHaveProperty('content-length')
  })

  test('R-CACHE-4: what is meant for one caller is not stored, unless the service says how', async () => {
    expect((await ask('/v1/users/usr_1', asAda())).headers['cache-control']).toBe('no-store')
    expect((await ask('/v1/users/usr_1')).headers).not.toHaveProperty('cache-control')
    usersUpstream.answer = () => ({ status: 200, headers: { 'cache-control': 'private, no-cache' }, body: '{}' })
    expect((await ask('/v1/users/usr_1', asAda())).headers['cache-control']).toBe('private, no-cache')
  })

  test('R-REST-7: the caller’s request id comes back if it is one, else a new one', async () => {
    for (const path of ['/users/usr_1', '/nothing', '/health', '/v9/users']) {
      expect((await ask(path, { headers: { 'x-request-id': 'A.b_c-9' } })).headers['x-request-id']).toBe('A.b_c-9')
      for (const id of ['a b', 'a'.repeat(65), 'ü', '', 'a;b'])
        expect((await ask(path, { headers: { 'x-request-id': id } })).headers['x-request-id']).toMatch(/^req_\w{26}$/)
    }
    const { headers, json } = await ask('/nothing')
    expect(json.error.requestId).toBe(headers['x-request-id'])
  })

  test('requests sent ahead on one connection are answered in order', async () => {
    const releases: (() => void)[] = []
    let both = () => {}
    const arrived = new Promise<void>((resolve) => {
      both = resolve
    })
    usersUpstream.answer = ({ params }) =>
      new Promise((resolve) => {
        releases.push(() => resolve({ status: 200, headers: {}, body: JSON.stringify(params) }))
        if (releases.length === 2) both()
      })
    const answers = raw(
      'GET /users/a HTTP/1.1\r\nHost: x\r\n\r\nGET /users/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    )
    await arrived
    releases[1]!()
    releases[0]!()
    expect((await answers).match(/\["\w"\]/g)).toEqual(['["a"]', '["b"]'])
  })
})

describe('R-BODY-5: problems', () => {
  const fail = (error: unknown) => {
    ordersUpstream.answer = () => {
      throw error
    }
  }

  test('a problem of the contract’s own has its status', async () => {
    fail(new Problem('TOO_MANY_ORDERS'))
    const { status, json } = await ask('/users/usr_1/orders', post('{}'))
    expect(status).toBe(409)
    expect(json.error).toMatchObject({ code: 'TOO_MANY_ORDERS', message: 'There are too many orders' })
  })

  test('a bug is a 500 that says nothing, with the request id in the log', async () => {
    const bug = new TypeError('x is not a function')
    fail(bug)
    const { status, headers, json } = await ask('/orders')
    expect(status).toBe(500)
    expect(json.error.message).toBe('Internal server error')
    const about = {
      err: bug,
      operation: 'orders.orders.listAll',
      requestId: headers['x-request-id'],
      traceId: expect.any(String),
    }
    expect(logged).toEqual([{ about, message: expect.any(String) }])
  })

  test('a header that cannot be sent is a 500, and not the end of the process', async () => {
    usersUpstream.answer = () => ({ status: 200, headers: { etag: 'a\r\nb' }, body: '{}' })
    expect((await ask('/users/usr_1')).status).toBe(500)
  })

  test('as RFC 9457 for those who ask for it', async () => {
    const { headers, json } = await ask('/nothing', { headers: { accept: 'application/problem+json' } })
    expect(headers['content-type']).toBe('application/problem+json')
    expect(json).toMatchObject({ status: 404, code: 'NOT_FOUND', requestId: headers['x-request-id'] })
  })

  test('an error is never kept by a cache', async () => {
    expect((await ask('/nothing')).headers['cache-control']).toBe('no-store')
  })
})

describe('R-OPS-1: health', () => {
  test('is the system’s, at /health and /api/health, and with HEAD', async () => {
    const { status, headers, json } = await ask('/health')
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' })
    expect(json).toMatchObject({
      status: 'healthy',
      version: '1.2.3',
      checks: { users: { status: 'up' }, orders: { status: 'up' } },
    })
    expect(await gateway.health()).toEqual(json)
    expect((await ask('/api/health')).json).toEqual(json)
    expect(await ask('/health', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  })

  test('is 503 with Retry-After when nothing works', async () => {
    usersUpstream.state = ordersUpstream.state = { status: 'unhealthy', checks: {} }
    const { status, headers, json } = await ask('/health')
    expect(status).toBe(503)
    expect(headers['retry-after']).toBe('1')
    expect(json.status).toBe('unhealthy')
  })

  test('other methods are a 405', async () => {
    const { status, headers } = await ask('/health', { method: 'POST' })
    expect(status).toBe(405)
    expect(headers.allow).toBe('GET, HEAD, OPTIONS')
    expect((await ask('/health/live', { method: 'OPTIONS' })).headers.allow).toBe('GET, HEAD, OPTIONS')
  })

  test('R-OPS-2: readiness goes false with the drain, and the rest goes on', async () => {
    expect((await ask('/health/ready')).json).toEqual({ status: 'ready' })
    gateway.drain()
    const { status, headers, json } = await ask('/health/ready')
    expect({ status, json }).toEqual({ status: 503, json: { status: 'draining' } })
    expect(headers['retry-after']).toBe('1')
    expect((await ask('/health/live')).status).toBe(200)
    expect((await ask('/users/usr_1')).status).toBe(200)
  })
})

describe('documents', () => {
  const documents = (path: string) =>
    path === '/openapi.json' || path === '/v1/openapi.json'
      ? { contentType: 'application/json', body: `{"at":"${path}"}` }
      : path === '/docs'
        ? {
            contentType: 'text/html',
            body: '<p>',
            headers: { 'content-security-policy': "default-src 'self'", 'cache-control': 'max-age=60' },
          }
        : undefined

  test('are served outside of versions, to anyone, under /api too', async () => {
    await start({ documents })
    expect((await ask('/openapi.json', asBadly())).json).toEqual({ at: '/openapi.json' })
    expect((await ask('/api/v1/openapi.json?x=1')).json).toEqual({ at: '/v1/openapi.json' })
    expect((await ask('/v9/openapi.json')).status).toBe(400)
    expect((await ask('/openapi.json', { method: 'PUT' })).status).toBe(405)
    expect(await ask('/openapi.json', { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '22' },
    })
  })

  test('R-OPS-4: the overview is at / and /dev, for this machine alone; without one they are a 404', async () => {
    await start({ documents })
    for (const path of ['/', '/dev']) expect([path, (await ask(path)).status]).toEqual([path, 404])
    await server!.close({ timeoutMs: 0 })
    await start({ documents, overview: () => ({ contentType: 'text/html', body: '<h1>' }) })
    for (const path of ['/', '/dev', '/api/dev'])
      expect([path, await ask(path)]).toMatchObject([path, { status: 200, text: '<h1>' }])
    for (const headers of [{ 'x-forwarded-for': '127.0.0.1' }, { via: '1.1 proxy' }])
      expect([headers, (await ask('/', { headers })).status]).toEqual([headers, 404])
    expect((await ask('/', { method: 'POST' })).status).toBe(405)
  })

  test('may have headers of their own', async () => {
    await start({ documents })
    expect((await ask('/openapi.json')).headers['cache-control']).toBe('no-cache')
    expect((await ask('/docs')).headers).toMatchObject({
      'content-type': 'text/html',
      'content-security-policy': "default-src 'self'",
      'cache-control': 'max-age=60',
      'x-content-type-options': 'nosniff',
    })
  })
})
