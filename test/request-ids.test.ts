import { beforeAll, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { reference, type User } from './reference.ts'
import { send } from './wire.ts'

const api = reference()

let ann: User
beforeAll(async () => {
  ann = await api.user()
})

test('R-REST-7: the caller’s X-Request-Id comes back with every kind of answer', async () => {
  const headers = { 'x-request-id': 'Trace-1.2_3' }
  const { token } = ann
  const asked: [string, string, number, { token?: string; body?: unknown }?][] = [
    ['GET', '/products', 200],
    ['HEAD', '/products', 200],
    ['OPTIONS', '/products', 204],
    ['GET', '/health', 200],
    ['POST', `/users/${ann.id}/carts`, 201, { token, body: {} }],
    ['GET', '/products?colour=red', 400],
    ['POST', '/auth/login', 400, { body: '{' }],
    ['GET', '/users/me', 401],
    ['GET', '/users', 403, { token }],
    ['GET', '/nothing', 404],
    ['GET', `/products/${newId('prd')}`, 404],
    ['PUT', '/products', 405, { body: {} }],
    ['GET', '/v9/products', 400],
    ['GET', '//', 400],
  ]
  for (const [method, path, status, ask] of asked) {
    const reply = await api.ask(method, path, { ...ask, headers })
    expect(reply.status, `${method} ${path}`).toBe(status)
    expect(reply.headers.get('x-request-id'), `${method} ${path}`).toBe('Trace-1.2_3')
    if (status >= 400) expect(reply.body.error.requestId).toBe('Trace-1.2_3')
  }
})

test('R-REST-7: without one, or with one that is none, there is a new one, also on a 404 and a 400', async () => {
  const bad = ['', 'a b', 'é', 'a'.repeat(65), 'a,b', '<script>', '../..', 'a\tb', '%0a']
  const seen = new Set<string>()
  for (const path of ['/products', '/nothing', '/products?colour=red'])
    for (const given of [undefined, ...bad]) {
      const reply = await send(api.url, 'GET', path, given === undefined ? {} : { headers: { 'x-request-id': given } })
      const id = String(reply.headers['x-request-id'])
      expect(id).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
      expect(id).not.toBe(given)
      if (reply.status >= 400) expect(reply.body.error.requestId).toBe(id)
      seen.add(id)
    }
  expect(seen.size).toBe(3 * (bad.length + 1))
  const two = await send(api.url, 'GET', '/products', { headers: { 'x-request-id': ['one', 'two'] } })
  expect(two.headers['x-request-id']).not.toMatch(/one|two/)
  const longest = 'a'.repeat(64)
  expect((await api.ask('GET', '/', { headers: { 'x-request-id': longest } })).headers.get('x-request-id')).toBe(
    longest,
  )
})
