import { expect, test } from 'vitest'
import { users } from '../../services/users/contract.ts'
import { answering, hangUp, json, problem, type Reply } from '../../test/answering.ts'
import { client } from './client.ts'
import type { ClientOptions } from './client-options.ts'
import type { TokenStore, Tokens } from './session.ts'

/** Tokens by number: access token a1 goes with refresh token r1. */
const tokens = (n: number) => ({ accessToken: `a${n}`, refreshToken: `r${n}`, tokenType: 'Bearer', expiresIn: 900 })
const credentials = { body: { email: 'ada@example.com', password: 'p' } }

/** A users service whose access tokens up to `expired` have expired, and that knows one refresh token at a time. */
async function serving({ login = json(200, tokens(1)), refresh }: { login?: Reply; refresh?: Reply } = {}) {
  const state = { expired: 0, current: 1 }
  const server = await answering((response, request) => {
    const reply = () => {
      if (request.url.endsWith('/auth/login')) return login
      if (request.url.endsWith('/auth/logout')) return json(204, undefined)
      if (request.url.endsWith('/auth/refresh')) {
        if (refresh) return refresh
        const { refreshToken } = JSON.parse(request.body)
        if (refreshToken !== `r${state.current}`) return problem(401, 'INVALID_TOKEN')
        return json(200, tokens(++state.current))
      }
      const given = Number(/^Bearer a(\d+)$/.exec(request.headers.authorization ?? '')?.[1] ?? Number.NaN)
      if (Number.isNaN(given)) return problem(401, 'UNAUTHENTICATED')
      return given <= state.expired ? problem(401, 'TOKEN_EXPIRED') : json(200, { id: 'usr_1', token: given })
    }
    reply()(response, request)
  })
  const kept: (Tokens | undefined)[] = []
  const store: TokenStore = {
    get: async () => kept.at(-1),
    set: async (next) => void kept.push(next),
  }
  const api = (options?: Partial<ClientOptions>) => client([users], { url: server.url, tokens: store, ...options })
  const sent = (path: string) => server.seen.filter(({ url }) => url.endsWith(path))
  return { ...server, state, kept, store, api, sent }
}

test('R-AUTH-1: the tokens of a login are kept, and sent from then on; not with what takes credentials of its own', async () => {
  const server = await serving()
  const api = server.api()
  await expect(api.users.get({ id: 'me' })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  await api.login(credentials)
  expect(await api.users.get({ id: 'me' })).toMatchObject({ id: 'usr_1' })
  await api.login(credentials)
  expect(server.kept[0]).toEqual(tokens(1))
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([
    undefined,
    undefined,
    'Bearer a1',
    undefined,
  ])
})

test('R-AUTH-3: 50 calls whose token has expired refresh it once, and are answered', async () => {
  const server = await serving()
  const api = server.api()
  await api.login(credentials)
  server.state.expired = 1
  const answers = await Promise.all(Array.from({ length: 50 }, () => api.users.get({ id: 'me' })))
  expect(answers.every((answer) => (answer as unknown as { token: number }).token === 2)).toBe(true)
  expect(server.sent('/auth/refresh')).toHaveLength(1)
  expect(server.kept.at(-1)).toEqual(tokens(2))
  // A call that was on its way with the old token goes by what is kept now.
  server.state.expired = 2
  await Promise.all([api.users.get({ id: 'me' }), api.users.list()])
  expect(server.sent('/auth/refresh').map(({ body }) => JSON.parse(body))).toEqual([
    { refreshToken: 'r1' },
    { refreshToken: 'r2' },
  ])
})

test('tokens that another tab has renewed are used, and not renewed again', async () => {
  const server = await serving()
  const api = server.api()
  await api.login(credentials)
  Object.assign(server.state, { expired: 1, current: 2 })
  const get: ClientOptions['fetch'] = async (url, init) => {
    const response = await fetch(url, init)
    if (response.status === 401) server.kept.push(tokens(2))
    return response
  }
  await server.api({ fetch: get }).users.get({ id: 'me' })
  expect(server.sent('/auth/refresh')).toEqual([])
})

test('a refresh token that is rejected ends the session: the store is told, and the call rejects with what it was told', async () => {
  const server = await serving({ refresh: problem(401, 'INVALID_TOKEN') })
  const api = server.api()
  await api.login(credentials)
  server.state.expired = 1
  const calls = await Promise.allSettled([api.users.get({ id: 'me' }), api.users.get({ id: 'me' })])
  for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: { code: 'TOKEN_EXPIRED' } })
  expect(server.kept).toEqual([tokens(1), undefined])
  expect(server.sent('/auth/refresh')).toHaveLength(1)
  await expect(api.users.get({ id: 'me' })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('a refresh that fails otherwise leaves the session as it is', async () => {
  const server = await serving({ refresh: hangUp })
  const api = server.api()
  await api.login(credentials)
  server.state.expired = 1
  await expect(api.users.get({ id: 'me' })).rejects.toMatchObject({ operation: 'refresh', code: 'SERVICE_UNAVAILABLE' })
  expect(server.kept).toEqual([tokens(1)])
})

test('a token that stays rejected is sent twice and no more', async () => {
  const server = await serving()
  const api = server.api()
  await api.login(credentials)
  server.state.expired = 9
  await expect(api.users.get({ id: 'me' })).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' })
  expect(server.sent('/users/me')).toHaveLength(2)
})

test('R-AUTH-4: a logout gives the refresh token that is kept, and forgets it', async () => {
  const server = await serving()
  const api = server.api()
  await api.login(credentials)
  await api.logout()
  expect(JSON.parse(server.sent('/auth/logout')[0]!.body)).toEqual({ refreshToken: 'r1' })
  expect(server.kept).toEqual([tokens(1), undefined])
})

test('a logout while a refresh is under way stays one', async () => {
  let answer: (() => void) | undefined
  const server = await serving({
    refresh: (response, request) => {
      answer = () => json(200, tokens(2))(response, request)
    },
  })
  const api = server.api()
  await api.login(credentials)
  server.state.expired = 1
  const call = api.users.get({ id: 'me' })
  await expect.poll(() => answer).toBeDefined()
  await api.logout()
  answer!()
  await expect(call).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' })
  expect(server.kept.at(-1)).toBeUndefined()
})

test('tokens of an identity provider: asked for before each attempt, and once more when they are rejected', async () => {
  const server = await serving()
  server.state.expired = 1
  const asked: (string | undefined)[] = []
  const token = (rejected?: string) => {
    asked.push(rejected)
    return Promise.resolve(rejected === undefined ? 'a1' : 'a2')
  }
  const api = server.api({ token })
  expect(await api.users.get({ id: 'me' })).toMatchObject({ token: 2 })
  expect(asked).toEqual([undefined, 'a1'])
  await api.login(credentials)
  expect(server.kept).toEqual([])
})
