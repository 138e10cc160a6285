import { expect, test } from 'vitest'
import { reference } from '../../test/reference.ts'

const api = reference()

test('R-ORD-1: anybody reads products, only an admin writes them', async () => {
  const product = await api.product({ sku: 'chai-1', price: 18.5, stock: 39 })
  expect(product).toMatchObject({ sku: 'chai-1', name: 'Chai', price: 18.5, currency: 'USD', stock: 39, version: 1 })
  expect(product.id).toMatch(/^prd_/)
  expect((await api.ask('GET', `/products/${product.id}`)).body).toEqual(product)
  const member = await api.user()
  for (const [method, path] of [
    ['POST', '/products'],
    ['PUT', `/products/${product.id}`],
    ['PATCH', `/products/${product.id}`],
    ['DELETE', `/products/${product.id}`],
  ] as const) {
    const body = method === 'DELETE' ? undefined : { name: 'x' }
    expect((await api.ask(method, path, { body })).status).toBe(401)
    expect((await api.ask(method, path, { token: member.token, body })).status).toBe(403)
  }
})

test('R-ORD-1: products are filtered by category and price, searched by q, and sorted by name, price and time', async () => {
  const category = `c-${crypto.randomUUID()}`
  for (const [name, price] of [
    ['Aniseed Syrup', 10],
    ['Chef Anton', 22.5],
    ['Grandma', 10],
  ] as const)
    await api.product({ name, price, category })
  const names = async (query: string) =>
    (await api.ask('GET', `/products?category=${category}&${query}`)).body.data.map((one: { name: string }) => one.name)
  expect(await names('sort=name')).toEqual(['Aniseed Syrup', 'Chef Anton', 'Grandma'])
  expect(await names('sort=-price,name')).toEqual(['Chef Anton', 'Aniseed Syrup', 'Grandma'])
  expect(await names('sort=-createdAt')).toEqual(['Grandma', 'Chef Anton', 'Aniseed Syrup'])
  expect(await names('priceMin=10.01')).toEqual(['Chef Anton'])
  expect(await names('priceMin=10&priceMax=10&sort=name')).toEqual(['Aniseed Syrup', 'Grandma'])
  expect(await names('q=AN&sort=name')).toEqual(['Aniseed Syrup', 'Chef Anton', 'Grandma'])
  expect(await names('q=anton')).toEqual(['Chef Anton'])
})

test('R-ORD-1: a sku is taken once, and free again when its product is deleted', async () => {
  const token = api.admin.token
  const { id, sku } = await api.product()
  const again = { sku, name: 'Other', category: 'c', price: 1 }
  const refused = await api.ask('POST', '/products', { token, body: again })
  expect(refused.status).toBe(409)
  expect(refused.body.error).toMatchObject({ code: 'DUPLICATE', details: [{ field: 'sku' }] })
  expect((await api.ask('DELETE', `/products/${id}`, { token })).status).toBe(204)
  expect((await api.ask('POST', '/products', { token, body: again })).status).toBe(201)
})
