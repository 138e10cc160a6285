import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { type Clones, clonesOf } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import system from '../system.ts'
import { PASSWORD } from './reference.ts'
import { bodyOf, launcher, post } from './system-process.ts'

const { launch, run } = launcher()
let clones: Clones
let env: Record<string, string>

beforeAll(async () => {
  clones = await clonesOf(inject('databaseServer'), system.services)
  env = { ...databaseSettings(clones.urls), LOG_LEVEL: 'info' }
})
afterAll(() => clones.drop())

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid

/** As if every key had been in the key set for so long that each verifier must know it. */
async function outlastPublication(): Promise<void> {
  const client = await connect(clones.urls.users!)
  await client.query(
    `update signing_keys set key = jsonb_set(key, '{createdAt}', to_jsonb((key->>'createdAt')::timestamptz - interval '11 seconds'))`,
  )
  await client.end()
}

test('R-AUTH-2: `lintel keys rotate` changes the key under a running system, and nobody is logged out', {
  timeout: 60_000,
}, async () => {
  const url = await launch('lintel', { args: ['start'], env }).url()
  const ann = { email: 'ann@example.com', password: PASSWORD }
  await post(`${url}/users`, { ...ann, name: 'Ann' })
  const logIn = async () => bodyOf(await post(`${url}/auth/login`, ann))
  const refresh = async (refreshToken: string) => bodyOf(await post(`${url}/auth/refresh`, { refreshToken }))
  const me = async (token: string) =>
    (await fetch(`${url}/users/me`, { headers: { authorization: `Bearer ${token}` } })).status
  const keys = async () => (await bodyOf(await fetch(`${url}/.well-known/jwks.json`))).keys.map(({ kid }: any) => kid)

  const before = await logIn()
  const old = kidOf(before.accessToken)
  expect(await keys()).toEqual([old])
  const { code, stdout, stderr } = await run('lintel', { args: ['keys', 'rotate'], env })
  expect([code, stderr]).toEqual([0, ''])
  const [, fresh] = await keys()
  expect(stdout).toContain(fresh)
  // Until every verifier may have heard of the new key, the old one signs.
  expect(kidOf((await logIn()).accessToken)).toBe(old)
  await outlastPublication()
  const after = await logIn()
  expect([kidOf(after.accessToken), kidOf(after.refreshToken)]).toEqual([fresh, fresh])
  expect([await me(before.accessToken), await me(after.accessToken)]).toEqual([200, 200])
  const refreshed = await refresh(before.refreshToken)
  expect(kidOf(refreshed.refreshToken)).toBe(fresh)
  expect(await me(refreshed.accessToken)).toBe(200)
  expect(await keys()).toEqual([old, fresh])
})
