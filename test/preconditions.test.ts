import { expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { reference } from './reference.ts'

const api = reference()

const codeOf = ({ status, body }: { status: number; body: any }) => [status, body?.error?.code]
const FAILED = [412, 'PRECONDITION_FAILED']

/** A thing of every resource, as its owner; what can be done to it, and back. */
async function everyThing() {
  const user = await api.user()
  const mine = (method: string, path: string, body?: unknown) => api.ask(method, path, { token: user.token, body })
  const product = await api.product()
  const line = { productId: product.id, quantity: 1 }
  const cart = (await mine('POST', '/users/me/carts', {})).body
  const item = (await mine('POST', `/carts/${cart.id}/items`, line)).body
  const order = (await mine('POST', '/users/me/orders', { items: [line] })).body
  const [session] = (await mine('GET', '/users/me/sessions')).body.data
  const admin = api.admin.token
  return [
    { path: `/products/${product.id}`, token: admin, writes: ['PUT', 'PATCH', 'DELETE'] },
    { path: `/carts/${cart.id}/items/${item.id}`, token: user.token, writes: ['PATCH', 'DELETE'] },
    { path: `/carts/${cart.id}`, token: user.token, writes: ['DELETE'] },
    { path: `/orders/${order.id}`, token: admin, writes: ['PATCH'], change: { status: 'paid' } },
    { path: `/users/${user.id}/sessions/${session.id}`, token: user.token, writes: ['DELETE'], untagged: true },
    { path: `/v1/users/${user.id}`, token: admin, writes: ['PUT', 'PATCH', 'DELETE'] },
  ]
}

test('FC-10, R-REST-2: If-None-Match: * fails every write to a thing that exists, and changes nothing', async () => {
  for (const { path, token, writes, change } of await everyThing()) {
    const before = (await api.ask('GET', path, { token })).body
    for (const method of writes) {
      const body = method === 'DELETE' ? undefined : { ...before, ...change }
      for (const tag of ['*', ' * '])
        expect([
          path,
          method,
          ...codeOf(await api.ask(method, path, { token, body, headers: { 'if-none-match': tag } })),
        ]).toEqual([path, method, ...FAILED])
    }
    expect((await api.ask('GET', path, { token })).body, path).toEqual(before)
  }
})

test('FC-10, R-REST-2: a tag in If-None-Match fails a write to that version only, weak ones too', async () => {
  for (const { path, token, writes, change, untagged } of await everyThing()) {
    const before = (await api.ask('GET', path, { token })).body
    const method = writes[0]!
    const body = method === 'DELETE' ? undefined : { ...before, ...change }
    const write = (tag: string) => api.ask(method, path, { token, body, headers: { 'if-none-match': tag } })
    if (!untagged)
      for (const tag of [`"${before.version}"`, `W/"${before.version}"`, `"x", "${before.version}"`])
        expect([path, ...codeOf(await write(tag))], tag).toEqual([path, ...FAILED])
    expect((await write('"99", "x", W/"98"')).status, path).toBeLessThan(300)
  }
})

test('FC-10, R-REST-2: If-Match on a read holds for the current tag, strongly, and for *', async () => {
  for (const { path, token, untagged } of await everyThing())
    for (const method of ['GET', 'HEAD']) {
      const read = await api.ask('GET', path, { token })
      const etag = read.headers.get('etag')
      const ask = async (tag: string) => (await api.ask(method, path, { token, headers: { 'if-match': tag } })).status
      expect(etag === null, path).toBe(untagged === true)
      for (const tag of ['*', ...(etag ? [etag, `"x", ${etag}`] : [])])
        expect(await ask(tag), `${path} ${tag}`).toBe(200)
      for (const tag of ['"99"', `W/${etag ?? '"1"'}`, '"x", "y"', 'x', ''])
        expect(await ask(tag), `${method} ${path} ${tag}`).toBe(412)
    }
})

test('FC-10, R-REST-2: where there is no tag, one in If-Match fails and * passes: lists, and operations of their own', async () => {
  const user = await api.user()
  const status = async (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    (await api.ask(method, path, { token: user.token, headers, body })).status
  for (const path of ['/products', '/orders', '/users/me/sessions', '/.well-known/jwks.json']) {
    expect(await status('GET', path, { 'if-match': '"1"' }), path).toBe(412)
    expect(await status('GET', path, { 'if-match': '*' }), path).toBe(200)
    expect(await status('GET', path, { 'if-none-match': '"1"' }), path).toBe(200)
    expect(await status('GET', path, { 'if-none-match': '*' }), path).toBe(304)
  }
  const [session] = (await api.ask('GET', '/users/me/sessions', { token: user.token })).body.data
  const path = `/users/me/sessions/${session.id}`
  expect(await status('DELETE', path, { 'if-match': '"1"' })).toBe(412)
  expect(await status('GET', path, {})).toBe(200)
  expect(await status('DELETE', path, { 'if-match': '*' })).toBe(204)
  // Of a token that is no good there is nothing to match: it fails as it does without the header (RFC 9110 13.2.1).
  for (const headers of [{ 'if-match': '"1"' }, { 'if-none-match': '*' }])
    expect(await status('PUT', '/auth/email-verifications/none', headers as never, {})).toBe(404)
})

test('FC-10, R-REST-2: POST to a collection ignores both', async () => {
  for (const headers of [{ 'if-match': '"99"' }, { 'if-none-match': '*' }] as Record<string, string>[]) {
    const body = { sku: newId('sku'), name: 'Chai', category: 'Teas', price: 1 }
    const made = await api.ask('POST', '/products', { token: api.admin.token, body, headers })
    expect(made.status).toBe(201)
    const credentials = { email: api.admin.email, password: 'wrong' }
    expect((await api.ask('POST', '/auth/login', { body: credentials, headers })).status).toBe(401)
  }
})

test('FC-10, R-REST-2: refusals come in the order 401, 404, 403, 400, 412', async () => {
  const { path } = (await everyThing())[0]!
  const stale = { 'if-match': '"99"' }
  const nowhere = `/products/${newId('prd')}`
  const member = await api.user()
  const ask = async (where: string, token: string | undefined, body: unknown) =>
    (await api.ask('PUT', where, { token, body, headers: stale })).status
  const whole = { sku: newId('sku'), name: 'Chai', category: 'Teas', price: 1 }
  expect(await ask(nowhere, undefined, {})).toBe(401)
  expect(await ask(nowhere, member.token, {})).toBe(404)
  expect(await ask(path, member.token, {})).toBe(403)
  // Whether it is a role, the id in the path or the owner in the row that decides.
  for (const absent of [`/users/${newId('usr')}`, `/orders/${newId('ord')}`, `/carts/${newId('crt')}`])
    expect((await api.ask('GET', absent, { token: member.token })).status).toBe(404)
  expect(await ask(nowhere, api.admin.token, {})).toBe(404)
  expect(await ask(nowhere, api.admin.token, '{')).toBe(404)
  expect(await ask(nowhere, api.admin.token, whole)).toBe(404)
  expect(await ask(path, api.admin.token, {})).toBe(400)
  expect(await ask(path, api.admin.token, whole)).toBe(412)
  const read = async (where: string) => (await api.ask('GET', where, { headers: stale })).status
  expect(await read(`${nowhere}?fields=nothing`)).toBe(404)
  expect(await read(`${path}?fields=nothing`)).toBe(400)
  expect(await read(path)).toBe(412)
})
