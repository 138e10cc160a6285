import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'
import { PASSWORD } from './reference.ts'
import { launcher } from './system-process.ts'
import { send } from './wire.ts'

const ADMIN = 'admin@example.com'

/** The reference system with limits such as a user's own system has. */
function limited(env: Record<string, string>) {
  const running = {} as { system: TestSystem }
  beforeAll(async () => {
    const admin = { LINTEL_ADMIN_EMAIL: ADMIN, LINTEL_ADMIN_PASSWORD: PASSWORD }
    running.system = await testSystem(system, inject('databaseServer'), { ...admin, ...env })
  })
  afterAll(() => running.system?.stop())
  return {
    ask: (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
      send(running.system.url, method, path, {
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

describe('behind a trusted proxy, with the usual limits', () => {
  const { ask } = limited({ RATE_LIMIT_MAX: '', RATE_LIMIT_AUTH_MAX: '', TRUSTED_PROXIES: '127.0.0.1' })
  const logIn = (email: string, from: string, password = PASSWORD) =>
    ask('POST', '/auth/login', { 'x-forwarded-for': from }, { email, password })

  test('R-RATE-1: 100 a minute for an address, and for each user of it', async () => {
    const from = { 'x-forwarded-for': '198.51.100.1' }
    const token = (await logIn(ADMIN, '198.51.100.1')).body.accessToken
    const first = await ask('GET', '/products', from)
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '99',
      'ratelimit-policy': '"default";q=100;w=60',
    })
    const me = await ask('GET', '/users/me', { ...from, authorization: `Bearer ${token}` })
    expect(me.headers['x-ratelimit-remaining']).toBe('99')
  })

  test('R-RATE-1: ten logins a minute for an account, whether it exists or not, wherever they come from', async () => {
    for (const email of ['nobody@example.com', 'Nobody@Example.com'])
      for (let i = 0; i < 5; i++) {
        const { status, headers } = await logIn(email, `203.0.113.${i}${email.length % 10}`, 'a wrong password')
        expect(status).toBe(401)
        expect(headers['x-ratelimit-limit']).toBe('10')
      }
    const refused = await logIn('nobody@example.com', '203.0.113.99')
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED' } } })
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(6)
    expect((await logIn('someone@example.com', '203.0.113.99')).status).toBe(401)
  })

  test('R-RATE-1: ten logins a minute for an address, whichever account they try', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 11; i++)
      statuses.push((await logIn(`guess${i}@example.com`, `2001:db8:0:1::${i.toString(16)}`)).status)
    expect(statuses).toEqual([...Array(10).fill(401), 429])
    const elsewhere = await ask('POST', '/auth/refresh', { 'x-forwarded-for': '2001:db8:0:1::' }, { refreshToken: 'x' })
    expect(elsewhere.headers).toMatchObject({ 'x-ratelimit-remaining': '9', 'ratelimit-policy': '"auth";q=10;w=60' })
  })

  test('R-RATE-2: every answer that was counted says so, in both kinds of fields, and 429 when to come back', async () => {
    const from = { 'x-forwarded-for': '198.51.100.20' }
    const token = (await logIn(ADMIN, '198.51.100.20')).body.accessToken
    const admin = { ...from, authorization: `Bearer ${token}` }
    const made = await ask('POST', '/products', admin, { sku: 'r', name: 'R', category: 'c', price: 1, stock: 1 })
    const at = `/products/${made.body.id}`
    const etag = made.headers.etag!
    const answers = [
      made,
      await ask('GET', at, admin),
      await ask('HEAD', at, admin),
      await ask('GET', at, { ...admin, 'if-none-match': etag }),
      await ask('GET', '/products?colour=red', admin),
      await ask('GET', '/products/prd_nothing', admin),
      await ask('GET', '/nothing', admin),
      await ask('PATCH', '/products', admin, {}),
      await ask('OPTIONS', at, admin),
      await ask('PATCH', at, { ...admin, 'if-match': '"99"' }, { stock: 2 }),
      await ask('POST', '/products', admin, {}),
      await ask('POST', '/products', admin, 'x'.repeat(1_100_000)),
      await ask('POST', '/products', from, {}),
      await ask('GET', '/users/me', { ...from, authorization: 'Bearer nonsense' }),
      await ask('GET', '/v9/products', from),
      await ask('DELETE', at, admin),
      await logIn(ADMIN, '198.51.100.20', 'a wrong password'),
      await ask('POST', '/auth/refresh', from, { refreshToken: 'x' }),
    ]
    for (let i = 0; i < 10; i++) answers.push(await ask('POST', '/auth/logout', from, { refreshToken: 'x' }))
    const statuses = [201, 200, 200, 304, 400, 404, 404, 405, 204, 412, 400, 413, 401, 401, 400, 204, 401, 401]
    expect(answers.slice(0, statuses.length).map(({ status }) => status)).toEqual(statuses)
    expect(answers.at(-1)).toMatchObject({ status: 429, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } })
    for (const { status, headers } of answers) {
      const shown = Object.fromEntries(Object.entries(headers).filter(([name]) => name.includes('ratelimit')))
      expect(shown, String(status)).toEqual({
        'x-ratelimit-limit': expect.stringMatching(/^\d+$/),
        'x-ratelimit-remaining': expect.stringMatching(/^\d+$/),
        'x-ratelimit-reset': expect.stringMatching(/^\d{10}$/),
        'ratelimit-policy': expect.stringMatching(/^"[\w.]+";q=\d+;w=60(, "[\w.]+";q=\d+;w=60)*$/),
        ratelimit: expect.stringMatching(/^"[\w.]+";r=\d+;t=\d+(, "[\w.]+";r=\d+;t=\d+)*$/),
      })
    }
  })

  test('R-RATE-5: health, keys and documents are not counted', async () => {
    for (const path of ['/health', '/.well-known/jwks.json', '/openapi.json', '/v2/openapi.json', '/asyncapi.json'])
      expect((await ask('GET', path)).headers).not.toHaveProperty('x-ratelimit-limit')
  })
})

describe('with no proxy trusted, and limits of its own', () => {
  const { ask } = limited({ RATE_LIMIT_MAX: '3', RATE_LIMIT_WINDOW_MS: '3600000', RATE_LIMIT_AUTH_MAX: '1' })

  test('R-RATE-4: what a stranger writes into X-Forwarded-For changes nothing', async () => {
    const statuses: number[] = []
    for (let i = 0; i < 4; i++)
      statuses.push((await ask('GET', '/products', { 'x-forwarded-for': `192.0.2.${i}` })).status)
    expect(statuses).toEqual([200, 200, 200, 429])
  })

  test('R-RATE-5: RATE_LIMIT_AUTH_MAX sets both limits of a login', async () => {
    const credentials = { email: ADMIN, password: PASSWORD }
    const { status, headers } = await ask('POST', '/auth/login', {}, credentials)
    expect(status).toBe(200)
    expect(headers['ratelimit-policy']).toBe('"users.login.ip";q=1;w=60, "users.account";q=1;w=60')
    expect((await ask('POST', '/auth/login', {}, credentials)).status).toBe(429)
  })
})

describe('a wrong setting', () => {
  const { run } = launcher()

  test('R-OPS-4: ends the start with its name, and exit code 78', async () => {
    const env = { RATE_LIMIT_MAX: 'many', TRUSTED_PROXIES: 'proxy.example.com' }
    const { code, stderr } = await run('lintel', { args: ['start'], env })
    expect(code).toBe(78)
    expect(stderr).toContain('RATE_LIMIT_MAX is "many": give a whole number')
    expect(stderr).toContain('TRUSTED_PROXIES is "proxy.example.com": give addresses or networks')
  })
})
