import { expect, test } from 'vitest'
import { PASSWORD, reference } from './reference.ts'
import { send, type Wired } from './wire.ts'

// With the usual limits: what an answer says of them must not tell either. Each request has an address of its own.
const api = reference(async () => ({ TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_AUTH_MAX: '' }))

let requests = 0

function ask(path: string, body: object): Promise<Wired> {
  const from = `10.${++requests >> 16}.${(requests >> 8) & 255}.${requests & 255}`
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': from }
  return send(api.url, 'POST', path, { headers, body: JSON.stringify(body) })
}

/** All of an answer but its ids and its time. */
function told({ status, headers, text }: Wired): string {
  const { date, 'x-request-id': id, 'x-ratelimit-reset': reset, ...rest } = headers
  return JSON.stringify([status, Object.entries(rest), text.replaceAll(id as string, 'req')])
}

/** One address of each kind that the service could tell apart, were it to. */
async function addresses(): Promise<Record<string, string>> {
  const { token } = api.admin
  const made = async (body: object = {}) => {
    const email = `known${++requests}@example.com`
    const { body: user } = await api.ask('POST', '/users', { token, body: { email, name: 'Ann', ...body } })
    return { id: user.id, email }
  }
  const invited = await made()
  const registered = await made({ password: PASSWORD })
  const deleted = await made()
  await api.ask('DELETE', `/users/${deleted.id}`, { token })
  return {
    unknown: `unknown${++requests}@example.com`,
    invited: invited.email,
    registered: registered.email,
    'registered, written otherwise': registered.email.toUpperCase(),
    deleted: deleted.email,
  }
}

test.each(['/auth/login', '/auth/password-resets', '/auth/email-verifications'])(
  'R-AUTH-1 R-AUTH-6: %s answers a stranger the same whether an address exists, in status, headers and body',
  async (path) => {
    const wrong = path === '/auth/login' ? { password: 'not the password' } : {}
    // Each address is new to its limits; asked again, a second mail may be due, or not.
    const seen: Record<string, string[]> = {}
    for (const [kind, email] of Object.entries(await addresses())) {
      if (kind.includes('otherwise') && path === '/auth/login') continue
      seen[kind] = [told(await ask(path, { email, ...wrong })), told(await ask(path, { email, ...wrong }))]
    }
    for (const [kind, answers] of Object.entries(seen)) expect(answers, kind).toEqual(seen.unknown)
    expect(JSON.parse(seen.unknown![0]!)[0]).toBe(path === '/auth/login' ? 401 : 202)
  },
)

test('R-AUTH-1 R-RATE-1: the limit of an account tells nothing either, nor what is wrong with a password', async () => {
  const { unknown, registered, deleted } = await addresses()
  const passwords = ['short', 'x'.repeat(129), 'x'.repeat(1024), 'pass\u0301word', 'password']
  const logins = async (email: string) => {
    const answers: string[] = []
    for (let i = 0; i < 12; i++) answers.push(told(await ask('/auth/login', { email, password: passwords[i % 5] })))
    return answers.map((answer) => answer.replace(/"retry-after","\d"|t=\d+/g, ''))
  }
  const answers = await logins(unknown!)
  expect(answers.map((answer) => JSON.parse(answer.replace(',[,', ',['))[0])).toEqual([
    ...Array(10).fill(401),
    429,
    429,
  ])
  expect(await logins(registered!)).toEqual(answers)
  expect(await logins(deleted!)).toEqual(answers)
})

test('R-AUTH-3: a refresh token of nobody, of a user who is deleted and of an ended session get the same answer', async () => {
  const logIn = async () => {
    const email = `gone${++requests}@example.com`
    const { body } = await api.ask('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD } })
    const { refreshToken, accessToken } = (await ask('/auth/login', { email, password: PASSWORD })).body
    return { id: body.id, refreshToken, accessToken }
  }
  const [deleted, left, reused] = [await logIn(), await logIn(), await logIn()]
  await api.ask('DELETE', '/users/me', { token: deleted.accessToken })
  await ask('/auth/logout', { refreshToken: left.refreshToken })
  const next = (await ask('/auth/refresh', { refreshToken: reused.refreshToken })).body
  await ask('/auth/refresh', { refreshToken: next.refreshToken })
  const [head, claims] = left.refreshToken.split('.')
  const tokens = {
    garbage: 'garbage',
    forged: `${head}.${claims}.${'A'.repeat(86)}`,
    deleted: deleted.refreshToken,
    ended: left.refreshToken,
    reused: reused.refreshToken,
    access: left.accessToken,
  }
  const answers = new Map<string, string[]>()
  for (const [kind, refreshToken] of Object.entries(tokens)) {
    const answer = told(await ask('/auth/refresh', { refreshToken }))
    answers.set(answer, [...(answers.get(answer) ?? []), kind])
  }
  expect([...answers.values()]).toEqual([Object.keys(tokens)])
})
