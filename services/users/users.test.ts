import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readEmail } from '../../src/base/email.ts'
import { PASSWORD, reference } from '../../test/reference.ts'

// Fifty passwords are hashed one after another, on a machine that may do other things too.
const api = reference(async () => ({ REQUEST_TIMEOUT: '60' }))
let db: pg.Client
beforeAll(async () => {
  db = new pg.Client(api.system.databases.users)
  await db.connect()
})
afterAll(() => db.end())

const register = (body: object, token?: string) => api.ask('POST', '/users', { body, token })

test('R-USER-2: anybody registers, and is shown without the password', async () => {
  const { status, body, headers } = await register({
    email: 'New.One@example.com',
    name: 'New One',
    password: PASSWORD,
  })
  expect(status).toBe(201)
  expect(Object.keys(body)).toEqual([
    'id',
    'email',
    'name',
    'role',
    'emailVerified',
    'version',
    'createdAt',
    'updatedAt',
  ])
  expect(body).toMatchObject({ email: 'New.One@example.com', role: 'member', emailVerified: false, version: 1 })
  expect(headers.get('location')).toBe(`/v1/users/${body.id}`)
  const { rows } = await db.query('select type, data from lintel.outbox where aggregate_id = $1', [body.id])
  expect(rows).toEqual([{ type: 'user.created', data: expect.objectContaining({ id: body.id, roles: ['member'] }) }])
  expect(JSON.stringify(rows)).not.toContain('argon2')
})

test('R-USER-2: a role other than member needs an admin', async () => {
  const asAdmin = { email: 'boss@example.com', name: 'Boss', password: PASSWORD, role: 'admin' }
  expect((await register(asAdmin)).status).toBe(403)
  expect((await register(asAdmin, (await api.user()).token)).status).toBe(403)
  expect((await register({ ...asAdmin, role: 'member', email: 'plain@example.com' })).status).toBe(201)
  const made = await register(asAdmin, api.admin.token)
  expect([made.status, made.body.role]).toEqual([201, 'admin'])
  expect((await api.ask('GET', '/users', { token: await api.logIn('boss@example.com') })).status).toBe(200)
})

test.each([
  ['composed and decomposed', 'jos\u00e9@example.com', 'jose\u0301@example.com'],
  ['full-width and usual', 'wide@example.com', '\uff37\uff29\uff24\uff25@\uff45xample.com'],
  ['in capitals and not, beyond ASCII', 'ΟΔΥΣΣΕΥΣ@example.com', 'οδυσσευσ@example.com'],
  ['with the dotted capital İ and i', 'ali@example.com', 'al\u0130@example.com'],
])('FC-19 FC-102 R-USER-2: one address, %s, is one user', async (_, first, second) => {
  const made = await register({ email: first, name: 'One', password: PASSWORD })
  expect(made.status).toBe(201)
  const twin = await register({ email: second, name: 'Two', password: PASSWORD })
  expect([twin.status, twin.body.error.details[0].field]).toEqual([409, 'email'])
  for (const email of [first, second]) {
    await expect(api.logIn(email)).resolves.toEqual(expect.any(String))
    const found = await api.ask('GET', `/users?email=${encodeURIComponent(email)}`, { token: api.admin.token })
    expect(found.body.data.map(({ id }: { id: string }) => id)).toEqual([made.body.id])
  }
  // Nor is it another address to its own user.
  const token = await api.logIn(second)
  expect((await api.ask('PATCH', '/users/me', { token, body: { email: second } })).status).toBe(200)
})

test.each(['a@-b.com', '.a@b.com', 'a.@b.com', `${'a'.repeat(65)}@b.com`, 'a\u200bb@c.com', 'a@b\u00adc.com'])(
  'FC-102: nobody registers, signs in or asks for mail as %j',
  async (email) => {
    const answers = [
      await register({ email, name: 'X', password: PASSWORD }),
      await api.ask('POST', '/auth/login', { body: { email, password: PASSWORD } }),
      await api.ask('POST', '/auth/password-resets', { body: { email } }),
    ]
    for (const { status, body } of answers) expect([status, body.error.details[0].field]).toEqual([400, 'email'])
  },
)

test('FC-19: what is kept is found by the lower case of the database, in every script', async () => {
  const kept = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 20 })
    .map((local) => readEmail(`${local}@example.com`))
    .filter((email) => email !== undefined)
  const all = fc.sample(kept, 2000)
  const { rows } = await db.query('select email, lower(email) as lower from unnest($1::text[]) email', [all])
  for (const { email, lower } of rows) expect(lower).toBe(email.toLowerCase())
  expect(rows.filter(({ email }) => /[^\0-\x7f]/.test(email)).length).toBeGreaterThan(500)
})

test('R-USER-2: a taken address is a 409 that names the field, whatever its case; one of 50 at once gets it', async () => {
  const { email } = await api.user()
  const refused = await register({ email: email.toUpperCase(), name: 'Twin', password: PASSWORD })
  expect(refused.status).toBe(409)
  expect(refused.body.error).toMatchObject({ code: 'DUPLICATE', details: [{ field: 'email' }] })
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      register({ email: i % 2 ? 'Race@example.com' : 'race@example.com', name: 'R', password: PASSWORD }),
    ),
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(49)
})

test('R-USER-2: only an admin may leave out the password, and such a user cannot log in yet', async () => {
  const refused = await register({ email: 'nopass@example.com', name: 'No' })
  expect(refused.status).toBe(400)
  expect(refused.body.error.details).toEqual([{ field: 'password', message: 'is required' }])
  expect((await register({ email: 'nopass@example.com', name: 'No' }, api.admin.token)).status).toBe(201)
  const login = await api.ask('POST', '/auth/login', { body: { email: 'nopass@example.com', password: PASSWORD } })
  expect([login.status, login.body.error.code]).toEqual([401, 'INVALID_CREDENTIALS'])
})

test('R-AUTH-5: short, long and common passwords are refused with the reason; any characters will do, none is cut', async () => {
  for (const password of ['short77', 'password', 'x'.repeat(129), '']) {
    const { status, body } = await register({ email: 'weak@example.com', name: 'W', password })
    expect([password, status, body.error.details[0].field]).toEqual([password, 400, 'password'])
  }
  const long = `${'🔑'.repeat(127)}a`
  expect((await register({ email: 'long@example.com', name: 'L', password: long })).status).toBe(201)
  expect(await api.logIn('long@example.com', long)).toBeTruthy()
  const cut = await api.ask('POST', '/auth/login', {
    body: { email: 'long@example.com', password: `${'🔑'.repeat(127)}b` },
  })
  expect(cut.status).toBe(401)
})

test('R-USER-3: users are read by themselves and by admins; lists are an admin’s, with filters and sorts', async () => {
  const [ann, bob] = [await api.user('Ann'), await api.user('Bob')]
  expect((await api.ask('GET', '/users/me', { token: ann.token })).body.id).toBe(ann.id)
  expect((await api.ask('GET', `/users/${ann.id}`, { token: ann.token })).status).toBe(200)
  expect((await api.ask('GET', `/users/${ann.id}`, { token: bob.token })).status).toBe(403)
  expect((await api.ask('GET', `/users/${ann.id}`)).status).toBe(401)
  expect((await api.ask('GET', `/users/${ann.id}`, { token: api.admin.token })).status).toBe(200)
  expect((await api.ask('GET', '/users', { token: ann.token })).status).toBe(403)
  const emails = async (query: string) =>
    (await api.ask('GET', `/users?${query}`, { token: api.admin.token })).body.data.map(
      (one: { email: string }) => one.email,
    )
  expect(await emails(`email=${ann.email.toUpperCase()},${bob.email}&sort=name`)).toEqual([ann.email, bob.email])
  expect(await emails(`email=${ann.email},${bob.email}&sort=-name`)).toEqual([bob.email, ann.email])
  expect(await emails('role=admin')).toContain(api.admin.email)
  expect(await emails('role=admin')).not.toContain(ann.email)
  expect(await emails('createdAfter=2999-01-01')).toEqual([])
})

test('R-USER-3: email and password changes by the user need currentPassword; its fault names it', async () => {
  const user = await api.user()
  const patch = (body: object, token = user.token) => api.ask('PATCH', `/users/${user.id}`, { token, body })
  expect((await patch({ name: 'Renamed' })).body.name).toBe('Renamed')
  for (const change of [{ email: 'moved@example.com' }, { password: 'another good one' }])
    for (const currentPassword of [undefined, 'not the password']) {
      const { status, body } = await patch({ ...change, ...(currentPassword ? { currentPassword } : {}) })
      expect([status, body.error.details[0].field]).toEqual([400, 'currentPassword'])
    }
  await db.query('update users set email_verified_at = now() where lower(email) = $1', [user.email])
  expect((await patch({ email: user.email.toUpperCase() })).body.emailVerified).toBe(true)
  const moved = await patch({ email: 'moved@example.com', currentPassword: PASSWORD })
  expect(moved.body).toMatchObject({ email: 'moved@example.com', emailVerified: false })
  expect((await patch({ password: 'another good one', currentPassword: PASSWORD })).status).toBe(200)
  expect(await api.logIn('moved@example.com', 'another good one')).toBeTruthy()
  expect(await api.logIn('moved@example.com', PASSWORD).catch(() => undefined)).toBeFalsy()
  expect((await patch({ email: 'by.admin@example.com' }, api.admin.token)).status).toBe(200)
})

test('R-USER-3: of several who know the current password at once, one changes it', async () => {
  const user = await api.user()
  const given = (i: number) => `another good one ${i}`
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, i) =>
      api.ask('PATCH', '/users/me', { token: user.token, body: { password: given(i), currentPassword: PASSWORD } }),
    ),
  )
  const winners = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []))
  expect(winners).toHaveLength(1)
  expect(await api.logIn(user.email, given(winners[0]!))).toBeTruthy()
})

test('R-USER-3: PUT replaces the whole but for what its caller may not set', async () => {
  const user = await api.user()
  const put = (body: object, token = user.token) => api.ask('PUT', `/v2/users/${user.id}`, { token, body })
  expect((await put({ name: 'Only' })).body.error.details).toEqual([{ field: 'email', message: 'is required' }])
  await api.ask('PATCH', `/v2/users/${user.id}`, { token: api.admin.token, body: { roles: ['member', 'admin'] } })
  // The token of before the roles changed is no longer believed.
  const replaced = await put({ name: 'Whole', email: user.email }, await api.logIn(user.email))
  expect(replaced.body).toMatchObject({ name: 'Whole', roles: ['member', 'admin'] })
  const other = await api.user()
  const grab = await api.ask('PATCH', `/users/${other.id}`, { token: other.token, body: { role: 'admin' } })
  expect([grab.status, grab.body.error.code]).toEqual([403, 'FORBIDDEN'])
})

test('R-USER-3: a deleted user is gone, leaves user.deleted, and the address is free again', async () => {
  const user = await api.user()
  expect((await api.ask('DELETE', '/users/me', { token: user.token })).status).toBe(204)
  expect((await api.ask('GET', `/users/${user.id}`, { token: api.admin.token })).status).toBe(404)
  expect((await api.ask('POST', '/auth/login', { body: { email: user.email, password: PASSWORD } })).status).toBe(401)
  const { rows } = await db.query('select type, data from lintel.outbox where aggregate_id = $1 order by position', [
    user.id,
  ])
  expect(rows.at(-1)).toEqual({ type: 'user.deleted', data: { id: user.id } })
  expect((await register({ email: user.email, name: 'Next', password: PASSWORD })).status).toBe(201)
})

test('R-AUTH-1: wrong address and wrong password get the same answer', async () => {
  const user = await api.user()
  const answers = await Promise.all(
    [
      { email: user.email, password: 'wrong password' },
      { email: 'nobody@example.com', password: PASSWORD },
    ].map((body) => api.ask('POST', '/auth/login', { body, headers: { 'x-request-id': 'same' } })),
  )
  expect(answers[0]!.body).toEqual(answers[1]!.body)
  expect(answers.map(({ status, body }) => [status, body.error.code])).toEqual(
    Array(2).fill([401, 'INVALID_CREDENTIALS']),
  )
})

test('R-AUTH-1, R-AUTH-2: login gives a bearer token for 15 minutes, signed with a key that the system shows', async () => {
  const user = await api.user()
  const { status, body, headers } = await api.ask('POST', '/auth/login', {
    body: { email: user.email.toUpperCase(), password: PASSWORD },
  })
  expect(status).toBe(200)
  expect(body).toEqual({
    accessToken: expect.any(String),
    refreshToken: expect.any(String),
    tokenType: 'Bearer',
    expiresIn: 900,
  })
  expect(headers.get('cache-control')).toBe('no-store')
  const [header, payload] = body.accessToken
    .split('.')
    .slice(0, 2)
    .map((part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  expect(payload).toMatchObject({
    sub: user.id,
    email: user.email,
    roles: ['member'],
    sid: expect.stringMatching(/^ses_/),
  })
  expect(payload.exp - payload.iat).toBe(900)
  const { keys } = (await api.ask('GET', '/.well-known/jwks.json')).body
  expect(keys).toEqual([
    expect.objectContaining({ kid: header.kid, kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }),
  ])
  expect(keys[0]).not.toHaveProperty('d')
})

test('R-AUTH-8: a token that is forged, foreign or no token is a 401 everywhere, on public operations too', async () => {
  const [header, payload, signature] = api.admin.token.split('.') as [string, string, string]
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = [
    `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    `${header}.${encode({ ...claims, sub: 'usr_01h455vb4pex5vsknk084sn02q' })}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
    `${header}.${payload}.${signature}=`,
    'garbage',
  ]
  for (const token of forged)
    for (const path of ['/users/me', '/products']) {
      const { status, headers, body } = await api.ask('GET', path, { token, headers: { 'x-request-id': 'same' } })
      expect([token, path, status, body.error.code]).toEqual([token, path, 401, 'INVALID_TOKEN'])
      expect(headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
})
