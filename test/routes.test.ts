import { createHmac, timingSafeEqual } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { operation, route, service, t } from '../src/contract/index.ts'
import type { Handlers } from '../src/service/handler.ts'
import { Problem } from '../src/service/index.ts'
import { smallParts } from './small-parts.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const desk = service('desk', {
  problems: {},
  operations: {
    report: operation({ method: 'GET', path: '/reports/{day}', access: 'public', answer: { day: t.text() } }),
  },
  routes: {
    paymentHook: route({
      methods: ['POST'],
      path: '/payment-notifications',
      access: 'public',
      credentials: 'own',
      body: { types: ['application/json'], maxBytes: 1000 },
      answers: { 204: null },
      problems: ['UNAUTHENTICATED', 'CONFLICT'],
      limits: [{ by: 'ip', maxRequests: 10_000, windowMs: 1_000 }],
    }),
    page: route({
      methods: ['GET', 'POST'],
      path: '/pages/{name}',
      access: 'public',
      body: { types: ['text/*'] },
      answers: { 200: 'text/html', 303: null, 404: ['text/html', 'text/plain'] },
      description: 'A page.',
    }),
    counted: route({
      methods: ['GET'],
      path: '/counted',
      access: 'public',
      answers: { 200: 'text/plain' },
      limits: [{ by: 'ip', maxRequests: 2, windowMs: 60_000 }],
    }),
    slow: route({ methods: ['GET'], path: '/slow', access: 'public', answers: { 200: 'text/plain' }, timeoutMs: 50 }),
    broken: route({
      methods: ['GET'],
      path: '/broken',
      access: 'public',
      answers: { 200: 'text/plain', 302: null },
    }),
  },
})

const SECRET = 'a secret'
const signatureOf = (bytes: Uint8Array | string) => createHmac('sha256', SECRET).update(bytes).digest('hex')

const handlers: Handlers<typeof desk> = {
  report: async ({ params }) => ({ day: params.day }),
  async paymentHook({ bytes, headers, json }, { tx }) {
    const [given, expected] = [headers['x-signature'] ?? '', signatureOf(bytes)]
    if (given.length !== expected.length || !timingSafeEqual(Buffer.from(given), Buffer.from(expected)))
      throw new Problem('UNAUTHENTICATED')
    const { id } = json() as { id: string }
    await tx.query('insert into payments values ($1)', [id])
    if (id === 'late') throw new Problem('CONFLICT')
    return {}
  },
  async page({ method, params, query, headers, url, text }) {
    if (method === 'POST')
      return { status: 303, headers: { location: `/pages/${text()}`, 'set-cookie': ['a=1', 'b=2'] } }
    if (params.name === 'none') return { status: 404, headers: { 'content-type': 'text/plain' }, body: 'none' }
    const shown = JSON.stringify({ url, q: query.getAll('q'), version: query.get('version'), headers })
    return { status: 200, headers: { 'content-security-policy': "default-src 'self'" }, body: shown }
  },
  counted: async () => ({ body: 'counted' }),
  async slow(_, { signal }) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return { body: 'late' }
  },
  async broken({ query }, { tx }) {
    await tx.query(`insert into payments values ($1)`, [`broken ${query}`])
    const answers: Record<string, object> = {
      'as=type': { status: 200, headers: { 'content-type': 'text/html' }, body: '' },
      'as=status': { status: 201, body: '' },
      'as=body': { status: 302, body: 'x' },
      'as=header': { status: 302, headers: { 'x-request-id': 'mine' } },
      'as=line': { status: 302, headers: { location: 'a\r\nset-cookie: b=c' } },
    }
    return answers[String(query)] ?? {}
  },
}

const SQL = 'create table payments (id text primary key);'

const WAYS = {
  'one process': () => smallSystem(desk, handlers, SQL),
  'two processes, over HTTP': () => smallParts(desk, handlers, SQL, 'http'),
  'two processes, over gRPC': () => smallParts(desk, handlers, SQL, 'grpc'),
}

describe.each(Object.entries(WAYS))('in %s', (_, start) => {
  let small: SmallSystem
  beforeAll(async () => {
    small = await start()
  })
  afterAll(() => small?.stop())

  const ask = (method: string, path: string, wire = {}) => send(small.url, method, path, wire)
  const json = { 'content-type': 'application/json' }

  describe('a webhook', () => {
    const post = (body: string, headers = {}) =>
      ask('POST', '/payment-notifications', {
        body,
        headers: { ...json, 'x-signature': signatureOf(body), ...headers },
      })

    test('R-P-6: its handler has the bytes that were signed, and its effect commits', async () => {
      const { status, headers, text } = await post('{ "id":"pay_1" }')
      expect([status, text, headers['content-type']]).toEqual([204, '', undefined])
      expect(headers['x-request-id']).toBeDefined()
      expect((await post('{"id":"pay_1"}')).status).toBe(409)
      expect((await post('{"id":"pay_2"}', { 'x-signature': 'f'.repeat(64) })).body.error.code).toBe('UNAUTHENTICATED')
    })

    test('R-BODY-2 R-REST-4: what is refused is so before the handler runs', async () => {
      expect((await post('x'.repeat(1001))).body.error.code).toBe('PAYLOAD_TOO_LARGE')
      const typed = await post('{}', { 'content-type': 'text/plain' })
      expect([typed.status, typed.headers.accept]).toEqual([415, 'application/json'])
      expect((await post('{}', { 'content-encoding': 'gzip' })).status).toBe(415)
      expect((await post('{"a":1,"a":2}')).body.error.code).toBe('MALFORMED_JSON')
      const bytes = Buffer.from([0xff])
      const posted = await ask('POST', '/pages/x', { body: bytes, headers: { 'content-type': 'text/plain' } })
      expect(posted.body.error.code).toBe('VALIDATION_ERROR')
      const { status, headers } = await ask('GET', '/payment-notifications')
      expect([status, headers.allow]).toEqual([405, 'POST, OPTIONS'])
      expect((await ask('OPTIONS', '/payment-notifications')).headers.allow).toBe('POST, OPTIONS')
    })

    test('R-EVT-1: what its handler throws undoes its work', async () => {
      for (let i = 0; i < 2; i++) expect((await post('{"id":"late"}')).body.error.code).toBe('CONFLICT')
    })

    test('R-RATE-1: it is counted as an operation is, and its own credentials are no sign-in', async () => {
      const { headers } = await post('{"id":"pay_3"}')
      expect(headers['x-ratelimit-limit']).toBe('10000')
      expect((await ask('GET', '/counted')).headers['x-ratelimit-remaining']).toBe('1')
      await ask('HEAD', '/counted')
      const { status, body } = await ask('GET', '/counted')
      expect([status, body.error.code]).toEqual([429, 'RATE_LIMITED'])
    })
  })

  describe('a page', () => {
    test('R-P-6: it has its type, and headers of its own before those of every answer', async () => {
      const { status, headers, text, body } = await ask('GET', '/pages/a%20b?q=1&q=%C3%A4&version=x', {
        headers: { 'x-request-id': 'mine', 'x-user-id': 'admin', 'x-forwarded-for': '1.2.3.4', cookie: 'a=b' },
      })
      expect(status).toBe(200)
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'self'",
        'x-content-type-options': 'nosniff',
        'x-request-id': 'mine',
        'content-length': String(Buffer.byteLength(text)),
      })
      expect(headers).not.toHaveProperty('api-version')
      expect(body).toMatchObject({ url: '/pages/a%20b?q=1&q=%C3%A4&version=x', q: ['1', 'ä'], version: 'x' })
      // Who asks is not what the client says.
      expect(Object.keys(body.headers).sort()).toEqual(
        ['connection', 'cookie', 'host'].filter((one) => one !== 'connection'),
      )
      const head = await ask('HEAD', '/pages/a%20b?q=1&q=%C3%A4&version=x')
      expect([head.status, head.text, Number(head.headers['content-length']) > 0]).toEqual([200, '', true])
    })

    test('R-P-6: each status has its types; a redirection sets cookies', async () => {
      const { status, headers, text } = await ask('GET', '/pages/none')
      expect([status, headers['content-type'], text]).toEqual([404, 'text/plain', 'none'])
      const posted = await ask('POST', '/pages/any', { body: 'next', headers: { 'content-type': 'Text/Plain' } })
      expect([posted.status, posted.headers.location, posted.headers['set-cookie']]).toEqual([
        303,
        '/pages/next',
        ['a=1', 'b=2'],
      ])
    })

    test('R-VER-1: it is the same in each version; one that there is not is a 400', async () => {
      expect((await ask('GET', '/api/v1/pages/none')).status).toBe(404)
      expect((await ask('GET', '/v1/pages/none')).text).toBe('none')
      expect((await ask('GET', '/v9/pages/none')).body.error.code).toBe('UNSUPPORTED_VERSION')
    })

    test('R-REST-2: a body where there is none to be is a 400', async () => {
      const { status } = await ask('GET', '/pages/none', { body: 'x', headers: { 'content-type': 'text/plain' } })
      expect(status).toBe(400)
    })

    test('R-P-7: its deadline holds until its handler has returned', async () => {
      expect((await ask('GET', '/slow')).body.error.code).toBe('GATEWAY_TIMEOUT')
    })

    test('R-BODY-7: an answer that the contract does not have is a 500 that undoes the work', async () => {
      for (const as of ['nothing', 'type', 'status', 'body', 'header', 'line', 'type'])
        expect([as, (await ask('GET', `/broken?as=${as}`)).status]).toEqual([as, 500])
    })
  })
})
