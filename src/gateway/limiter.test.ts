import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { send } from '../../test/wire.ts'
import { createKeySet } from '../auth/key-set.ts'
import { generateSigningKey, jwks, type SigningKey } from '../auth/keys.ts'
import { createTokenVerifier, issueAccessToken, type TokenVerifier } from '../auth/tokens.ts'
import type { ServicePort } from '../call/call.ts'
import type { Contract } from '../contract/contract.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { type Buckets, memoryBuckets } from '../limits/buckets.ts'
import { trustedProxies } from '../limits/client-address.ts'
import { createGateway } from './gateway.ts'
import { createLimiter, type LimiterOptions } from './limiter.ts'

const MINUTE = 60_000

const shop = service('shop', {
  resources: {
    notes: resource('note', {
      id: 'nte',
      fields: { title: t.text() },
      access: { list: 'public', get: 'public', create: 'authenticated' },
      limits: { create: [{ by: 'user', maxRequests: 2, windowMs: 10_000 }] },
    }),
  },
  operations: {
    login: operation({
      method: 'POST',
      path: '/auth/login',
      access: 'public',
      credentials: 'own',
      status: 200,
      limits: [{ by: 'ip', maxRequests: 4, windowMs: MINUTE }],
      body: { email: t.email() },
      answer: { ok: t.boolean() },
    }),
    order: operation({
      method: 'POST',
      path: '/copies',
      access: 'authenticated',
      status: 202,
      limits: [
        { by: 'ip', maxRequests: 4, windowMs: MINUTE },
        { by: 'user', maxRequests: 3, windowMs: MINUTE },
      ],
    }),
    refresh: operation({ method: 'POST', path: '/auth/refresh', access: 'public', credentials: 'own', status: 204 }),
    keys: operation({
      method: 'GET',
      path: '/.well-known/jwks.json',
      access: 'public',
      answer: { keys: t.list(t.text()) },
    }),
  },
})

const priced = service('priced', {
  resources: {
    reports: resource('report', {
      id: 'rep',
      fields: { title: t.text() },
      access: { list: 'public', get: 'public' },
      cost: { list: 5 },
    }),
  },
})

const PARTIES = { issuer: 'https://api.example.com', audience: 'lintel' }
let key: SigningKey
let verifier: TokenVerifier
const tokens: Record<string, string> = {}
let clock: { nowMs: number }
let served: number
let url: string
let server: HttpServer | undefined

beforeAll(async () => {
  key = await generateSigningKey()
  verifier = createTokenVerifier({ keys: createKeySet(async () => jwks([key])), ...PARTIES })
  for (const name of ['ada', 'bob']) {
    const claims = { sub: `usr_${name}`, email: `${name}@example.com`, roles: ['member'], sid: `ses_${name}` }
    tokens[name] = await issueAccessToken(key, claims, { ...PARTIES, nowMs: Date.now() })
  }
})

beforeEach(() => {
  clock = { nowMs: 1_000_000 }
  served = 0
})

afterEach(() => server?.close({ timeoutMs: 0 }))

async function start(
  limits: Partial<LimiterOptions> = {},
  contracts: Contract[] = [shop],
  verifying = verifier,
): Promise<void> {
  const upstream: ServicePort = {
    name: 'shop',
    async port() {
      served++
      return { status: 200, headers: {}, body: '{"ok":true}' }
    },
    health: async () => ({ status: 'healthy', checks: {} }),
  }
  const gateway = createGateway({
    services: contracts.map((contract) => ({ contract, upstream })),
    verifier: verifying,
    version: '1.0.0',
    documents: (path) => (path === '/openapi.json' ? { contentType: 'application/json', body: '{}' } : undefined),
    limits: { buckets: memoryBuckets({ now: () => clock.nowMs }), maxRequests: 10, ...limits },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  server = createHttpServer(gateway.handle)
  url = `http://127.0.0.1:${(await server.listen({ host: '127.0.0.1', port: 0 })).port}`
}

interface Ask {
  as?: string
  from?: string
  body?: string
  headers?: Record<string, string>
}

function ask(target: string, { as, from, body, headers = {} }: Ask = {}) {
  const [method, path] = target.split(' ')
  return send(url, method!, path!, {
    headers: {
      host: 'x',
      ...(as && { authorization: `Bearer ${tokens[as] ?? as}` }),
      ...(from && { 'x-forwarded-for': from }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
}

async function left(target: string, given?: Ask): Promise<number> {
  const { headers } = await ask(target, given)
  return Number(headers['x-ratelimit-remaining'] ?? Number.NaN)
}

const order = (as: string, from?: string) => ask('POST /copies', { as, ...(from && { from }) })
const logIn = (email: string, from?: string) =>
  ask('POST /auth/login', { body: JSON.stringify({ email }), ...(from && { from }) })

test('R-RATE-2: what an answer says of the limit is true', async () => {
  await start()
  const before = Math.floor(Date.now() / 1000)
  const { status, headers } = await ask('GET /notes/x')
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '9',
    ratelimit: '"default";r=9;t=6',
    'ratelimit-policy': '"default";q=10;w=60',
  })
  // Of ten a minute, one flows back in 6 s.
  const reset = Number(headers['x-ratelimit-reset'])
  expect(reset).toBeGreaterThanOrEqual(before + 6)
  expect(reset).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000) + 6)
  clock.nowMs += 6_000
  expect(await left('GET /notes/x')).toBe(9)
})

test('R-RATE-2: over it is a 429 that says when to come back, and that is true to the second', async () => {
  await start({ maxRequests: 3 })
  for (let i = 0; i < 3; i++) expect((await ask('GET /notes/x')).status).toBe(200)
  clock.nowMs += 500
  const refused = await ask('GET /notes/x')
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED' } } })
  expect(refused.headers).toMatchObject({ 'retry-after': '20', 'x-ratelimit-remaining': '0' })
  expect(served).toBe(3)
  clock.nowMs += 19_000
  expect((await ask('GET /notes/x')).status).toBe(429)
  clock.nowMs += 1_000
  expect((await ask('GET /notes/x')).status).toBe(200)
})

test('R-RATE-1 R-RATE-2: over any schedule no more passes than may, and what every answer says is true', async () => {
  const rules = fc.record({
    maxRequests: fc.integer({ min: 5, max: 12 }),
    windowMs: fc.integer({ min: 1, max: 120_000 }),
  })
  const schedules = fc.array(fc.record({ afterMs: fc.nat(20_000), dear: fc.nat(3).map((n) => n === 0) }), {
    maxLength: 25,
  })
  const property = fc.asyncProperty(rules, schedules, async (rule, schedule) => {
    await start(rule, [priced])
    const passed: { atMs: number; cost: number }[] = []
    const asking = async (dear: boolean) => {
      const { status, headers } = await ask(dear ? 'GET /reports' : 'GET /reports/x')
      if (status === 200) passed.push({ atMs: clock.nowMs, cost: dear ? 5 : 1 })
      else expect(status).toBe(429)
      expect(headers['x-ratelimit-limit']).toBe(String(rule.maxRequests))
      const left = Number(headers['x-ratelimit-remaining'])
      expect(headers.ratelimit).toMatch(new RegExp(`^"default";r=${left};t=\\d+$`))
      return { passes: status === 200, left, retryMs: Number(headers['retry-after']) * 1000 }
    }
    let left = rule.maxRequests
    for (const { afterMs, dear } of schedule) {
      const cost = dear ? 5 : 1
      clock.nowMs += afterMs
      const answer = await asking(dear)
      // Nothing flows out by itself.
      if (left >= cost) expect(answer.passes).toBe(true)
      if (afterMs === 0) expect(answer.passes).toBe(left >= cost)
      left = answer.left
      if (answer.passes) continue
      expect(left).toBeLessThan(cost)
      clock.nowMs += answer.retryMs - 1000
      expect((await asking(dear)).passes).toBe(false)
      clock.nowMs += 1000
      const later = await asking(dear)
      expect(later.passes).toBe(true)
      left = later.left
    }
    // So many more pass, and not one beyond.
    for (; left > 0; left--) expect((await asking(false)).passes).toBe(true)
    expect((await asking(false)).passes).toBe(false)
    for (let from = 0; from < passed.length; from++) {
      let sum = 0
      for (let to = from; to < passed.length; to++) {
        sum += passed[to]!.cost
        const stretchMs = passed[to]!.atMs - passed[from]!.atMs
        expect(sum * rule.windowMs).toBeLessThanOrEqual(rule.maxRequests * (rule.windowMs + stretchMs))
      }
    }
    await server!.close({ timeoutMs: 0 })
  })
  await fc.assert(property, { numRuns: 40 })
})

test('R-RATE-1: users have buckets of their own behind one address, and strangers share the address’s', async () => {
  await start()
  expect(await left('GET /notes/x', { as: 'ada' })).toBe(9)
  expect(await left('GET /notes/x', { as: 'ada' })).toBe(8)
  expect(await left('GET /notes/x', { as: 'bob' })).toBe(9)
  expect(await left('GET /notes/x')).toBe(9)
  expect(await left('GET /notes/x')).toBe(8)
})

test('R-RATE-5: whatever comes of a request, it is counted; by the address when it is not known whose it is', async () => {
  await start({ maxRequests: 100 })
  let remaining = 100
  const each: [string, number, Ask?][] = [
    ['GET /nothing', 404],
    ['GET /v9/notes', 400],
    ['GET //notes', 400],
    ['DELETE /notes/x', 405],
    ['OPTIONS /notes/x', 204],
    ['GET /notes/x', 401, { as: 'nonsense' }],
    ['POST /notes', 401, { as: 'nonsense' }],
    ['GET /nothing', 404, { as: 'ada' }],
  ]
  for (const [target, status, given] of each) {
    const { status: got, headers } = await ask(target, given)
    expect([target, got]).toEqual([target, status])
    // A token that is not good is counted in the usual bucket, whatever the operation has of its own (FC-8).
    expect([target, headers['x-ratelimit-remaining']]).toEqual([target, String(--remaining)])
  }
})

test('R-RATE-5: an address that is over gets a 429 for nonsense too', async () => {
  await start({ maxRequests: 1 })
  expect((await ask('GET /nothing')).status).toBe(404)
  for (const target of ['GET /nothing', 'GET //', 'OPTIONS /notes', 'DELETE /notes'])
    expect([target, (await ask(target)).status]).toEqual([target, 429])
  expect((await ask('GET /notes/x', { as: 'nonsense' })).status).toBe(429)
})

test('R-RATE-5: health, documents and keys are not counted, and say nothing of limits', async () => {
  await start({ maxRequests: 1 })
  for (const path of ['/health', '/health/live', '/health/ready', '/openapi.json', '/.well-known/jwks.json'])
    for (const method of ['GET', 'GET', 'HEAD']) {
      const { status, headers } = await ask(`${method} ${path}`)
      expect([path, status]).toEqual([path, 200])
      expect(Object.keys(headers).filter((name) => name.includes('ratelimit'))).toEqual([])
    }
  expect((await ask('OPTIONS /health')).status).toBe(204)
  expect((await ask('POST /openapi.json')).status).toBe(405)
  expect(await left('GET /notes/x')).toBe(0)
})

test('R-RATE-5: /auth/* is counted in its own buckets only: ten a minute for each address', async () => {
  await start()
  expect((await ask('POST /auth/refresh', { as: 'ada' })).headers).toMatchObject({
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '9',
    'ratelimit-policy': '"auth";q=10;w=60',
  })
  expect(await left('GET /auth/nothing')).toBe(8)
  expect(await left('GET /auth/refresh')).toBe(7)
  expect(await left('GET /notes/x')).toBe(9)
  expect((await logIn('ada@example.com')).headers['x-ratelimit-remaining']).toBe('3')
})

test('R-RATE-5: which bucket it is the contract says, and no word of a path', async () => {
  const codes = service('codes', {
    operations: {
      make: operation({ method: 'POST', path: '/auth/codes', access: 'public', status: 202 }),
      use: operation({
        method: 'PUT',
        path: '/uses',
        access: 'public',
        credentials: 'own',
        answer: { ok: t.boolean() },
      }),
    },
  })
  await start({ maxRequests: 100 }, [codes])
  expect(await left('POST /auth/codes')).toBe(99)
  expect(await left('GET /auth/nothing')).toBe(98)
  expect((await ask('POST /auth/codes', { as: 'nonsense' })).status).toBe(401)
  expect((await ask('PUT /uses', { as: 'nonsense' })).headers['ratelimit-policy']).toBe('"auth";q=10;w=60')
  expect(await left('GET /uses/nothing')).toBe(8)
})

test('R-RATE-2: of several buckets the tightest is told in X-RateLimit, all of them in RateLimit', async () => {
  await start()
  const { headers } = await order('ada')
  expect(headers).toMatchObject({
    'x-ratelimit-limit': '3',
    'x-ratelimit-remaining': '2',
    'ratelimit-policy': '"shop.order.ip";q=4;w=60, "shop.order.user";q=3;w=60',
    ratelimit: '"shop.order.ip";r=3;t=15, "shop.order.user";r=2;t=20',
  })
})

test('R-RATE-1: an address is limited whichever accounts it tries; of IPv6 the /64 is one', async () => {
  await start({ trusted: trustedProxies('127.0.0.1') })
  for (const [i, host] of ['1', '2', '3:4:5:6', 'ffff:1:2:3'].entries())
    expect((await logIn(`user${i}@example.com`, `2001:db8:0:1:${host}${host.length > 1 ? '' : '::'}`)).status).toBe(200)
  expect((await logIn('user9@example.com', '2001:db8:0:1::9')).status).toBe(429)
  expect((await logIn('user9@example.com', '2001:db8:0:2::9')).status).toBe(200)
})

test('R-RATE-2: Retry-After holds for every bucket: the one that let a refused request pass may be empty by it', async () => {
  await start({ trusted: trustedProxies('127.0.0.1') })
  for (let i = 0; i < 3; i++) await order('bob', '192.0.2.9')
  clock.nowMs += 10_000
  for (let i = 0; i < 3; i++) await order('ada', `192.0.2.${i}`)
  clock.nowMs += 4_000
  // The user has one again in 16 s, and the address one: 14 of 15 s have gone by of its first.
  const refused = await order('ada', '192.0.2.9')
  expect(refused.status).toBe(429)
  const waitMs = Number(refused.headers['retry-after']) * 1000
  clock.nowMs += waitMs - 1_000
  expect((await order('ada', '192.0.2.9')).status).toBe(429)
  clock.nowMs += 1_000 + waitMs
  expect((await order('ada', '192.0.2.9')).status).toBe(200)
})

test('R-RATE-4: X-Forwarded-For counts only from trusted proxies', async () => {
  await start({ maxRequests: 100 })
  expect(await left('GET /notes/x', { from: '192.0.2.1' })).toBe(99)
  expect(await left('GET /notes/x', { from: '192.0.2.2' })).toBe(98)
  await server!.close({ timeoutMs: 0 })
  await start({ maxRequests: 100, trusted: trustedProxies('127.0.0.1, 10.0.0.0/8') })
  expect(await left('GET /notes/x', { from: '192.0.2.1' })).toBe(99)
  expect(await left('GET /notes/x', { from: '192.0.2.2' })).toBe(99)
  expect(await left('GET /notes/x', { from: '6.6.6.6, 192.0.2.2, 10.1.1.1' })).toBe(98)
})

test('R-RATE-1: an operation may have limits and a cost of its own', async () => {
  await start({ maxRequests: 12 }, [shop, priced])
  expect(await left('GET /reports')).toBe(7)
  expect(await left('GET /reports/x')).toBe(6)
  expect(await left('GET /reports')).toBe(1)
  const refused = await ask('GET /reports')
  expect(refused.status).toBe(429)
  // Four more than the one that is left, at one in 5 s.
  expect(refused.headers).toMatchObject({ 'retry-after': '20', 'x-ratelimit-remaining': '1' })
  expect(await left('GET /notes/x')).toBe(0)

  const create = () => ask('POST /notes', { as: 'ada', body: '{}' })
  expect((await create()).headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' })
  expect((await create()).status).toBe(200)
  expect((await create()).status).toBe(429)
  expect((await ask('POST /notes', { as: 'bob', body: '{}' })).status).toBe(200)
  expect(await left('GET /notes/x', { as: 'ada' })).toBe(11)
})

test('R-RATE-5: RATE_LIMIT_AUTH_MAX goes before what contracts say of /auth/*', async () => {
  await start({ authMaxRequests: 2 })
  const { headers } = await logIn('ada@example.com')
  expect(headers['ratelimit-policy']).toBe('"shop.login.ip";q=2;w=60')
  expect(await left('POST /auth/refresh')).toBe(1)
})

test('a body that is over is not read', async () => {
  await start()
  for (let i = 0; i < 4; i++) expect((await logIn('ada@example.com')).status).toBe(200)
  const refused = await ask('POST /auth/login', {
    headers: { 'content-length': '900000', expect: '100-continue' },
  }).catch((error) => error)
  expect(refused.status).toBe(429)
})

test('buckets may be somewhere else', async () => {
  const inner = memoryBuckets({ now: () => clock.nowMs })
  const buckets: Buckets = {
    take: async (...given) => inner.take(...given),
    takeEach: async (draws) => inner.takeEach(draws),
  }
  await start({ buckets, maxRequests: 1 })
  expect((await ask('GET /notes/x')).status).toBe(200)
  expect((await ask('GET /notes/x')).status).toBe(429)
  expect((await ask('GET /nothing')).status).toBe(429)
  expect((await order('ada')).headers['x-ratelimit-remaining']).toBe('2')
})

const catalogue = service('catalogue', {
  resources: {
    books: resource('book', {
      id: 'bok',
      fields: { title: t.text(), genre: t.oneOf('novel', 'poems'), pages: t.integer() },
      list: { filter: ['genre', 'pages'], search: ['title'], sort: ['title', 'pages'], scanCost: 6 },
      access: { list: 'public', get: 'public' },
      cost: { list: 2 },
    }),
  },
})

test('FC-74, FC-115, R-RATE-1: a list that no index bounds costs more, and so does count=exact', async () => {
  await start({ maxRequests: 100 }, [catalogue])
  const costs: [string, number][] = [
    ['/books', 2],
    ['/books?sort=-title&limit=5', 2],
    ['/books?genre=novel', 2],
    ['/v1/books?pagesMin=100&sort=pages&version=1', 2],
    ['/books?q=x', 8],
    ['/books?pagesMin=100&sort=title', 8],
    ['/books?count=exact', 8],
    ['/books?genre=novel&sort=title&count=exact', 14],
    ['/books/x?fields=title', 1],
  ]
  let remaining = 100
  for (const [path, cost] of costs) {
    remaining -= cost
    expect(await left(`GET ${path}`), path).toBe(remaining)
  }
  expect(await left('HEAD /books?q=x')).toBe(remaining - 8)
})

test('FC-115: a list that costs more than a bucket holds takes all of it', async () => {
  await start({ maxRequests: 5, windowMs: 5000 }, [catalogue])
  expect(await left('GET /books?q=x&count=exact')).toBe(0)
  const refused = await ask('GET /books?q=x')
  expect(refused.status).toBe(429)
  expect(refused.headers['retry-after']).toBe('5')
  clock.nowMs += 5000
  expect((await ask('GET /books?q=x')).status).toBe(200)
})

test('R-OPS-4: a limit below what an operation costs is refused', () => {
  const make = (limits: Partial<LimiterOptions>) => () =>
    createLimiter([priced], { buckets: memoryBuckets(), ...limits })
  expect(make({ maxRequests: 4 })).toThrow('RATE_LIMIT_MAX is 4: give 5 or more, which priced.reports.list costs')
  expect(make({ maxRequests: 5 })).not.toThrow()
})

test('FC-8: forged tokens draw from the bucket of the address; while it is empty only tokens that are known are let on', async () => {
  let verified = 0
  const { kept, verify, forget } = createTokenVerifier({ keys: createKeySet(async () => jwks([key])), ...PARTIES })
  const counting: TokenVerifier = {
    kept,
    verify(token) {
      verified++
      return verify(token)
    },
    forget,
    size: 0,
  }
  await start({ maxRequests: 10 }, [shop], counting)
  expect((await order('ada')).status).toBe(200)
  const forged = (i: number) => `${tokens.bob!.slice(0, -8)}${String(i).padStart(8, 'A')}`
  const statuses = []
  // An operation with buckets of its own is no way round.
  for (let i = 0; i < 30; i++)
    statuses.push((await ask(i % 2 ? 'GET /notes/x' : 'POST /copies', { as: forged(i) })).status)
  expect(statuses).toEqual([...new Array(10).fill(401), ...new Array(20).fill(429)])
  const before = verified
  expect((await ask('GET /notes/x', { as: 'bob' })).headers).toMatchObject({ 'retry-after': '6' })
  expect((await ask('GET /notes/x', { as: 'ada' })).status).toBe(200)
  expect(verified).toBe(before)
  clock.nowMs += 6000
  expect((await ask('GET /notes/x', { as: 'bob' })).status).toBe(200)
})
