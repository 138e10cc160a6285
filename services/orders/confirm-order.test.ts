import { afterAll, expect, test } from 'vitest'
import { deliverAgain, handledAll, holdBack } from '../../test/delivery.ts'
import { reference, type User } from '../../test/reference.ts'
import { SmtpSink } from '../../test/smtp-sink.ts'

const smtp = new SmtpSink()
const api = reference(async () => ({ SMTP_URL: await smtp.open() }))
afterAll(() => smtp.close())

const handled = () => handledAll(api.system, 'orders.confirmations', 'orders', ['order.created'])
const confirmations = ({ email }: User) => smtp.to(email).filter(({ subject }) => subject === 'Your order')
const order = async (user: User, body: object, token = user.token) =>
  (await api.ask('POST', `/users/${user.id}/orders`, { token, body })).body

test('an order is confirmed by mail, once however often its event comes', async () => {
  const user = await api.user()
  const [chai, chang] = [
    await api.product({ name: 'Chai', price: 18 }),
    await api.product({ name: 'Chang', price: 0.1 }),
  ]
  const { id } = await order(user, {
    items: [
      { productId: chai.id, quantity: 2 },
      { productId: chang.id, quantity: 3 },
    ],
  })
  await handled()
  await deliverAgain(api.system, 'orders.confirmations')
  await handled()
  expect(confirmations(user)).toHaveLength(1)
  const { text } = confirmations(user)[0]!
  for (const part of ['2 × Chai: 36.00', '3 × Chang: 0.30', 'Total: 36.30 USD', id]) expect(text).toContain(part)
})

test('R-ORD-6: history that is imported is not confirmed', async () => {
  const user = await api.user()
  const product = await api.product()
  const items = [{ productId: product.id, quantity: 1 }]
  await order(user, { items, placedAt: '1996-07-04T00:00:00Z' }, api.admin.token)
  await order(user, { items })
  await handled()
  expect(confirmations(user)).toHaveLength(1)
})

test('an order whose buyer is not known here yet is confirmed once they are', async () => {
  const letIn = await holdBack(api.system, 'orders.buyers')
  const user = await api.user()
  const product = await api.product()
  await order(user, { items: [{ productId: product.id, quantity: 1 }] })
  await letIn()
  await handled()
  expect(confirmations(user)).toHaveLength(1)
})

test('R-ORD-7: who has left meanwhile gets no mail', async () => {
  const user = await api.user()
  const product = await api.product()
  await handledAll(api.system, 'orders.buyers', 'users', ['user.created'])
  const letIn = await holdBack(api.system, 'orders.confirmations')
  await order(user, { items: [{ productId: product.id, quantity: 1 }] })
  await api.ask('DELETE', '/users/me', { token: user.token })
  await handledAll(api.system, 'orders.buyers', 'users', ['user.deleted'])
  await letIn()
  await handled()
  expect(confirmations(user)).toEqual([])
})

test('R-EVT-3: while the mail server is down orders are placed, and confirmed once it is back', async () => {
  const user = await api.user()
  const product = await api.product()
  await handledAll(api.system, 'orders.buyers', 'users', ['user.created'])
  await smtp.close()
  const { id } = await order(user, { items: [{ productId: product.id, quantity: 1 }] })
  expect(id).toMatch(/^ord_/)
  await smtp.open()
  await handled()
  expect(confirmations(user)).toHaveLength(1)
})
