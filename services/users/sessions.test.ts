import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PASSWORD, reference } from '../../test/reference.ts'

const api = reference()
let db: pg.Client
beforeAll(async () => {
  db = new pg.Client(api.system.databases.users)
  await db.connect()
})
afterAll(() => db.end())

interface Tokens {
  accessToken: string
  refreshToken: string
}

const logIn = async (email: string, password = PASSWORD): Promise<Tokens> =>
  (await api.ask('POST', '/auth/login', { body: { email, password } })).body
const refresh = (refreshToken: string) => api.ask('POST', '/auth/refresh', { body: { refreshToken } })
const me = async ({ accessToken }: Tokens) => (await api.ask('GET', '/users/me', { token: accessToken })).status
const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
/** As if the last rotation of every session were 11 s ago. */
const outlastGrace = () => db.query(`update sessions set rotated_at = rotated_at - interval '11 seconds'`)

test('R-AUTH-3: a refresh token is a JWT of sub, jti and exp, 30 days, of which only a hash is kept', async () => {
  const user = await api.user()
  const { refreshToken } = await logIn(user.email)
  const { sub, jti, exp, ...rest } = claims(refreshToken)
  expect([sub, rest]).toEqual([user.id, {}])
  expect(jti).toMatch(/^tok_/)
  expect(exp - Date.now() / 1000).toBeGreaterThan(30 * 86_400 - 60)
  const { rows } = await db.query('select * from sessions')
  expect(JSON.stringify(rows)).not.toContain(jti)
  expect(JSON.stringify(rows)).not.toContain(refreshToken.slice(-20))
})

test('R-AUTH-3: a refresh spends the token for a successor, in the same session', async () => {
  const user = await api.user()
  const first = await logIn(user.email)
  const second = await refresh(first.refreshToken)
  expect(second.status).toBe(200)
  expect(second.headers.get('cache-control')).toBe('no-store')
  expect(claims(second.body.refreshToken).jti).not.toBe(claims(first.refreshToken).jti)
  expect(claims(second.body.accessToken).sid).toBe(claims(first.accessToken).sid)
  expect(await me(second.body)).toBe(200)
  expect((await refresh(second.body.refreshToken)).status).toBe(200)
})

test('R-AUTH-3: whoever lost the answer gets the same successor for 10 s', async () => {
  const { refreshToken } = await logIn((await api.user()).email)
  const [first, second] = [await refresh(refreshToken), await refresh(refreshToken)]
  expect(second.status).toBe(200)
  expect(claims(second.body.refreshToken).jti).toBe(claims(first.body.refreshToken).jti)
  expect((await refresh(second.body.refreshToken)).status).toBe(200)
})

test('R-AUTH-3: 50 parallel refreshes with one token leave one live chain, and nobody logged out', async () => {
  const { refreshToken } = await logIn((await api.user()).email)
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(refreshToken)))
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
  expect(new Set(answers.map(({ body }) => claims(body.refreshToken).jti)).size).toBe(1)
  for (const { body } of answers) expect(await me(body)).toBe(200)
  const [{ sid }] = answers.map(({ body }) => claims(body.accessToken)) as [{ sid: string }]
  const [{ live, spent }] = (
    await db.query(
      `select count(distinct s.id)::int as live, count(t.token_hash)::int as spent
       from sessions s left join spent_tokens t on t.session_id = s.id where lintel.typeid('ses', s.id) = $1`,
      [sid],
    )
  ).rows
  expect([live, spent]).toEqual([1, 1])
  // Any of the 50 goes on, and the others, who have the same token, with it.
  const [next, same] = await Promise.all([
    refresh(answers[7]!.body.refreshToken),
    refresh(answers[31]!.body.refreshToken),
  ])
  expect([next.status, same.status]).toEqual([200, 200])
  expect(claims(same.body.refreshToken).jti).toBe(claims(next.body.refreshToken).jti)
})

test('R-AUTH-3: of 50 parallel showings of a token that was spent long ago none gets anything, and the family ends once', async () => {
  const stolen = await logIn((await api.user()).email)
  const live = (await refresh(stolen.refreshToken)).body
  await outlastGrace()
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(stolen.refreshToken)))
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(401))
  expect(await me(live)).toBe(401)
  const { rows } = await db.query(
    `select count(*)::int as ended from lintel.outbox where type = 'session.ended' and aggregate_id = $1`,
    [claims(live.accessToken).sid],
  )
  expect(rows).toEqual([{ ended: 1 }])
})

test('R-AUTH-3: a refresh whose answer was lost on the way works again, and so does the chain behind it', async () => {
  const first = await logIn((await api.user()).email)
  const lost = new AbortController()
  const asking = fetch(`${api.url}/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refreshToken: first.refreshToken }),
    signal: lost.signal,
  })
  const spent = async () =>
    (
      await db.query(`select 1 from sessions where lintel.typeid('ses', id) = $1 and previous_hash is not null`, [
        claims(first.accessToken).sid,
      ])
    ).rowCount
  // The client goes when the token is spent, or just before the answer: either way it has heard nothing.
  while ((await spent()) === 0) {}
  lost.abort()
  await asking.catch(() => {})
  const again = await refresh(first.refreshToken)
  expect(again.status).toBe(200)
  expect(await me(again.body)).toBe(200)
  expect((await refresh(again.body.refreshToken)).status).toBe(200)
})

test('R-AUTH-3: a spent token shown after the grace ends its whole family', async () => {
  const stolen = await logIn((await api.user()).email)
  const live = (await refresh(stolen.refreshToken)).body
  await outlastGrace()
  expect((await refresh(stolen.refreshToken)).status).toBe(401)
  expect((await refresh(live.refreshToken)).status).toBe(401)
  expect(await me(live)).toBe(401)
})

test('R-AUTH-3: so does one whose successor has been used, within the grace too, and one spent long ago', async () => {
  const first = await logIn((await api.user()).email)
  const second = (await refresh(first.refreshToken)).body
  const third = (await refresh(second.refreshToken)).body
  expect((await refresh(first.refreshToken)).status).toBe(401)
  expect((await refresh(third.refreshToken)).status).toBe(401)
})

test('R-AUTH-3: an access token is no refresh token, nor the other way round', async () => {
  const tokens = await logIn((await api.user()).email)
  expect((await refresh(tokens.accessToken)).status).toBe(401)
  expect((await api.ask('GET', '/users/me', { token: tokens.refreshToken })).status).toBe(401)
})

test('R-AUTH-4: logout needs no access token, ends that session alone, and may be repeated', async () => {
  const user = await api.user()
  const [here, there] = [await logIn(user.email), await logIn(user.email)]
  for (let i = 0; i < 2; i++) {
    const { status, body } = await api.ask('POST', '/auth/logout', { body: { refreshToken: here.refreshToken } })
    expect([status, body]).toEqual([204, undefined])
  }
  expect((await refresh(here.refreshToken)).status).toBe(401)
  expect([await me(here), await me(there)]).toEqual([401, 200])
  expect((await refresh(there.refreshToken)).status).toBe(200)
})

test('R-USER-4: sessions are listed and ended, and their access tokens are refused at once', async () => {
  const [user, other] = [await api.user(), await api.user()]
  const [here, there] = [await logIn(user.email), await logIn(user.email)]
  const list = await api.ask('GET', `/users/${user.id}/sessions`, { token: here.accessToken })
  expect(list.body.pagination.total).toBe(3)
  expect(Object.keys(list.body.data[0])).toEqual(['id', 'userId', 'expiresAt', 'createdAt', 'updatedAt'])
  const path = `/users/me/sessions/${claims(there.accessToken).sid}`
  expect((await api.ask('GET', `/users/${user.id}/sessions`, { token: other.token })).status).toBe(403)
  expect((await api.ask('DELETE', path.replace('me', user.id), { token: other.token })).status).toBe(403)
  expect((await api.ask('DELETE', path, { token: here.accessToken })).status).toBe(204)
  expect((await api.ask('DELETE', path, { token: here.accessToken })).status).toBe(404)
  expect([await me(there), await me(here)]).toEqual([401, 200])
})

test('R-AUTH-4: a new password ends every session, and so does deleting the user', async () => {
  const user = await api.user()
  const tokens = await logIn(user.email)
  const body = { password: 'quite another one', currentPassword: PASSWORD }
  expect((await api.ask('PATCH', '/users/me', { token: tokens.accessToken, body })).status).toBe(200)
  expect([await me(tokens), (await refresh(tokens.refreshToken)).status]).toEqual([401, 401])
  const again = await logIn(user.email, body.password)
  await api.ask('DELETE', '/users/me', { token: again.accessToken })
  expect([await me(again), (await refresh(again.refreshToken)).status]).toEqual([401, 401])
})

test('R-AUTH-4: changed roles hold at once: the old access token is refused, a refreshed one has the new roles', async () => {
  const user = await api.user()
  const tokens = await logIn(user.email)
  await api.ask('PATCH', `/v2/users/${user.id}`, { token: api.admin.token, body: { roles: ['admin'] } })
  expect(await me(tokens)).toBe(401)
  const fresh = (await refresh(tokens.refreshToken)).body
  expect(claims(fresh.accessToken).roles).toEqual(['admin'])
  expect((await api.ask('GET', '/users', { token: fresh.accessToken })).status).toBe(200)
})

test('R-GW-1: revocations are for the system’s inside alone', async () => {
  expect((await api.ask('GET', '/auth/revocations', { token: api.admin.token })).status).toBe(404)
})

test.each([
  ['changes the password', `update users set password_hash = 'another' where lower(email) = $1`],
  ['is deleted', 'update users set deleted_at = now() where lower(email) = $1'],
])('R-AUTH-4: a login that is under way while the user %s begins no session', async (_, change) => {
  const user = await api.user()
  // What a change does before it ends the sessions, held open.
  await db.query('begin')
  await db.query(change, [user.email])
  const login = api.ask('POST', '/auth/login', { body: { email: user.email, password: PASSWORD } })
  const waits = async () =>
    (await db.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`))
      .rowCount
  const answered = login.then(() => true)
  while ((await waits()) === 0 && !(await Promise.race([answered, new Promise((resolve) => setImmediate(resolve))]))) {}
  await db.query('commit')
  const { status, body } = await login
  expect([status, body.error?.code]).toEqual([401, 'INVALID_CREDENTIALS'])
})

test('R-AUTH-3: what is spent is forgotten once no token of it can be good: nothing grows for ever', async () => {
  const user = await api.user()
  const first = await logIn(user.email)
  await refresh(first.refreshToken)
  const sid = claims(first.accessToken).sid
  const spent = async () =>
    (await db.query(`select 1 from spent_tokens where lintel.typeid('ses', session_id) = $1`, [sid])).rowCount
  await logIn(user.email)
  expect(await spent()).toBe(1)
  await db.query(
    `update spent_tokens set spent_at = now() - interval '32 days' where lintel.typeid('ses', session_id) = $1`,
    [sid],
  )
  await logIn(user.email)
  expect(await spent()).toBe(0)
})
