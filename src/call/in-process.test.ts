import { expect, test, vi } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { ANONYMOUS, serviceCaller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import { NO_DEADLINE } from '../resilience/deadline.ts'
import type { Call, Context, Port, Reply } from './call.ts'
import { OwnContext } from './context.ts'
import { inProcess } from './in-process.ts'
import { portClient } from './port-client.ts'

/** A service that answers what `handle` says. */
function upstream(handle: Port) {
  const asked: Call[] = []
  const it: Port = (call) => {
    asked.push(call)
    return handle(call)
  }
  return { asked, it }
}

const caller = serviceCaller('billing')
/** Of the request in whose course the calls are made. */
const request: Context = {
  requestId: 'r-1',
  trace: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', flags: '01', state: undefined },
  caller: ANONYMOUS,
  deadline: NO_DEADLINE,
  signal: new AbortController().signal,
  log: new OwnContext().log,
}
const created: Reply = { status: 201, headers: {}, body: '{"id":"ord_1","total":12.5}' }

test('a call reaches the service as a request of the caller, and its answer is read (R-CALL-1)', async () => {
  const { asked, it } = upstream(async () => created)
  const api = portClient(orders, inProcess(it, orders, { caller }), request)
  const order = await api.orders.create({ userId: 'usr_1', body: { cartId: 'crt_1' }, idempotencyKey: 'once' })
  expect(order).toEqual({ id: 'ord_1', total: 12.5 })
  expect(asked[0]).toMatchObject({
    params: ['usr_1'],
    query: [],
    path: '/v1/users/usr_1/orders',
    version: 1,
    context: { caller, requestId: 'r-1', trace: request.trace },
    body: { value: { cartId: 'crt_1' } },
    contentType: 'application/json',
    ifMatch: undefined,
    idempotencyKey: 'once',
  })
  expect(asked[0]!.operation).toBe('orders.orders.create')
})

test('path parameters stand in the order of the path', async () => {
  const { asked, it } = upstream(async () => created)
  await portClient(orders, inProcess(it, orders, { caller })).cartItems.get({ id: 'itm_1', cartId: 'crt_1' })
  expect(asked[0]!.params).toEqual(['crt_1', 'itm_1'])
  expect(asked[0]!.context.requestId).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
})

test('a delete answers nothing, and sends no body', async () => {
  const { asked, it } = upstream(async () => ({ status: 204, headers: {}, body: undefined }))
  await portClient(orders, inProcess(it, orders, { caller })).products.delete({ id: 'prd_1', ifMatch: 2 })
  expect(asked[0]).toMatchObject({ body: undefined, contentType: undefined, ifMatch: '"2"' })
})

test('bodies are copies: the service can change nothing of the caller’s, and sees what JSON would have shown', async () => {
  const { it } = upstream(async ({ body }) => {
    const { value } = body as { value: { items: { quantity: number }[] } }
    value.items[0]!.quantity = 99
    return { ...created, body: JSON.stringify({ seen: value }) }
  })
  const api = portClient(orders, inProcess(it, orders, { caller }))
  const body = { items: [{ productId: 'prd_1', quantity: 2 }], placedAt: new Date(0) } as never
  expect(await api.orders.create({ userId: 'usr_1', body })).toEqual({
    seen: { items: [{ productId: 'prd_1', quantity: 99 }], placedAt: '1970-01-01T00:00:00.000Z' },
  })
  expect(body).toEqual({ items: [{ productId: 'prd_1', quantity: 2 }], placedAt: new Date(0) })
})

test('a Problem of the service reaches the caller as it would over HTTP, with the usual message', async () => {
  const details = [{ field: 'items[0].productId', message: 'has too little stock' }]
  const thrown = new Problem('OUT_OF_STOCK', undefined, { details, retryAfterS: 1.2 })
  const { it } = upstream(() => Promise.reject(thrown))
  const error = await portClient(orders, inProcess(it, orders, { caller }), request)
    .orders.create({ userId: 'usr_1', body: {} })
    .catch((error) => error)
  expect(error).toBeInstanceOf(CallProblem)
  expect({ ...error }).toMatchObject({
    code: 'OUT_OF_STOCK',
    status: 409,
    details,
    retryAfterS: 2,
    requestId: 'r-1',
    operation: 'orders.orders.create',
  })
  expect(error.message).toBe('Not enough in stock')
  expect(error.cause).toBe(undefined)
  expect(error.details).not.toBe(details)
})

test.each([
  ['a bug', new TypeError('undefined is not a function at /srv/orders')],
  ['a Problem that the contract does not declare', new Problem('SECRET_STATE', 'the vault is open')],
])('%s is an INTERNAL_ERROR that tells nothing', async (_, thrown) => {
  const { it } = upstream(() => Promise.reject(thrown))
  const error = await portClient(orders, inProcess(it, orders, { caller }))
    .products.get({ id: 'prd_1' })
    .catch((error) => error)
  expect(error).toMatchObject({ code: 'INTERNAL_ERROR', status: 500, message: 'Internal server error' })
  expect(error.cause).toBe(thrown)
})

test('R-P-8 R-OPS-3: what a service that is called does not declare is logged where it failed; what it declares is not', async () => {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const thrown = new TypeError('undefined is not a function at /srv/orders')
  for (const [error, lines] of [
    [new Problem('OUT_OF_STOCK'), 0],
    [thrown, 1],
  ] as const) {
    const { it } = upstream(() => Promise.reject(error))
    const api = portClient(orders, inProcess(it, orders, { caller }), { ...request, log })
    await expect(api.orders.create({ userId: 'usr_1', body: {} })).rejects.toBeInstanceOf(CallProblem)
    expect(log.error).toHaveBeenCalledTimes(lines)
  }
  expect(log.error.mock.calls[0]).toMatchObject([{ operation: 'orders.orders.create', err: thrown }, 'Request failed'])
})

test('a service that throws before it returns a promise is no different', async () => {
  const { it } = upstream(() => {
    throw new Problem('NOT_FOUND')
  })
  await expect(
    portClient(orders, inProcess(it, orders, { caller })).products.get({ id: 'prd_1' }),
  ).rejects.toMatchObject({
    code: 'NOT_FOUND',
    status: 404,
  })
})
