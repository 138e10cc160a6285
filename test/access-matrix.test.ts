import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { accessTokens } from '../services/users/contract.ts'
import type { SigningKey } from '../src/auth/keys.ts'
import { issueAccessToken } from '../src/auth/tokens.ts'
import { newId } from '../src/base/ids.ts'
import { isInternal } from '../src/contract/access.ts'
import type { Operation } from '../src/contract/operation.ts'
import { connect } from '../src/data/connection.ts'
import system from '../system.ts'
import { PASSWORD, type Reply, reference, type User } from './reference.ts'

const api = reference()

const served: Operation[] = system.services.flatMap(({ contract }) => [...contract.served])
const latest = Math.max(...system.services.map(({ contract }) => contract.latest))

const CALLERS = ['nobody', 'another', 'owner', 'admin'] as const
type Who = (typeof CALLERS)[number]

/** Something to ask an operation for, whose owner is known. */
interface Thing {
  readonly owner: User
  /** In the order of the path. */
  readonly params?: readonly string[]
  readonly body?: unknown
}

/** A way to say which version is meant; or none, which is the first. */
interface Form {
  readonly name: string
  readonly prefix: string
  readonly headers: Record<string, string>
}

const FORMS: Form[] = Array.from({ length: latest }, (_, i) => i + 1).flatMap((version) => [
  { name: `/v${version}`, prefix: `/v${version}`, headers: {} },
  { name: `/api/v${version}`, prefix: `/api/v${version}`, headers: {} },
  { name: `Accept ${version}`, prefix: '', headers: { accept: `application/vnd.api+json;version=${version}` } },
])
FORMS.push({ name: '/api', prefix: '/api', headers: {} })

/** What the rule of an operation promises to a caller (R-AUTH-8): its success, or the status and code of a refusal. */
function promised({ access, name, verb, status }: Operation, who: Who): readonly [number, string?] {
  if (isInternal(access)) return [404, 'NOT_FOUND']
  if (access.public) return [status]
  if (who === 'nobody') return [401, 'UNAUTHENTICATED']
  if (access.authenticated) return [status]
  if (who === 'admin' && access.roles.includes('admin')) return [status]
  // A list at the root shows everybody their own.
  const own = access.owner && (who === 'owner' || (verb === 'list' && name === 'listAll'))
  return own ? [status] : [403, 'FORBIDDEN']
}

let signer: SigningKey
let another: User
let withPassword: User
let product: any
let users = 0

beforeAll(async () => {
  const client = await connect(api.system.databases.users!)
  signer = (await client.query<{ key: SigningKey }>('select key from signing_keys')).rows[0]!.key
  await client.end()
  another = await newUser()
  withPassword = await api.user()
  product = await api.product({ stock: 1_000_000 })
})

/** A user without a password: registering and logging in would hash it twice. */
async function newUser(): Promise<User> {
  const email = `matrix${++users}@example.com`
  const { body } = await byAdmin('POST', '/v2/users', { email, name: 'Ann' })
  const claims = { sub: body.id, email, roles: body.roles, sid: newId('ses') }
  const parties = { issuer: accessTokens.issuer, audience: accessTokens.audience, nowMs: Date.now() }
  return { id: body.id, email, token: await issueAccessToken(signer, claims, parties) }
}

function byAdmin(method: string, path: string, body?: unknown): Promise<Reply> {
  return api.ask(method, path, { token: api.admin.token, body })
}

const item = () => ({ productId: product.id, quantity: 2 })
const whole = () => ({ sku: `sku-${crypto.randomUUID()}`, name: 'Chai', category: 'Beverages', price: 18 })

async function withUser(body?: unknown): Promise<Thing> {
  const owner = await newUser()
  return { owner, params: [owner.id], body }
}

async function withProduct(body?: unknown): Promise<Thing> {
  return { owner: another, params: [(await api.product()).id], body }
}

async function withCart(body?: unknown): Promise<Thing> {
  const { owner } = await withUser()
  const cart = (await byAdmin('POST', `/users/${owner.id}/carts`, {})).body
  return { owner, params: [cart.id], body }
}

async function withItem(body?: unknown): Promise<Thing> {
  const { owner, params } = await withCart()
  const made = (await byAdmin('POST', `/carts/${params![0]}/items`, item())).body
  return { owner, params: [...params!, made.id], body }
}

async function withOrder(body?: unknown): Promise<Thing> {
  const { owner } = await withUser()
  const order = (await byAdmin('POST', `/users/${owner.id}/orders`, { items: [item()] })).body
  return { owner, params: [order.id], body }
}

/** Logs in the one user who has a password. */
async function withSession(): Promise<{ owner: User; tokens: any }> {
  const owner = withPassword
  const { body } = await api.ask('POST', '/auth/login', { body: { email: owner.email, password: PASSWORD } })
  return { owner, tokens: body }
}

async function withSessionId(): Promise<Thing> {
  const { owner } = await withSession()
  const { data } = (await byAdmin('GET', `/users/${owner.id}/sessions?limit=1`)).body
  return { owner, params: [owner.id, data[0].id] }
}

async function withRefreshToken(): Promise<Thing> {
  const { owner, tokens } = await withSession()
  return { owner, body: { refreshToken: tokens.refreshToken } }
}

/** A token that came by mail. */
async function withMailToken(purpose: string, body?: unknown): Promise<Thing> {
  const owner = await newUser()
  await api.ask('POST', `/auth/${purpose}`, { body: { email: owner.email } })
  for (;;) {
    const mails: { to: string; links: string[] }[] = (await api.ask('GET', '/dev/mails')).body
    const links = mails.filter(({ to }) => to === owner.email).flatMap((mail) => mail.links)
    const link = links.find((one) => one.includes(`/auth/${purpose}/`))
    if (link) return { owner, params: [link.split('/').at(-1)!], body }
    await delay(10)
  }
}

/** How to come by something to ask each operation for. An operation that is not here fails the tests. */
const THINGS: Record<string, () => Promise<Thing>> = {
  'users.users.list': async () => ({ owner: another }),
  'users.users.get': () => withUser(),
  'users.users.create': async () => ({
    owner: another,
    body: { email: `new${++users}@example.com`, name: 'New', password: PASSWORD },
  }),
  'users.users.replace': async () => {
    const { owner, params } = await withUser()
    return { owner, params: params!, body: { email: owner.email, name: 'Anna' } }
  },
  'users.users.update': () => withUser({ name: 'Anna' }),
  'users.users.delete': () => withUser(),
  'users.sessions.list': () => withUser(),
  'users.sessions.get': withSessionId,
  'users.sessions.delete': withSessionId,
  'users.login': async () => ({ owner: withPassword, body: { email: withPassword.email, password: PASSWORD } }),
  'users.refresh': withRefreshToken,
  'users.logout': withRefreshToken,
  'users.requestEmailVerification': async () => ({ owner: another, body: { email: another.email } }),
  'users.verifyEmail': () => withMailToken('email-verifications'),
  'users.requestPasswordReset': async () => ({ owner: another, body: { email: another.email } }),
  'users.resetPassword': () => withMailToken('password-resets', { password: PASSWORD }),
  'users.confirmationPage.get': async () => ({ owner: another, params: ['any'] }),
  'users.confirmationPage.post': () => withMailToken('email-verifications'),
  'users.passwordPage.get': async () => ({ owner: another, params: ['any'] }),
  'users.passwordPage.post': () => withMailToken('password-resets', { password: PASSWORD }),
  'users.keys': async () => ({ owner: another }),
  'users.revocations': async () => ({ owner: another }),
  'orders.products.list': async () => ({ owner: another }),
  'orders.products.get': () => withProduct(),
  'orders.products.create': async () => ({ owner: another, body: whole() }),
  'orders.products.replace': () => withProduct(whole()),
  'orders.products.update': () => withProduct({ price: 1 }),
  'orders.products.delete': () => withProduct(),
  'orders.carts.list': () => withUser(),
  'orders.carts.create': () => withUser({}),
  'orders.carts.get': () => withCart(),
  'orders.carts.delete': () => withCart(),
  'orders.cartItems.list': () => withCart(),
  'orders.cartItems.create': () => withCart(item()),
  'orders.cartItems.get': () => withItem(),
  'orders.cartItems.update': () => withItem({ quantity: 3 }),
  'orders.cartItems.delete': () => withItem(),
  'orders.orders.list': () => withUser(),
  'orders.orders.listAll': async () => ({ owner: await newUser() }),
  'orders.orders.create': () => withUser({ items: [item()] }),
  'orders.orders.get': () => withOrder(),
  'orders.orders.update': () => withOrder({ status: 'cancelled' }),
  'orders.orderItems.list': () => withOrder(),
}

test('R-AUTH-8: every operation of every contract is in the matrix', () => {
  expect(Object.keys(THINGS).sort()).toEqual(served.map(({ id }) => id).sort())
  for (const { id, access } of served)
    for (const role of access.roles)
      expect(['admin', 'service'], `${id}: no caller of the matrix is ${role}`).toContain(role)
})

describe.each(served.map((operation) => [operation.id, operation] as const))('R-AUTH-8: %s', (_, operation) => {
  test.each(CALLERS)('asked by %s, in every version and form', { timeout: 60_000 }, async (who) => {
    const [status, code] = promised(operation, who)
    const make = THINGS[operation.id]!
    // What is refused leaves a thing as it was: one will do.
    const refused = code === undefined ? undefined : await make()
    const before = refused && (await seenByAdmin(refused))
    for (const form of FORMS) {
      const reply = await ask(refused ?? (await make()), who, form)
      const where = `${form.name}: ${JSON.stringify(reply.body)}`
      expect(reply.status, where).toBe(status)
      expect(reply.body?.error?.code, where).toBe(code)
      if (status === 401) expect(reply.headers.get('www-authenticate'), where).toBe('Bearer')
    }
    if (refused) expect(await seenByAdmin(refused)).toEqual(before)
    await asMe(who)
  })

  function ask({ owner, params = [], body }: Thing, who: Who, { prefix, headers }: Form): Promise<Reply> {
    let next = 0
    const path = operation.path.replace(/\{\w+\}/g, () => params[next++] ?? 'missing')
    const tokens = { nobody: undefined, another: another.token, owner: owner.token, admin: api.admin.token }
    const { method } = operation
    if (operation.route) return submit(prefix + path, tokens[who], headers, body)
    return api.ask(method, prefix + path, { token: tokens[who], headers, ...(method !== 'GET' && { body }) })
  }

  /** As a browser sends a form, to a route. */
  async function submit(path: string, token: string | undefined, headers: Form['headers'], fields: unknown = {}) {
    const { method } = operation
    const response = await fetch(api.url + path, {
      method,
      headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
      ...(method !== 'GET' && { body: new URLSearchParams(fields as Record<string, string>) }),
    })
    await response.text()
    return { status: response.status, headers: response.headers, body: undefined }
  }

  /** R-USER-3: `me` is the caller, who is nobody without credentials. */
  async function asMe(who: Who): Promise<void> {
    const place = operation.facts.ownerParam
    if (place < 0 || (who !== 'owner' && who !== 'nobody')) return
    const thing = await THINGS[operation.id]!()
    const params = thing.params!.map((param, i) => (i === place ? 'me' : param))
    const [status] = promised(operation, who)
    expect((await ask({ ...thing, params }, who, FORMS[0]!)).status).toBe(status)
  }

  /** The thing that the path names, or the collection, as far as it can be read. */
  async function seenByAdmin({ params = [] }: Thing): Promise<unknown> {
    let next = 0
    const path = operation.path.replace(/\{\w+\}/g, () => params[next++] ?? 'missing')
    const { status, body } = await byAdmin('GET', path)
    return [status, body?.error?.code ?? body]
  }
})
