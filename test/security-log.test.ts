import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bodyOf, noPostgres, SystemProcess } from './system-process.ts'

const ADMIN = { email: 'admin@example.com', password: 'canary of the admin' }
let folder: string
let system: SystemProcess
let url: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-security-'))
  system = new SystemProcess('lintel', {
    args: ['start'],
    env: {
      LINTEL_DATA_DIR: folder,
      LINTEL_ADMIN_EMAIL: ADMIN.email,
      LINTEL_ADMIN_PASSWORD: ADMIN.password,
      RATE_LIMIT_MAX: '50',
      RATE_LIMIT_AUTH_MAX: '10',
      TRUSTED_PROXIES: '127.0.0.1',
    },
  })
  url = await system.url()
}, 60_000)

afterAll(async () => {
  system.signalGroup('SIGKILL')
  await system.ended
  await noPostgres(folder)
  await rm(folder, { recursive: true, force: true })
})

interface Ask {
  readonly from: string
  readonly id?: string
  readonly token?: string
  readonly body?: object
}

function ask(method: string, path: string, { from, id, token, body }: Ask): Promise<Response> {
  return fetch(url + path, {
    method,
    headers: {
      'x-forwarded-for': from,
      ...(id && { 'x-request-id': id }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
}

/** The line of an event for a request; resolves when it has been written. */
async function lineOf(event: string, requestId: string): Promise<Record<string, unknown>> {
  const { input } = await system.line(
    new RegExp(`^(?=.*"security":"${event.replace('.', '\\.')}")(?=.*"requestId":"${requestId}")`),
  )
  return JSON.parse(input)
}

const linesOf = (event: string) =>
  system.lines.map((line) => JSON.parse(line)).filter(({ security }) => security === event)

test('FC-97: a token that is forged is a line with its address and why, once a minute for each address', async () => {
  const forged = `${Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"canary-kid"}').toString('base64url')}.e30.canary`
  for (const from of ['192.0.2.1', '192.0.2.2'])
    for (let i = 0; i < 60; i++) {
      const { status } = await ask('GET', '/products', { from, id: `forged-${from}-${i}`, token: forged })
      expect(status).toBe(i < 50 ? 401 : 429)
    }
  const line = await lineOf('token.rejected', 'forged-192.0.2.2-0')
  expect(line).toEqual({
    level: 40,
    time: expect.any(String),
    security: 'token.rejected',
    address: '192.0.2.2',
    requestId: 'forged-192.0.2.2-0',
    operation: 'orders.products.list',
    reason: expect.stringMatching(/^The token was rejected: /),
    msg: 'token rejected',
  })
  expect(linesOf('token.rejected').map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2'])
  expect(await lineOf('limit.exceeded', 'forged-192.0.2.2-50')).toMatchObject({
    address: '192.0.2.2',
    bucket: 'default',
  })
})

test('FC-97: a 429 of the bucket for signing in is a line with bucket, operation and address', async () => {
  const from = '192.0.2.3'
  const body = { refreshToken: 'canary-refresh-token' }
  for (let i = 0; i < 10; i++) await ask('POST', '/auth/refresh', { from, body })
  for (const id of ['over-1', 'over-2'])
    expect((await ask('POST', '/auth/refresh', { from, id, body })).status).toBe(429)
  expect(await lineOf('limit.exceeded', 'over-1')).toEqual({
    level: 40,
    time: expect.any(String),
    security: 'limit.exceeded',
    address: from,
    requestId: 'over-1',
    bucket: 'auth',
    operation: 'users.refresh',
    msg: 'limit exceeded',
  })
  expect(linesOf('limit.exceeded').filter(({ bucket }) => bucket === 'auth')).toHaveLength(1)
})

test('FC-97: a 429 of a user names the account', async () => {
  const from = '192.0.2.4'
  const { accessToken } = await bodyOf(await ask('POST', '/auth/login', { from, body: ADMIN }))
  const { id: account } = await bodyOf(await ask('GET', '/users/me', { from, token: accessToken }))
  for (let i = 0; i < 50; i++) await ask('GET', '/users/me', { from, id: `mine-${i}`, token: accessToken })
  expect(await lineOf('limit.exceeded', 'mine-49')).toMatchObject({ account, address: from, bucket: 'default' })
})

test('no line of the security log has a secret or an email address', async () => {
  const lines = system.lines.filter((line) => line.includes('"security":'))
  expect(lines.length).toBeGreaterThan(3)
  for (const line of lines) expect(line).not.toMatch(/canary|@example|eyJ/)
})

test('docs/guide/security-log.md lists every event that is in the code, and no other', async () => {
  const guide = await readFile(new URL('../docs/guide/security-log.md', import.meta.url), 'utf8')
  const listed = [...guide.matchAll(/^\| `([a-z]+\.[a-z-]+)` \|/gm)].map(([, event]) => event)
  expect(listed).toEqual([...listed].sort())
  expect(new Set(listed)).toEqual(await eventsInCode())
})

async function eventsInCode(): Promise<Set<string>> {
  const events = new Set<string>()
  for (const folder of ['src', 'services']) {
    const root = new URL(`../${folder}/`, import.meta.url)
    for (const file of await readdir(root, { recursive: true })) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
      const text = await readFile(new URL(file, root), 'utf8')
      for (const [, event] of text.matchAll(/security!?\??\.(?:done|rejected|repeated)\(\s*'([^']+)'/g))
        events.add(event!)
    }
  }
  return events
}
