import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { helpdesk } from '../examples/helpdesk/contract.ts'
import helpdeskSystem from '../examples/helpdesk/system.ts'
import { users as people } from '../examples/helpdesk/users/contract.ts'
import { orders } from '../services/orders/contract.ts'
import { users } from '../services/users/contract.ts'
import { type ClientOptions, client, type Tokens } from '../src/client/index.ts'
import { clientModule } from './client-module.ts'
import { PASSWORD, Reference, reference } from './reference.ts'

// What the client promises, kept by the real system: both by the one that contracts give and by the file that `lintel client` writes.

const api = reference(async () => ({ RATE_LIMIT_MAX: '10000', RATE_LIMIT_AUTH_MAX: '1000' }))

const inferred = async () => (options: ClientOptions) => client([users, orders], options)
const written = async () => (await clientModule([users, orders])).client

describe.each([
  ['inferred from contracts', inferred],
  ['written by lintel client', written],
])('a client %s', (_, made) => {
  async function signedIn(options: Partial<ClientOptions> = {}) {
    let kept: Tokens | undefined
    const store = {
      get: () => kept,
      set(tokens: Tokens | undefined) {
        kept = tokens
      },
    }
    const calls = (await made())({ url: api.url, tokens: store, ...options })
    const email = `${crypto.randomUUID()}@example.com`
    const user = await calls.users.create({ body: { email, name: 'Ann', password: PASSWORD } })
    await calls.login({ body: { email, password: PASSWORD } })
    return { calls, user, store, email }
  }

  test('signs in, orders, walks lists, and gets fields that it asks for', async () => {
    const { calls, user } = await signedIn()
    const product = await api.product({ stock: 1_000 })
    expect(await calls.users.get({ id: 'me', query: { fields: ['name'] } })).toEqual({ id: user.id, name: 'Ann' })
    const body = { items: [{ productId: product.id, quantity: 1 }] }
    for (let i = 0; i < 5; i++) await calls.orders.create({ userId: 'me', body })
    const totals: number[] = []
    for await (const { total, ...rest } of calls.orders.eachAll({
      query: { fields: ['total'], limit: 2, totalMin: 1 },
    })) {
      expect(Object.keys(rest)).toEqual(['id'])
      totals.push(total)
    }
    expect(totals).toEqual([18, 18, 18, 18, 18])
    const { data, pagination } = await calls.orders.list({ userId: 'me', query: { limit: 2, sort: '-createdAt' } })
    expect([data.length, pagination.total]).toEqual([2, 5])
  })

  test('R-IDEM-1: a POST whose answer is lost is sent again, and happens once', async () => {
    let sent = 0
    const losing: ClientOptions['fetch'] = async (url, init) => {
      const response = await fetch(url, init)
      if (url.endsWith('/orders') && init.method === 'POST' && ++sent < 3) throw new TypeError('fetch failed')
      return response
    }
    const { calls } = await signedIn({ fetch: losing })
    const product = await api.product({ stock: 10 })
    const order = await calls.orders.create({ userId: 'me', body: { items: [{ productId: product.id, quantity: 4 }] } })
    expect(sent).toBe(3)
    expect((await calls.orders.listAll()).data).toEqual([order])
    expect((await calls.products.get({ id: product.id })).stock).toBe(6)
  })

  test('a problem is told by its code, with its details', async () => {
    const { calls } = await signedIn()
    const { isProblem } = await clientModule([users, orders])
    const product = await api.product({ stock: 1 })
    const order = (quantity: number) =>
      calls.orders.create({ userId: 'me', body: { items: [{ productId: product.id, quantity }] } })
    await expect(order(2)).rejects.toMatchObject({ code: 'OUT_OF_STOCK', status: 409, requestId: expect.any(String) })
    await expect(order(0)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: [{ field: 'items[0].quantity' }],
    })
    expect(isProblem(new Error('no'), 'NOT_FOUND')).toBe(false)
  })

  test('R-LOCK-2: a change names the version that it means', async () => {
    const { calls } = await signedIn()
    const me = await calls.users.get({ id: 'me' })
    const renamed = await calls.users.update({ id: 'me', body: { name: 'Anne' }, ifMatch: me.version })
    expect(renamed.version).toBe(me.version + 1)
    const stale = calls.users.update({ id: 'me', body: { name: 'Anna' }, ifMatch: me.version })
    await expect(stale).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' })
  })

  test('R-AUTH-3: 50 calls with a token that is no longer good renew it once, and the old refresh token is spent', async () => {
    let refreshes = 0
    const counted: ClientOptions['fetch'] = (url, init) => {
      if (url.endsWith('/auth/refresh')) refreshes++
      return fetch(url, init)
    }
    const { calls, store } = await signedIn({ fetch: counted })
    const before = store.get()!
    store.set({ ...before, accessToken: `${before.accessToken}x` })
    const names = await Promise.all(Array.from({ length: 50 }, async () => (await calls.users.get({ id: 'me' })).name))
    expect(names).toEqual(Array(50).fill('Ann'))
    expect(refreshes).toBe(1)
    expect(store.get()!.refreshToken).not.toBe(before.refreshToken)
    expect(store.get()!.accessToken).not.toBe(before.accessToken)
  })

  test('R-AUTH-4: a logout ends the session, there and here', async () => {
    const { calls, store } = await signedIn()
    const { refreshToken } = store.get()!
    await calls.logout()
    expect(store.get()).toBeUndefined()
    await expect(calls.refresh({ body: { refreshToken: refreshToken! } })).rejects.toMatchObject({ status: 401 })
    await expect(calls.users.get({ id: 'me' })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('a client of the help-desk that lintel client has written', () => {
  const desk = new Reference()
  beforeAll(() => desk.start({ HELPDESK_MAIL_SECRET: 'of the mail server' }, helpdeskSystem))
  afterAll(() => desk.system?.stop())

  test('calls operations on a thing, and lists what is below it', async () => {
    const user = await desk.user()
    const module = await clientModule([people, helpdesk])
    const ann = module.client({ url: desk.url, token: user.token })
    const admin = module.client({ url: desk.url, token: async () => desk.admin.token })
    const { id, email } = await desk.user('Ben')
    await admin.users.update({ id, body: { roles: ['agent'] } })
    const agent = module.client({ url: desk.url, token: await desk.logIn(email) })
    const ticket = await ann.tickets.create({ userId: 'me', body: { title: 'The printer is on fire' } })
    await ann.comments.create({ ticketId: ticket.id, body: { text: 'Still' } })
    const texts: string[] = []
    for await (const { text } of ann.comments.each({ ticketId: ticket.id })) texts.push(text)
    expect(texts).toEqual(['Still'])
    const params = { ticketId: ticket.id }
    const { id: assigneeId } = await ann.users.get({ id: 'me' })
    await expect(ann.assign({ params, body: { assigneeId } })).rejects.toMatchObject({ status: 403 })
    const { version } = await ann.tickets.get({ id: ticket.id })
    const closed = await ann.close({ params, body: { reason: 'It is out' }, ifMatch: version })
    expect(closed).toMatchObject({ status: 'closed', closedFor: 'It is out' })
    const report = await agent.report({ query: { from: new Date(0) } })
    expect(report).toEqual({ opened: 1, closed: 1 })
    await expect(ann.comments.create({ ticketId: ticket.id, body: { text: 'Late' } })).rejects.toSatisfy((error) =>
      module.isProblem(error, 'TICKET_CLOSED'),
    )
  })
})
