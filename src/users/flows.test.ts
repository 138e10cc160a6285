import { expect, inject, test } from 'vitest'
import { system } from '../index.ts'
import { testSystem } from '../testing/system.ts'
import { usersContract } from './contract.ts'
import { implementUsers } from './service.ts'

const PASSWORD = 'correct horse battery'
const directory = usersContract({ without: ['registration', 'invitations', 'emailVerification', 'passwordReset'] })
const lifetimes = { accessTokenMinutes: 5, sessionDays: 1 }
const service = implementUsers(directory, { migrations: new URL('./nowhere/', import.meta.url), lifetimes })

test('without its flows users are made by an admin, with a password, get no mail, and sign in for as long as was said', async () => {
  const admin = { LINTEL_ADMIN_EMAIL: 'admin@example.com', LINTEL_ADMIN_PASSWORD: PASSWORD }
  const run = await testSystem(
    system({ services: [service], auth: directory.accessTokens }),
    inject('databaseServer'),
    admin,
  )
  const ask = async (method: string, path: string, body?: object, token?: string) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }
    const response = await fetch(run.url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
    return { status: response.status, body: JSON.parse((await response.text()) || 'null') }
  }
  try {
    const ann = { email: 'ann@example.com', name: 'Ann' }
    const { body: tokens } = await ask('POST', '/auth/login', { email: 'admin@example.com', password: PASSWORD })
    expect(tokens.expiresIn).toBe(300)
    const { body: sessions } = await ask('GET', '/users/me/sessions', undefined, tokens.accessToken)
    expect(Date.parse(sessions.data[0].expiresAt) - Date.now()).toBeLessThan(86_400_000)

    expect((await ask('POST', '/users', { ...ann, password: PASSWORD })).status).toBe(401)
    const { status, body } = await ask('POST', '/users', ann, tokens.accessToken)
    expect([status, body.error.details]).toEqual([400, [{ field: 'password', message: 'is required' }]])
    expect((await ask('POST', '/users', { ...ann, password: PASSWORD }, tokens.accessToken)).body.roles).toEqual([
      'member',
    ])
    for (const path of ['/auth/email-verifications', '/auth/password-resets'])
      expect((await ask('POST', path, { email: ann.email })).status).toBe(404)
    expect((await ask('POST', '/auth/login', { email: ann.email, password: PASSWORD })).status).toBe(200)
  } finally {
    await run.stop()
  }
})
