import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { type Clones, clonesOf } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import system from '../system.ts'
import { launcher } from './system-process.ts'
import { send, type Wire, type Wired } from './wire.ts'

const { launch } = launcher()

/** Words that nothing else has in it, so that each is found wherever it strays. */
const PASSWORDS = {
  first: 'canary-first-password',
  second: 'canary-second-password',
  third: 'canary-third-password',
  invited: 'canary-invited-password',
  wrong: 'canary-wrong-password',
  short: 'canary7',
  long: `canary-long-${'x'.repeat(200)}`,
  longest: `canary-longest-${'x'.repeat(2000)}`,
  broken: 'canary-broken-json',
  strange: 'canary-strange-field',
  huge: 'canary-huge-body',
  late: 'canary-late-password',
}
const ADMIN = { email: 'admin@example.com', password: 'canary-admin-password' }
const STRAY = ['canary-bearer', 'canary-basic', 'canary-cookie', 'canary-query', 'canary-proxy']
const canaries = new Set<string>([...Object.values(PASSWORDS), ADMIN.password, ...STRAY])

let clones: Clones
let mail: FailingMail

beforeAll(async () => {
  clones = await clonesOf(inject('databaseServer'), system.services)
  mail = await failingMail()
})

afterAll(async () => {
  await mail.close()
  await clones.drop()
})

interface FailingMail {
  readonly url: string
  fail: boolean
  /** The token of the n-th mail to an address, once it has come. */
  token(address: string, n: number): Promise<string>
  /** Resolves when so many mails have been refused. */
  refused(times: number): Promise<void>
  close(): Promise<void>
}

/** An SMTP server that refuses mail while it is told to, and then quotes what it was sent: some do. */
async function failingMail(): Promise<FailingMail> {
  const tokens = new Map<string, string[]>()
  let refusals = 0
  const heard: (() => void)[] = []
  const hear = () => new Promise<void>((resolve) => heard.push(resolve))
  const server = new SMTPServer({
    authOptional: true,
    closeTimeout: 10,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) => {
      let text = ''
      stream.on('data', (chunk) => {
        text += chunk
      })
      stream.on('end', () => {
        const link = /https?:\/\/\S+/.exec(text.replace(/=\r\n/g, ''))![0]
        const token = link.split('/').at(-1)!
        // From now on it must be seen nowhere.
        canaries.add(token)
        const to = session.envelope.rcptTo[0]!.address
        if (mails.fail) {
          refusals++
          done(Object.assign(new Error(`No such link here: ${link}`), { responseCode: 451 }))
        } else {
          tokens.set(to, [...(tokens.get(to) ?? []), token])
          done()
        }
        for (const one of heard.splice(0)) one()
      })
    },
  })
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const mails: FailingMail = {
    url: `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    fail: false,
    async token(address, n) {
      while ((tokens.get(address)?.length ?? 0) < n) await hear()
      return tokens.get(address)![n - 1]!
    },
    async refused(times) {
      while (refusals < times) await hear()
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return mails
}

/** Everything in a database that can be read as text, a line for each row. */
async function rowsOf(url: string): Promise<string[]> {
  const client = await connect(url)
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    )
    const lines: string[] = []
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select to_jsonb(t)::text as row from ${name} t`)
      lines.push(...rows.map(({ row }) => `${name} ${row}`))
    }
    return lines
  } finally {
    await client.end()
  }
}

async function terminateAll(url: string): Promise<void> {
  const client = await connect(url)
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  await client.end()
}

function found(places: readonly string[]): string[] {
  return [...canaries].flatMap((canary) =>
    places.filter((place) => place.includes(canary)).map((place) => `${canary} in ${place.slice(0, 500)}`),
  )
}

test('R-OPS-3 R-BODY-7: no password, token, code, header or cookie is in a log, a row, an error or a metric', {
  timeout: 60_000,
}, async () => {
  const process = launch('lintel', {
    args: ['start'],
    env: {
      ...databaseSettings(clones.urls),
      SMTP_URL: mail.url,
      LOG_LEVEL: 'trace',
      LINTEL_ADMIN_EMAIL: ADMIN.email,
      LINTEL_ADMIN_PASSWORD: ADMIN.password,
    },
  })
  const url = await process.url()
  /** Every answer, but for the bodies of those that hand out tokens. */
  const answers: string[] = []

  async function ask(method: string, path: string, body?: unknown, headers: Wire['headers'] = {}): Promise<Wired> {
    const json = body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const wired = await send(url, method, path, {
      headers: { ...headers, 'content-type': 'application/json' },
      ...json,
    })
    const { accessToken, refreshToken } = wired.body ?? {}
    const given = [accessToken, refreshToken].filter((token) => token !== undefined)
    for (const token of given) {
      canaries.add(token)
      // The signature alone would be enough for who has read the rest; the id of a refresh token, for its hash.
      canaries.add(token.split('.')[2])
      const { jti } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
      if (jti) canaries.add(jti)
    }
    answers.push(
      `${method} ${path}: ${wired.status} ${JSON.stringify(wired.headers)} ${given.length > 0 ? '' : wired.text}`,
    )
    return wired
  }
  const logIn = async (email: string, password: string) => (await ask('POST', '/auth/login', { email, password })).body
  const as = (token: string) => ({ authorization: `Bearer ${token}`, cookie: 'session=canary-cookie' })

  const admin = as((await logIn(ADMIN.email, ADMIN.password)).accessToken)
  const email = 'ann@example.com'
  const ann = { email, name: 'Ann', password: PASSWORDS.first }

  // Registration, repeated, and refused in every way.
  const once = { 'idempotency-key': 'once' }
  const { body: user } = await ask('POST', '/users', ann, once)
  expect((await ask('POST', '/users', ann, once)).headers['idempotency-replayed']).toBe('true')
  // Another body is another request, as the key is of nobody in particular (R-IDEM-2).
  expect((await ask('POST', '/users', { ...ann, password: PASSWORDS.second }, once)).status).toBe(409)
  expect((await ask('POST', '/users', ann)).status).toBe(409)
  for (const password of [
    PASSWORDS.short,
    PASSWORDS.long,
    PASSWORDS.longest,
    [PASSWORDS.strange],
    `${PASSWORDS.first}\0`,
  ])
    expect((await ask('POST', '/users', { ...ann, email: 'bad@example.com', password })).status).toBe(400)
  for (const text of [
    `{"email":"${email}","password":"${PASSWORDS.broken}"`,
    `{"email":"${email}","password":"${PASSWORDS.broken}",}`,
    `{"email":"${email}","password":${PASSWORDS.broken}}`,
    `{"password":"${PASSWORDS.broken}","password":"${PASSWORDS.broken}"}`,
    `"${PASSWORDS.broken}"`,
  ])
    for (const path of ['/users', '/auth/login', '/auth/refresh', '/auth/logout'])
      expect((await ask('POST', path, text)).status, text).toBe(400)
  expect((await ask('POST', '/users', { ...ann, passwort: PASSWORDS.strange })).status).toBe(400)
  expect((await ask('POST', '/auth/login', { email, password: PASSWORDS.huge.repeat(100_000) })).status).toBe(413)
  await ask('POST', `/auth/login?password=canary-query`, { email })

  // Login and refresh, and what is refused of them.
  expect((await ask('POST', '/auth/login', { email, password: PASSWORDS.wrong })).status).toBe(401)
  expect((await ask('POST', '/auth/login', { email: 'no@example.com', password: PASSWORDS.wrong })).status).toBe(401)
  const first = await logIn(email, PASSWORDS.first)
  const second = (await ask('POST', '/auth/refresh', { refreshToken: first.refreshToken })).body
  const third = (await ask('POST', '/auth/refresh', { refreshToken: second.refreshToken })).body
  expect((await ask('POST', '/auth/refresh', { refreshToken: first.refreshToken })).status).toBe(401)
  expect((await ask('POST', '/auth/refresh', { refreshToken: third.refreshToken })).status).toBe(401)
  expect((await ask('GET', '/users/me', undefined, as(third.accessToken))).status).toBe(401)
  expect((await ask('POST', '/auth/refresh', { refreshToken: third.accessToken })).status).toBe(401)
  for (const authorization of [
    'Bearer canary-bearer',
    'Basic canary-basic',
    'canary-bearer',
    `Bearer ${first.refreshToken}`,
  ])
    expect((await ask('GET', '/users/me', undefined, { authorization })).status).toBe(401)
  await ask('GET', '/users/me', undefined, { 'proxy-authorization': 'canary-proxy', cookie: 'canary-cookie' })
  await ask('GET', '/nowhere?access_token=canary-query', undefined, as(first.accessToken))

  // Links that came by mail: used, used again, and of no use.
  const verification = await mail.token(email, 1)
  await ask('GET', `/auth/email-verifications/${verification}`)
  expect((await ask('PUT', `/auth/email-verifications/${verification}`)).status).toBe(200)
  expect((await ask('PUT', `/auth/email-verifications/${verification}`)).status).toBe(404)
  await ask('POST', '/auth/password-resets', { email })
  const reset = await mail.token(email, 2)
  const path = `/auth/password-resets/${reset}`
  for (const password of [PASSWORDS.short, PASSWORDS.long, 5])
    expect((await ask('PUT', path, { password })).status).toBe(400)
  expect((await ask('PUT', path, `{"password":"${PASSWORDS.broken}`)).status).toBe(400)
  expect((await ask('PUT', path, { password: PASSWORDS.second })).status).toBe(200)
  expect((await ask('PUT', path, { password: PASSWORDS.second })).status).toBe(404)
  await ask('POST', '/users', { email: 'ivy@example.com', name: 'Ivy' }, admin)
  const invitation = await mail.token('ivy@example.com', 1)
  expect((await ask('PUT', `/auth/password-resets/${invitation}`, { password: PASSWORDS.invited })).status).toBe(200)

  // Changes by the user, right and wrong.
  const own = as((await logIn(email, PASSWORDS.second)).accessToken)
  const change = { password: PASSWORDS.third, currentPassword: PASSWORDS.wrong }
  expect((await ask('PATCH', '/users/me', change, own)).status).toBe(400)
  expect((await ask('PATCH', '/users/me', { ...change, currentPassword: PASSWORDS.second }, own)).status).toBe(200)
  const { refreshToken } = await logIn(email, PASSWORDS.third)
  expect((await ask('POST', '/auth/logout', { refreshToken }, { 'idempotency-key': 'out' })).status).toBe(204)
  await ask('GET', '/users', undefined, admin)
  await ask('GET', `/users/${user.id}/sessions`, undefined, admin)

  // A server that refuses the mail, and says in its answer what it was.
  mail.fail = true
  for (const place of ['password-resets', 'email-verifications'])
    await ask('POST', `/auth/${place}`, { email: 'ivy@example.com' })
  await mail.refused(1)
  await process.line(/could not send a mail/)

  // A database that goes away under the requests.
  await terminateAll(clones.urls.users!)
  await Promise.all(
    [
      () => ask('POST', '/auth/login', { email, password: PASSWORDS.late }),
      () => ask('POST', '/auth/refresh', { refreshToken: third.refreshToken }),
      () => ask('POST', '/users', { email: 'late@example.com', name: 'Late', password: PASSWORDS.late }),
      () => ask('PUT', path, { password: PASSWORDS.late }),
      () => ask('GET', '/users/me', undefined, own),
    ].map((asking) => asking()),
  )
  for (const place of ['/metrics', '/health', '/openapi.json', '/dev/mails', '/.well-known/jwks.json'])
    await ask('GET', place)

  const rows = (await Promise.all(Object.values(clones.urls).map(rowsOf))).flat()
  process.child.kill('SIGTERM')
  const { stdout, stderr, code } = await process.ended
  expect([code, stderr]).toEqual([0, ''])
  // That they were looked for where they could be: there are rows, lines and answers, and a canary would be found in them.
  expect(rows.join('\n')).toContain(email)
  expect(stdout).toContain('could not send a mail')
  expect(canaries.size).toBeGreaterThan(40)
  for (const table of ['users', 'sessions', 'lintel.outbox', 'lintel.idempotency_keys'])
    expect(
      rows.filter((row) => row.startsWith(table) || row.startsWith(`public.${table}`)).length,
      table,
    ).toBeGreaterThan(0)
  expect(found(answers.map((answer) => answer.slice(answer.indexOf(': '))))).toEqual([])
  expect(found(rows)).toEqual([])
  expect(found(stdout.split('\n'))).toEqual([])
  // Nor what the service itself keeps secret, outside of its database.
  const secrets = rows.flatMap((row) => {
    const { key, value } =
      row.startsWith('lintel.secrets') || row.includes('signing_keys') ? JSON.parse(row.slice(row.indexOf('{'))) : {}
    return [key?.privateJwk?.d, value].filter((secret) => typeof secret === 'string')
  })
  expect(secrets.length).toBeGreaterThan(2)
  for (const secret of secrets) expect([...answers, stdout].join('\n')).not.toContain(secret)
})
