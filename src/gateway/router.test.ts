import { describe, expect, test } from 'vitest'
import type { Contract } from '../contract/contract.ts'
import { factsOf } from '../contract/facts.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { resource } from '../contract/resource.ts'
import { customOperation } from '../contract/served-operations.ts'
import { service } from '../contract/service.ts'
import { createRouter } from './router.ts'

const routerOf = (...contracts: Contract[]) =>
  createRouter(
    contracts.map((contract) => ({
      contract,
      upstream: { name: contract.name, port: () => Promise.reject(), health: () => Promise.reject() },
    })),
  )

const get = (path: string) => operation({ method: 'GET', path, access: 'public', answer: { id: t.text() } })
const every = { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' }
const User = resource('user', { id: 'usr', fields: { name: t.text() }, access: every })
const Cart = resource('cart', {
  id: 'crt',
  parent: { of: User, field: 'userId' },
  fields: { userId: t.id('usr').server() },
  access: { create: 'public', get: 'public' },
})
const CartItem = resource('item', {
  id: 'itm',
  parent: { of: Cart, field: 'cartId' },
  nested: true,
  fields: { cartId: t.id('crt').server() },
  access: { list: 'public', delete: 'public' },
})
const Order = resource('order', {
  id: 'ord',
  parent: { of: User, field: 'userId' },
  fields: { userId: t.id('usr').server() },
  list: { root: true },
  access: { list: 'public', get: 'public', update: 'public' },
})
const users = service('users', {
  resources: { users: User },
  operations: {
    login: operation({
      method: 'POST',
      path: '/auth/login',
      status: 200,
      access: 'public',
      credentials: 'own',
      answer: { id: t.text() },
    }),
    keys: get('/.well-known/jwks.json'),
  },
})
const orders = service('orders', { resources: { carts: Cart, cartItems: CartItem, orders: Order } })

const router = routerOf(users, orders)
const at = (path: string) => router.route(path.split('/').slice(1))

describe('R-GW-1: routes come from the contracts', () => {
  test.each([
    ['/users', 'GET', 'users.users.list', []],
    ['/users/usr_1', 'PATCH', 'users.users.update', ['usr_1']],
    ['/users/usr_1/orders', 'GET', 'orders.orders.list', ['usr_1']],
    ['/users/usr_1/carts', 'POST', 'orders.carts.create', ['usr_1']],
    ['/orders', 'GET', 'orders.orders.listAll', []],
    ['/orders/ord_1', 'GET', 'orders.orders.get', ['ord_1']],
    ['/carts/crt_1/items/itm_1', 'DELETE', 'orders.cartItems.delete', ['crt_1', 'itm_1']],
    ['/auth/login', 'POST', 'users.login', []],
    ['/.well-known/jwks.json', 'GET', 'users.keys', []],
  ] as const)('%s %s is %s', (path, method, id, params) => {
    const found = at(path)!
    expect(found.place.routes[method]?.operation.id).toBe(id)
    expect(found.place.routes[method]?.contract.name).toBe(id.split('.')[0])
    expect(found.params).toEqual(params)
  })

  test.each([
    '/',
    '/users/',
    '/users/usr_1/',
    '/users/usr_1/orders/x',
    '/nothing',
    '/user',
    '/Users',
    '/orders//items',
    '/__proto__',
  ])('%s is nowhere', (path) => {
    expect(at(path)).toBeUndefined()
  })

  test('R-REST-4: a place knows all that it offers', () => {
    expect(at('/orders/ord_1')!.place.allow).toBe('GET, HEAD, PATCH, OPTIONS')
    expect(at('/auth/login')!.place.allow).toBe('POST, OPTIONS')
    expect(at('/users/usr_1')!.place.allow).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS')
  })
})

test('a literal goes before a parameter, and a parameter catches what the literal leads nowhere with', () => {
  const both = routerOf(
    service('things', {
      operations: {
        mine: get('/things/self.json'),
        one: get('/things/{id}'),
        parts: get('/things/{id}/parts'),
        hers: get('/things/self.json/hats'),
      },
    }),
  )
  const id = (path: string) => {
    const found = both.route(path.split('/').slice(1))
    return found && [found.place.routes.GET!.operation.name, ...found.params]
  }
  expect(id('/things/self.json')).toEqual(['mine'])
  expect(id('/things/other')).toEqual(['one', 'other'])
  expect(id('/things/self.json/parts')).toEqual(['parts', 'self.json'])
  expect(id('/things/self.json/hats')).toEqual(['hers'])
  expect(id('/things/other/hats')).toBeUndefined()
})

test('FC-33: a literal goes before text with parameters in it, and that before a parameter', () => {
  // No contract may have them, but what is described in another way may.
  const unversioned = { problems: {}, latest: 1, older: {} }
  const foreign = (path: string) => {
    const described = customOperation('foreign', path, get(path))
    return { ...described, facts: factsOf(described, unversioned) }
  }
  const router = createRouter([
    {
      contract: {
        ...unversioned,
        name: 'foreign',
        served: [
          '/calls/{sid}',
          '/calls/{sid}.json',
          '/calls/all.json',
          '/calls/{sid}.json/parts',
          '/calls/{sid}/parts/{id}:{verb}',
          '/compare/{base}...{head}',
        ].map(foreign),
      },
      upstream: { name: 'foreign', port: () => Promise.reject(), health: () => Promise.reject() },
    },
  ])
  const found = (path: string) => {
    const one = router.route(path.split('/').slice(1))
    return one && [one.place.routes.GET!.operation.name, ...one.params]
  }
  expect(found('/calls/all.json')).toEqual(['/calls/all.json'])
  expect(found('/calls/7.json')).toEqual(['/calls/{sid}.json', '7'])
  expect(found('/calls/7')).toEqual(['/calls/{sid}', '7'])
  expect(found('/calls/.json')).toEqual(['/calls/{sid}', '.json'])
  expect(found('/calls/all.json/parts')).toEqual(['/calls/{sid}.json/parts', 'all'])
  expect(found('/calls/all.json/parts/1:stop')).toEqual(['/calls/{sid}/parts/{id}:{verb}', 'all.json', '1', 'stop'])
  expect(found('/compare/main...next')).toEqual(['/compare/{base}...{head}', 'main', 'next'])
  expect(found('/compare/main')).toBeUndefined()
  expect(found('/calls/7.json/')).toBeUndefined()
})

describe('ROUTE_CLASH', () => {
  const clash = (...contracts: Contract[]) =>
    expect(() => routerOf(...contracts)).toThrow(expect.objectContaining({ code: 'ROUTE_CLASH', exitCode: 78 }))

  test('two services cannot share a place, whatever the methods and the names of its parameters', () => {
    const reads = service('reads', { operations: { one: get('/things/{id}') } })
    const writes = service('writes', {
      operations: {
        one: operation({ method: 'PUT', path: '/things/{thingId}', access: 'public', answer: { id: t.text() } }),
      },
    })
    clash(reads, writes)
    clash(reads, reads)
  })
})
