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
      RATE_LIMIT_WINDOW_MS: '3600000',
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
  readonly headers?: Record<string, string>
}

function ask(method: string, path: string, { from, id, token, body, headers }: Ask): Promise<Response> {
  return fetch(url + path, {
    method,
    headers: {
      'x-forwarded-for': from,
      ...(id && { 'x-request-id': id }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
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

/** A user who has signed in. Each has an address of their own, where nobody else has drawn from a bucket. */
async function signUp(name: string, from: string) {
  const email = `${name}@example.com`
  const password = `canary of ${name}`
  const { id } = await bodyOf(await ask('POST', '/users', { from, body: { email, name, password } }))
  const logIn = async () => bodyOf(await ask('POST', '/auth/login', { from, body: { email, password } }))
  return { id: id as string, email, password, from, logIn }
}

const asAdmin = async (from: string) =>
  (await bodyOf(await ask('POST', '/auth/login', { from, body: ADMIN }))).accessToken as string

const rejected = { level: 40, time: expect.any(String) }
const done = { level: 30, time: expect.any(String) }

test('FC-97: a 429 of a user names the account', async () => {
  const { id: account, from, logIn } = await signUp('gus', '192.0.2.4')
  const { accessToken } = await logIn()
  for (let i = 0; i < 51; i++) await ask('GET', '/users/me', { from, id: `mine-${i}`, token: accessToken })
  expect(await lineOf('limit.exceeded', 'mine-50')).toMatchObject({ account, address: from, bucket: 'default' })
})

test('FC-97: a failed login is a line with account and address; of an unknown address with the latter alone', async () => {
  const from = '2001:db8::1'
  const { id, email } = await signUp('ann', from)
  await ask('POST', '/auth/login', { from, id: 'wrong', body: { email, password: 'canary guess' } })
  await ask('POST', '/auth/login', {
    from,
    id: 'nobody',
    body: { email: 'none@example.com', password: 'canary guess' },
  })
  const line = { ...rejected, security: 'login.failed', address: '2001:db8:0:0::/64', msg: 'login failed' }
  expect(await lineOf('login.failed', 'wrong')).toEqual({ ...line, account: id, requestId: 'wrong' })
  expect(await lineOf('login.failed', 'nobody')).toEqual({ ...line, requestId: 'nobody' })
})

test('FC-97: a 429 of the bucket of an account is a line with the account, whoever guesses', async () => {
  const { id, email } = await signUp('bob', '192.0.2.20')
  for (let i = 0; i < 14; i++)
    await ask('POST', '/auth/login', {
      from: `192.0.2.${100 + i}`,
      id: `guess-${i}`,
      body: { email, password: 'canary guess' },
    })
  expect(await lineOf('limit.exceeded', 'guess-10')).toEqual({
    ...rejected,
    security: 'limit.exceeded',
    account: id,
    address: '192.0.2.110',
    requestId: 'guess-10',
    bucket: 'users.account',
    msg: 'limit exceeded',
  })
  expect(linesOf('limit.exceeded').filter(({ account }) => account === id)).toHaveLength(1)
})

test('FC-97: a refresh token that is used again after its successor is a line, and so is the end of its session', async () => {
  const { id, from, logIn } = await signUp('cat', '192.0.2.21')
  const first = await logIn()
  const refresh = (refreshToken: string, id: string) =>
    ask('POST', '/auth/refresh', { from, id, body: { refreshToken } })
  const second = await bodyOf(await refresh(first.refreshToken, 'second'))
  await refresh(second.refreshToken, 'third')
  expect((await refresh(first.refreshToken, 'again')).status).toBe(401)
  const facts = { account: id, address: from, requestId: 'again' }
  expect(await lineOf('token.reused', 'again')).toEqual({
    ...rejected,
    ...facts,
    security: 'token.reused',
    msg: 'token reused',
  })
  expect(await lineOf('sessions.ended', 'again')).toEqual({
    ...done,
    ...facts,
    security: 'sessions.ended',
    sessions: 1,
    msg: 'sessions ended',
  })
  expect((await refresh(second.refreshToken, 'over')).status).toBe(401)
  expect(await lineOf('token.rejected', 'over')).toMatchObject({ address: from, reason: 'its session has ended' })
})

test('FC-97: roles that are given and taken away, and the end of a user, are lines that name who did it', async () => {
  const { id, from } = await signUp('dan', '192.0.2.22')
  const token = await asAdmin(from)
  const { id: by } = await bodyOf(await ask('GET', '/users/me', { from, token }))
  const facts = { account: id, by, address: from }
  const change = (roles: string[], id_: string) =>
    ask('PATCH', `/v2/users/${id}`, { from, id: id_, token, body: { roles } })
  expect((await change(['member', 'admin'], 'given')).status).toBe(200)
  expect((await change(['admin', 'member'], 'same')).status).toBe(200)
  expect((await change(['member'], 'taken')).status).toBe(200)
  const changed = { ...done, ...facts, security: 'roles.changed', msg: 'roles changed' }
  expect(await lineOf('roles.changed', 'given')).toEqual({
    ...changed,
    requestId: 'given',
    added: ['admin'],
    removed: [],
  })
  expect(await lineOf('roles.changed', 'taken')).toEqual({
    ...changed,
    requestId: 'taken',
    added: [],
    removed: ['admin'],
  })
  expect(linesOf('roles.changed').filter(({ requestId }) => requestId === 'same')).toEqual([])
  expect((await ask('DELETE', `/users/${id}`, { from, id: 'deleted', token })).status).toBe(204)
  expect(await lineOf('user.deleted', 'deleted')).toEqual({
    ...done,
    ...facts,
    security: 'user.deleted',
    requestId: 'deleted',
    msg: 'user deleted',
  })
})

test('FC-97: a wrong current password, a new one, another address, and the sessions that end, are lines', async () => {
  const { id, password, from, logIn } = await signUp('eve', '192.0.2.23')
  const { accessToken } = await logIn()
  const change = (id_: string, body: object, headers = {}) =>
    ask('PATCH', '/users/me', { from, id: id_, token: accessToken, body, headers })
  expect((await change('guess', { password: 'canary new', currentPassword: 'canary guess' })).status).toBe(400)
  expect((await change('moved', { email: 'eve2@example.com', currentPassword: password })).status).toBe(200)
  const newPassword = { password: 'canary new', currentPassword: password }
  // A precondition that is known only after the work undoes it.
  expect((await change('undone', newPassword, { 'if-none-match': '*' })).status).toBe(412)
  expect((await change('new', newPassword)).status).toBe(200)
  const facts = { account: id, by: id, address: from }
  expect(await lineOf('password.wrong', 'guess')).toMatchObject({ level: 40, ...facts })
  expect(await lineOf('email.changed', 'moved')).toMatchObject({ level: 30, ...facts })
  expect(await lineOf('password.changed', 'new')).toMatchObject({ level: 30, ...facts })
  expect(await lineOf('sessions.ended', 'new')).toMatchObject({ ...facts, sessions: 1 })
  expect(linesOf('password.changed').map(({ requestId }) => requestId)).toEqual(['new'])
})

test('FC-97: a password that is reset by mail, and a logout, are lines', async () => {
  const { id, email, from, logIn } = await signUp('fay', '192.0.2.24')
  await logIn()
  await ask('POST', '/auth/password-resets', { from, body: { email } })
  const mails = (await bodyOf(await fetch(`${url}/dev/mails`))) as { to: string; links: string[] }[]
  const links = mails.filter(({ to }) => to === email).flatMap((mail) => mail.links)
  const { pathname } = new URL(links.find((link) => link.includes('password-resets'))!)
  expect((await ask('PUT', pathname, { from, id: 'reset', body: { password: 'canary reset' } })).status).toBe(200)
  expect(await lineOf('password.reset', 'reset')).toMatchObject({ level: 30, account: id, address: from })
  expect(await lineOf('sessions.ended', 'reset')).toMatchObject({ account: id, sessions: 1 })
  const { refreshToken } = await bodyOf(
    await ask('POST', '/auth/login', { from, body: { email, password: 'canary reset' } }),
  )
  await ask('POST', '/auth/logout', { from, id: 'out', body: { refreshToken } })
  expect(await lineOf('sessions.ended', 'out')).toMatchObject({ account: id, address: from, sessions: 1 })
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
