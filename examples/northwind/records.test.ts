import { sum } from 'lintel/money'
import { expect, test } from 'vitest'
import { fingerprint } from './find.ts'
import { readRecords } from './records.ts'

const records = await readRecords()

test('the records add up to the known figures, each line rounded half away from zero (R-BODY-3, R-ORD-6)', () => {
  expect(records.known).toEqual({ users: 91, products: 77, orders: 830, lines: 2155, total: 1_265_793.29 })
  expect({
    users: records.customers.length,
    products: records.products.length,
    orders: records.orders.length,
    lines: records.orders.flatMap(({ lines }) => lines).length,
    total: sum(records.orders.map(({ total }) => total)),
  }).toEqual(records.known)
})

test('a customer, a product and an order read as the API takes them', () => {
  expect(records.customers[0]).toEqual({ email: 'alfki@example.com', name: 'Alfreds Futterkiste' })
  expect(records.products[0]).toEqual({
    sku: 'NW-1',
    name: 'Chai',
    description: '10 boxes x 30 bags',
    category: 'Beverages',
    price: 18,
    currency: 'USD',
    stock: 39,
  })
  expect(records.orders[0]).toEqual({
    number: 10248,
    email: 'vinet@example.com',
    placedAt: '1996-07-04T00:00:00.000Z',
    lines: [
      { sku: 'NW-11', quantity: 12, unitPrice: 14, discount: 0 },
      { sku: 'NW-42', quantity: 10, unitPrice: 9.8, discount: 0 },
      { sku: 'NW-72', quantity: 5, unitPrice: 34.8, discount: 0 },
    ],
    total: 440,
  })
})

test('every order has lines, a customer, and products that are there', () => {
  const emails = new Set(records.customers.map(({ email }) => email))
  const skus = new Set(records.products.map(({ sku }) => sku))
  for (const { email, lines } of records.orders) {
    expect(emails).toContain(email)
    expect(lines.length).toBeGreaterThan(0)
    for (const { sku } of lines) expect(skus).toContain(sku)
  }
})

test('no two orders have one fingerprint, though seven pairs are of one customer and day', () => {
  const prints = records.orders.map(({ email, placedAt, lines }) => fingerprint(email, placedAt, lines))
  expect(new Set(prints).size).toBe(830)
  expect(new Set(records.orders.map(({ email, placedAt }) => email + placedAt)).size).toBe(823)
})

test('a fingerprint does not depend on the order of the lines, nor on how a time is written', () => {
  const [a, b] = records.orders[0]!.lines
  expect(fingerprint('usr_1', '1996-07-04T02:00:00+02:00', [b!, a!])).toBe(
    fingerprint('usr_1', '1996-07-04T00:00:00Z', [a!, b!]),
  )
})
