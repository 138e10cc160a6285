import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { PASSWORD, reference } from '../../test/reference.ts'
import { send } from '../../test/wire.ts'

// With the usual limits of signing in, and clients behind a proxy.
const api = reference(async () => ({ TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_AUTH_MAX: '' }))
let db: pg.Client
beforeAll(async () => {
  db = new pg.Client(api.system.databases.users)
  await db.connect()
})
afterAll(() => db.end())

const OFFICE = '198.51.100.7'
const WRONG = 'not the password'
let strangers = 0
let email: string
let id: string

beforeEach(async () => {
  email = `${crypto.randomUUID()}@example.com`
  id = (await api.ask('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD } })).body.id
})

function ask(method: string, path: string, from: string, body: object, token?: string) {
  const headers = {
    'content-type': 'application/json',
    'x-forwarded-for': from,
    ...(token && { authorization: `Bearer ${token}` }),
  }
  return send(api.url, method, path, { headers, body: JSON.stringify(body) })
}

const logIn = (address: string, from: string, password = PASSWORD) =>
  ask('POST', '/auth/login', from, { email: address, password })
/** An address that nobody has come from. */
const elsewhere = () => `203.0.${++strangers >> 8}.${strangers & 255}`
/** As many requests at the same time, so that little flows back meanwhile: how many had which status. */
const statusesOf = async (times: number, request: (i: number) => Promise<{ status: number }>) => {
  const answers = await Promise.all(Array.from({ length: times }, (_, i) => request(i)))
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
/** Wrong logins, each from another network. */
const guess = (times: number, address = (_: number) => email) =>
  statusesOf(times, (i) => logIn(address(i), `192.${++strangers >> 8}.${strangers & 255}.1`, WRONG))
const networks = async () =>
  (
    await db.query<{ network: string }>(
      `select network from familiar_networks where lintel.typeid('usr', user_id) = $1 order by network`,
      [id],
    )
  ).rows.map(({ network }) => network)

test('FC-2 R-RATE-6: however its address is spelt, an account has one bucket', async () => {
  const spelt = `nik${strangers}@example.com`
  await api.ask('POST', '/users', { body: { email: spelt, name: 'Nik', password: PASSWORD } })
  const spellings = [spelt, spelt.toUpperCase(), spelt.replace('i', '\u0130'), spelt.replace('k', '\u212a')]
  spellings.push(spelt.replace('n', '\uff2e'), spelt.replace('nik', '\uff4eI\uff4b'))
  expect(await guess(12, (i) => spellings[i % spellings.length]!)).toEqual({ 401: 10, 429: 2 })
})

test('FC-2 R-RATE-6: the bucket is the account’s, and goes with it to another address', async () => {
  expect(await guess(12)).toEqual({ 401: 10, 429: 2 })
  const moved = `moved-${email}`
  const changed = await api.ask('PATCH', `/users/${id}`, { token: api.admin.token, body: { email: moved } })
  expect(changed.status).toBe(200)
  expect(await guess(2, () => moved)).toEqual({ 429: 2 })
})

test('FC-2 R-RATE-6: nor has an address that nobody has one for each of its spellings', async () => {
  const spellings = ['jos\u00e9', 'jose\u0301', 'JOS\u00c9', '\uff4aos\u00e9'].map((name) => `${name}@example.com`)
  expect(await guess(12, (i) => spellings[i % 4]!)).toEqual({ 401: 10, 429: 2 })
  expect(await guess(12, (i) => (i % 2 ? 'nobody@example.com' : 'NOBODY@Example.com'))).toEqual({ 401: 10, 429: 2 })
})

test('R-RATE-2: an answer shows both buckets of a login, a refusal too, with when to come back', async () => {
  const { headers } = await logIn(email, elsewhere(), WRONG)
  expect(headers).toMatchObject({
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '9',
    'ratelimit-policy': '"users.login.ip";q=10;w=60, "users.account";q=10;w=60',
    ratelimit: expect.stringMatching(/^"users.login.ip";r=9;t=\d, "users.account";r=9;t=\d$/),
  })
  await guess(9)
  const refused = await logIn(email, elsewhere(), WRONG)
  expect([refused.status, refused.body.error.code]).toEqual([429, 'RATE_LIMITED'])
  expect(refused.headers).toMatchObject({
    'retry-after': expect.stringMatching(/^[1-6]$/),
    'x-ratelimit-remaining': '0',
    ratelimit: expect.stringMatching(/^"users.login.ip";r=9;t=\d, "users.account";r=0;t=\d+$/),
  })
})

test('FC-94 R-RATE-1: strangers do not lock the owner out of a network that they have signed in from', async () => {
  expect((await logIn(email, OFFICE)).status).toBe(200)
  expect(await networks()).toEqual(['198.51.100.0/24'])
  // The first login from there was one of ten from anywhere.
  expect(await guess(12)).toEqual({ 401: 9, 429: 3 })
  expect((await logIn(email, '198.51.100.200')).status).toBe(200)
  // Elsewhere the right password helps no more than a wrong one, and tells no more.
  expect((await logIn(email, elsewhere())).status).toBe(429)
})

test('FC-94: of IPv6 the /64 is the network', async () => {
  expect((await logIn(email, '2001:db8:7:1::5')).status).toBe(200)
  expect(await networks()).toEqual(['2001:db8:7:1::/64'])
  await guess(10)
  expect((await logIn(email, '2001:db8:7:1:ffff::9')).status).toBe(200)
  expect((await logIn(email, '2001:db8:7:2::5')).status).toBe(429)
})

test('FC-94: a familiar network has ten a minute, and no more', async () => {
  await logIn(email, OFFICE)
  const inside = await statusesOf(12, (i) => logIn(email, `198.51.100.${i + 1}`, WRONG))
  expect(inside).toEqual({ 401: 10, 429: 2 })
  expect((await logIn(email, elsewhere())).status).toBe(200)
})

test('FC-94: a network is familiar for 30 days, is forgotten then, and with its user', async () => {
  await logIn(email, OFFICE)
  await db.query(`update familiar_networks set seen_at = now() - interval '30 days 1 second'`)
  await guess(9)
  await logIn(email, elsewhere(), WRONG)
  expect((await logIn(email, OFFICE)).status).toBe(429)
  // Any login takes away what is over.
  await api.user()
  expect(await networks()).toEqual([])
  const other = await api.ask('POST', '/users', {
    body: { email: `x-${email}`, name: 'Ann', password: PASSWORD },
  })
  id = other.body.id
  await logIn(`x-${email}`, OFFICE)
  expect(await networks()).toHaveLength(1)
  await api.ask('DELETE', `/users/${id}`, { token: api.admin.token })
  expect(await networks()).toEqual([])
})

test('FC-94: of an account only the last 50 networks are known', async () => {
  await db.query(
    `insert into familiar_networks (user_id, network, seen_at)
     select id, '10.0.' || n || '.0/24', now() - n * interval '1 minute' from users, generate_series(1, 60) n
     where lintel.typeid('usr', id) = $1`,
    [id],
  )
  await logIn(email, OFFICE)
  const known = await networks()
  expect(known).toHaveLength(50)
  expect(known).toContain('198.51.100.0/24')
  expect(known).not.toContain('10.0.50.0/24')
})

test('FC-94: a login waits for no other that has the networks in hand which it would forget', async () => {
  await db.query(
    `insert into familiar_networks (user_id, network, seen_at)
     select id, '10.0.' || n || '.0/24', now() - n * interval '1 minute' from users, generate_series(1, 60) n
     where lintel.typeid('usr', id) = $1`,
    [id],
  )
  await db.query('begin')
  await db.query(`select 1 from familiar_networks where network in ('10.0.59.0/24', '10.0.60.0/24') for update`)
  try {
    expect((await logIn(email, OFFICE)).status).toBe(200)
  } finally {
    await db.query('rollback')
  }
  expect(await networks()).toHaveLength(52)
  expect((await logIn(email, '192.0.2.1')).status).toBe(200)
  expect(await networks()).toHaveLength(50)
})

test('FC-99: guesses of currentPassword draw from the account’s bucket, as those of a login do', async () => {
  const token = (await logIn(email, OFFICE)).body.accessToken
  const change = (currentPassword: string | undefined, from = elsewhere()) =>
    ask('PATCH', '/users/me', from, { password: 'quite another password', currentPassword }, token)
  // What names none is no guess.
  expect((await change(undefined)).status).toBe(400)
  expect(await guess(4)).toEqual({ 401: 4 })
  expect(await statusesOf(7, () => change(WRONG))).toEqual({ 400: 5, 429: 2 })
  const refused = await change(PASSWORD)
  expect([refused.status, refused.headers['ratelimit-policy']]).toEqual([
    429,
    '"default";q=1000000;w=60, "users.account";q=10;w=60',
  ])
  expect((await logIn(email, elsewhere())).status).toBe(429)
  // The owner, where they have signed in, is not locked out by it.
  expect((await change(PASSWORD, OFFICE)).status).toBe(200)
})
