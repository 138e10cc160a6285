import { operation, resource, service, t } from 'lintel/contract'
import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { Fault } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { Call, Context, Port } from './call.ts'
import { CalledContext, OwnContext } from './context.ts'
import { clientsOf, portClient } from './port-client.ts'

/** Answers with the bodies that it is given, one after the other, and remembers what it was asked. */
function scripted(...bodies: unknown[]) {
  const asked: Call[] = []
  const port: Port = async (call) => {
    asked.push(call)
    return { status: 200, headers: {}, body: JSON.stringify(bodies[Math.min(asked.length, bodies.length) - 1] ?? {}) }
  }
  return { asked, port }
}

const page = (data: unknown[], nextCursor: string | null) => ({
  data,
  pagination: { total: null, limit: 100, hasMore: nextCursor !== null, nextCursor },
})

test('a call names its operation, its path parameters, and the newest version of the contract', async () => {
  const { asked, port } = scripted({ id: 'usr_1' })
  expect(await portClient(users, port).users.get({ id: 'usr_1' })).toEqual({ id: 'usr_1' })
  expect(asked[0]).toMatchObject({ version: 2, params: ['usr_1'], path: '/v2/users/usr_1', query: [], body: undefined })
  expect(asked[0]!.operation).toBe('users.users.get')
})

test('a query goes as its list takes it: several values by repetition (FC-11), times in UTC, nothing for undefined', async () => {
  const { asked, port } = scripted(page([], null))
  await portClient(orders, port).orders.list({
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
  const { asked, port } = scripted()
  const api = portClient(orders, port)
  await api.orders.create({ userId: 'usr_1', body: { cartId: 'crt_1' }, idempotencyKey: 'once' })
  await api.orders.update({ id: 'ord_1', body: { status: 'paid' }, ifMatch: 3 })
  expect(asked[0]).toMatchObject({ params: ['usr_1'], body: { value: { cartId: 'crt_1' } }, idempotencyKey: 'once' })
  expect(asked[1]).toMatchObject({ params: ['ord_1'], body: { value: { status: 'paid' } }, ifMatch: '"3"' })
})

test('a delete answers nothing', async () => {
  const port: Port = async () => ({ status: 204, headers: {}, body: undefined })
  expect(await portClient(orders, port).products.delete({ id: 'prd_1' })).toBeUndefined()
})

test("an operation of the contract's own is a function beside the resources", async () => {
  const { asked, port } = scripted({ accessToken: 'a', tokenType: 'Bearer', expiresIn: 900 })
  const { login } = portClient(users, port)
  expect((await login({ body: { email: 'ada@example.com', password: 'p' } })).expiresIn).toBe(900)
  expect(asked[0]).toMatchObject({ method: 'POST', path: '/v2/auth/login' })
})

test('its path parameters go by name', async () => {
  const Note = resource('note', { id: 'nte', fields: { text: t.text() }, access: { list: 'public' } })
  const notes = service('notes', {
    resources: { notes: Note },
    operations: { confirm: operation({ method: 'PUT', path: '/confirmations/{token}', access: 'public' }) },
  })
  const { asked, port } = scripted()
  await portClient(notes, port).confirm({ params: { token: 'tok_1' } })
  expect(asked[0]).toMatchObject({ params: ['tok_1'], path: '/v1/confirmations/tok_1', body: undefined })
})

test('a walk follows the cursor to the last row, with the query that it began with (R-PAGE-2)', async () => {
  const { asked, port } = scripted(page([1, 2], 'c1'), page([3], 'c2'), page([], null))
  const rows: unknown[] = []
  for await (const row of portClient(orders, port).orders.eachAll({ query: { status: 'paid' } })) rows.push(row)
  expect(rows).toEqual([1, 2, 3])
  const same = [
    ['limit', '100'],
    ['status', 'paid'],
    ['count', 'none'],
  ]
  expect(asked.map(({ query }) => query)).toEqual([same, [...same, ['cursor', 'c1']], [...same, ['cursor', 'c2']]])
  expect(asked[0]!.operation).toBe('orders.orders.listAll')
})

test('a walk asks for no page before it is needed', async () => {
  const { asked, port } = scripted(page([1, 2], 'c1'))
  for await (const _ of portClient(orders, port).products.each()) break
  expect(asked).toHaveLength(1)
})

test('a failed call rejects with what its port says, and a body that is not JSON is BAD_GATEWAY', async () => {
  const problem = new CallProblem('orders.products.get', 404, 'NOT_FOUND', 'Not found')
  const api = portClient(orders, () => Promise.reject(problem))
  await expect(api.products.get({ id: 'prd_1' })).rejects.toBe(problem)
  const page = portClient(orders, async () => ({ status: 200, headers: {}, body: '<html>' }))
  await expect(page.products.get({ id: 'prd_1' })).rejects.toMatchObject({ code: 'BAD_GATEWAY', status: 502 })
})

test('R-P-7: calls belong to the request in whose context they are made', async () => {
  const { asked, port } = scripted()
  const context: Context = new CalledContext(new OwnContext(), {})
  await portClient(orders, port, context).products.get({ id: 'prd_1' })
  expect(asked[0]!.context).toBe(context)
})

test('R-P-7: clients of requests ask as any client does, each in the context of its own', async () => {
  const { asked, port } = scripted({ id: 'usr_1' })
  const clientFor = clientsOf(users)
  const [one, other] = [new OwnContext(), new OwnContext()]
  expect(await clientFor(port, one).users.get({ id: 'usr_1' })).toEqual({ id: 'usr_1' })
  const { login, users: people } = clientFor(port, other)
  await login({ body: { email: 'ada@example.com', password: 'p' } })
  await people.update({ id: 'usr_1', body: { name: 'Ada' } })
  expect(asked.map(({ operation, context }) => [operation, context])).toEqual([
    ['users.users.get', one],
    ['users.login', other],
    ['users.users.update', other],
  ])
})

test('R-CALL-3: a call takes as long as its client may, or less where it says so itself', async () => {
  const { asked, port } = scripted({ id: 'usr_1' })
  const api = clientsOf(users)(port, new OwnContext(), 800)
  await api.users.get({ id: 'usr_1' })
  await api.users.get({ id: 'usr_1', timeoutMs: 300 })
  await api.users.get({ id: 'usr_1', timeoutMs: 5_000 })
  expect(asked.map(({ context }) => Math.ceil(context.deadline.remainingMs() / 100) * 100)).toEqual([800, 300, 800])
})

test.each(['its own signal', 'the signal of its request'])('R-P-7: a call is ended by %s', async (whose) => {
  const [own, request] = [new AbortController(), new AbortController()]
  let signal: AbortSignal | undefined
  const port: Port = ({ context }) => {
    signal = context.signal
    return new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)))
  }
  const call = portClient(orders, port, new OwnContext(request.signal)).products.get({
    id: 'prd_1',
    signal: own.signal,
  })
  if (whose === 'its own signal') own.abort(new Error('gone'))
  else request.abort(new Error('gone'))
  await expect(call).rejects.toThrow('gone')
})

test('a path parameter that is missing or empty is a Fault, and nothing is sent', async () => {
  const { asked, port } = scripted()
  const api = portClient(orders, port)
  await expect(api.cartItems.get({ id: 'itm_1' })).rejects.toThrow('orders.cartItems.get needs "cartId"')
  await expect(api.products.get({ id: '' })).rejects.toBeInstanceOf(Fault)
  expect(asked).toEqual([])
})

test('a verb without an access rule cannot be called (R-AUTH-8)', async () => {
  const { asked, port } = scripted()
  const api = portClient(orders, port)
  // @ts-expect-error in JavaScript nothing else says so
  await expect(api.orders.delete({ id: 'ord_1' })).rejects.toThrow('does not offer "delete" of "orders"')
  // @ts-expect-error products are below nothing
  expect(() => api.products.eachAll()).toThrow('does not offer "listAll" of "products"')
  expect(asked).toEqual([])
})

test('a name that is both a resource and an operation is refused', () => {
  const Note = resource('note', { id: 'nte', fields: { text: t.text() }, access: { list: 'public' } })
  const notes = service('notes', {
    resources: { notes: Note },
    operations: { notes: operation({ method: 'GET', path: '/reports', access: 'public', answer: { text: t.text() } }) },
  })
  expect(() => portClient(notes, scripted().port)).toThrow('both a resource and an operation')
})
