import { operation, resource, service, t } from 'lintel/contract'
import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { Fault, Problem } from '../base/errors.ts'
import { CallProblem } from './call-problem.ts'
import { client } from './client.ts'
import type { CallAnswer, CallRequest, Transport } from './transport.ts'

/** Answers what it is told to, and remembers what it was asked. */
function scripted(...answers: Partial<CallAnswer>[]) {
  const asked: CallRequest[] = []
  const transport: Transport = {
    async send(request) {
      asked.push(request)
      return { status: 200, headers: {}, body: {}, ...answers[Math.min(asked.length, answers.length) - 1] }
    },
  }
  return { asked, transport }
}

const page = (data: unknown[], nextCursor: string | null) => ({
  body: { data, pagination: { total: null, limit: 100, hasMore: nextCursor !== null, nextCursor } },
})

test('a call names its operation, its path parameters, and the newest version of the contract', async () => {
  const { asked, transport } = scripted({ body: { id: 'usr_1' } })
  expect(await client(users, transport).users.get({ id: 'usr_1' })).toEqual({ id: 'usr_1' })
  expect(asked[0]).toMatchObject({ version: 2, params: { id: 'usr_1' }, query: [], body: undefined })
  expect(asked[0]!.operation.id).toBe('users.users.get')
})

test('a query goes as its list takes it: several values by repetition (FC-11), times in UTC, nothing for undefined', async () => {
  const { asked, transport } = scripted(page([], null))
  await client(orders, transport).orders.list({
    userId: 'usr_1',
    query: {
      status: ['pending', 'paid'],
      placedAfter: new Date('1996-07-04T02:00:00+02:00'),
      totalMin: 10.5,
      sort: ['-total', 'createdAt'],
      fields: ['total'],
      limit: undefined,
    },
  })
  expect(asked[0]!.query).toEqual([
    ['status', 'pending'],
    ['status', 'paid'],
    ['placedAfter', '1996-07-04T00:00:00.000Z'],
    ['totalMin', '10.5'],
    ['sort', '-total'],
    ['sort', 'createdAt'],
    ['fields', 'total'],
  ])
})

test('a body, a key and a version are handed on (R-IDEM-1, R-LOCK-2)', async () => {
  const { asked, transport } = scripted()
  const api = client(orders, transport)
  await api.orders.create({ userId: 'usr_1', body: { cartId: 'crt_1' }, idempotencyKey: 'once' })
  await api.orders.update({ id: 'ord_1', body: { status: 'paid' }, ifMatch: 3 })
  expect(asked[0]).toMatchObject({ params: { userId: 'usr_1' }, body: { cartId: 'crt_1' }, idempotencyKey: 'once' })
  expect(asked[1]).toMatchObject({ params: { id: 'ord_1' }, body: { status: 'paid' }, ifMatch: '"3"' })
})

test('a delete answers nothing', async () => {
  const { transport } = scripted({ status: 204, body: undefined })
  expect(await client(orders, transport).products.delete({ id: 'prd_1' })).toBeUndefined()
})

test("an operation of the contract's own is a function beside the resources", async () => {
  const { asked, transport } = scripted({ body: { accessToken: 'a', tokenType: 'Bearer', expiresIn: 900 } })
  const { login } = client(users, transport)
  expect((await login({ body: { email: 'ada@example.com', password: 'p' } })).expiresIn).toBe(900)
  expect(asked[0]!.operation.path).toBe('/auth/login')
})

test('its path parameters go by name', async () => {
  const Note = resource('note', { id: 'nte', fields: { text: t.text() }, access: { list: 'public' } })
  const notes = service('notes', {
    resources: { notes: Note },
    operations: { confirm: operation({ method: 'PUT', path: '/confirmations/{token}', access: 'public' }) },
  })
  const { asked, transport } = scripted()
  await client(notes, transport).confirm({ params: { token: 'tok_1' } })
  expect(asked[0]).toMatchObject({ params: { token: 'tok_1' }, body: undefined })
})

test('a walk follows the cursor to the last row, with the query that it began with (R-PAGE-2)', async () => {
  const { asked, transport } = scripted(page([1, 2], 'c1'), page([3], 'c2'), page([], null))
  const rows: unknown[] = []
  for await (const row of client(orders, transport).orders.eachAll({ query: { status: 'paid' } })) rows.push(row)
  expect(rows).toEqual([1, 2, 3])
  const same = [
    ['limit', '100'],
    ['status', 'paid'],
    ['count', 'none'],
  ]
  expect(asked.map(({ query }) => query)).toEqual([same, [...same, ['cursor', 'c1']], [...same, ['cursor', 'c2']]])
  expect(asked[0]!.operation.id).toBe('orders.orders.listAll')
})

test('a walk asks for no page before it is needed', async () => {
  const { asked, transport } = scripted(page([1, 2], 'c1'))
  for await (const _ of client(orders, transport).products.each()) break
  expect(asked).toHaveLength(1)
})

test('a failed call throws a Problem with what the envelope says (R-BODY-5)', async () => {
  const details = [{ field: 'items[0].quantity', message: 'must be at least 1' }]
  const { transport } = scripted({
    status: 400,
    headers: { 'retry-after': '7' },
    body: { error: { code: 'VALIDATION_ERROR', message: 'The request is not valid', details, requestId: 'r-1' } },
  })
  const error = await client(orders, transport)
    .products.get({ id: 'prd_1' })
    .catch((error) => error)
  expect(error).toBeInstanceOf(Problem)
  expect(error).toBeInstanceOf(CallProblem)
  expect({ ...error }).toMatchObject({
    code: 'VALIDATION_ERROR',
    details,
    retryAfterS: 7,
    status: 400,
    requestId: 'r-1',
    operation: 'orders.products.get',
  })
  expect(error.message).toBe('The request is not valid')
})

test.each([
  [401, 'UNAUTHENTICATED'],
  [404, 'NOT_FOUND'],
  [429, 'RATE_LIMITED'],
  [500, 'BAD_GATEWAY'],
  [502, 'BAD_GATEWAY'],
  [503, 'SERVICE_UNAVAILABLE'],
  [504, 'GATEWAY_TIMEOUT'],
])('status %i from something that is not Lintel is %s', async (status, code) => {
  const { transport } = scripted({ status, body: undefined })
  await expect(client(orders, transport).products.get({ id: 'prd_1' })).rejects.toMatchObject({ code, status })
})

test('a retry-after that is a date counts from now', async () => {
  const { transport } = scripted({
    status: 503,
    headers: { 'retry-after': new Date(Date.now() + 5_000).toUTCString() },
  })
  const error = await client(orders, transport)
    .products.get({ id: 'prd_1' })
    .catch((error) => error)
  expect(error.retryAfterS).toBeGreaterThanOrEqual(4)
  expect(error.retryAfterS).toBeLessThanOrEqual(5)
})

test('a path parameter that is missing or empty is a Fault, and nothing is sent', async () => {
  const { asked, transport } = scripted()
  const api = client(orders, transport)
  await expect(api.cartItems.get({ id: 'itm_1' })).rejects.toThrow('orders.cartItems.get needs "cartId"')
  await expect(api.products.get({ id: '' })).rejects.toBeInstanceOf(Fault)
  expect(asked).toEqual([])
})

test('a verb without an access rule cannot be called (R-AUTH-8)', async () => {
  const { asked, transport } = scripted()
  const api = client(orders, transport)
  await expect(api.orders.delete({ id: 'ord_1' })).rejects.toThrow('does not offer "delete" of "orders"')
  expect(() => api.products.eachAll()).toThrow('does not offer "listAll" of "products"')
  expect(asked).toEqual([])
})

test('a name that is both a resource and an operation is refused', () => {
  const Note = resource('note', { id: 'nte', fields: { text: t.text() }, access: { list: 'public' } })
  const notes = service('notes', {
    resources: { notes: Note },
    operations: { notes: operation({ method: 'GET', path: '/reports', access: 'public', answer: { text: t.text() } }) },
  })
  expect(() => client(notes, scripted().transport)).toThrow('both a resource and an operation')
})
