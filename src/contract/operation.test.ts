import { describe, expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import type { Contract } from './contract.ts'
import { operation, resource, service, t } from './index.ts'
import { ownerParam } from './principal.ts'
import type { AnyResource } from './resource.ts'
import { collectionPath, itemPath, operationsOf } from './served-operations.ts'

const places = (contract: Contract) =>
  contract.served.map(({ name, method, path, key }) => `${key ?? ''}.${name} ${method} ${path}`)
const served = (contract: Contract, id: string) => contract.served.find((one) => one.id === id)!

const PUBLIC = {
  list: 'public',
  get: 'public',
  create: 'public',
  replace: 'public',
  update: 'public',
  delete: 'public',
} as const

const Thing = resource('thing', {
  id: 'thg',
  fields: {
    name: t.text(),
    sku: t.text().fixed(),
    secret: t.text().hidden(),
    state: t.oneOf('a', 'b').server(),
    key: t.text().inputOnly().optional(),
  },
  access: PUBLIC,
  custom: ['create', 'replace', 'update'],
})
const operationOf = (of: AnyResource, verb: string) =>
  operationsOf('things', 'things', of).find((one) => one.name === verb)!

describe('where operations stand (R-REST-1)', () => {
  test('R-REST-1: the reference system has its operations at these places', () => {
    const all = [...places(users), ...places(orders)]
    const expected = [
      'users.list GET /users',
      'users.get GET /users/{id}',
      'users.create POST /users',
      'users.replace PUT /users/{id}',
      'users.update PATCH /users/{id}',
      'users.delete DELETE /users/{id}',
      '.login POST /auth/login',
      '.keys GET /.well-known/jwks.json',
      'products.list GET /products',
      'products.get GET /products/{id}',
      'products.create POST /products',
      'products.replace PUT /products/{id}',
      'products.update PATCH /products/{id}',
      'products.delete DELETE /products/{id}',
      'carts.list GET /users/{userId}/carts',
      'carts.get GET /carts/{id}',
      'carts.create POST /users/{userId}/carts',
      'carts.delete DELETE /carts/{id}',
      'cartItems.list GET /carts/{cartId}/items',
      'cartItems.get GET /carts/{cartId}/items/{id}',
      'cartItems.create POST /carts/{cartId}/items',
      'cartItems.update PATCH /carts/{cartId}/items/{id}',
      'cartItems.delete DELETE /carts/{cartId}/items/{id}',
      'orders.list GET /users/{userId}/orders',
      'orders.listAll GET /orders',
      'orders.get GET /orders/{id}',
      'orders.create POST /users/{userId}/orders',
      'orders.update PATCH /orders/{id}',
      'orderItems.list GET /orders/{orderId}/items',
    ]
    expect(all.filter((place) => expected.includes(place))).toEqual(expected)
  })

  test('R-AUTH-8: a verb without a rule is not offered', () => {
    const Bare = resource('thing', { id: 'thg', fields: {}, access: { get: 'admin' } })
    expect(operationsOf('things', 'things', Bare).map(({ id }) => id)).toEqual(['things.things.get'])
  })

  test('R-REST-1: nesting goes as deep as the contract says', () => {
    const Section = resource('section', {
      id: 'sec',
      parent: { of: Thing, field: 'thingId' },
      nested: true,
      fields: { thingId: t.id('thg').server() },
      access: PUBLIC,
    })
    const Page = resource('page', {
      id: 'pag',
      parent: { of: Section, field: 'sectionId' },
      nested: true,
      fields: { sectionId: t.id('sec').server() },
      access: PUBLIC,
    })
    expect(collectionPath(Page)).toBe('/things/{thingId}/sections/{sectionId}/pages')
    expect(itemPath(Page, 'id')).toBe('/things/{thingId}/sections/{sectionId}/pages/{id}')
    const get = operationsOf('things', 'pages', Page).find((one) => one.name === 'get')!
    expect(get.params).toEqual([
      { name: 'thingId', prefix: 'thg' },
      { name: 'sectionId', prefix: 'sec' },
      { name: 'id', prefix: 'pag' },
    ])
    expect(get.segments).toEqual(['things', '{thingId}', 'sections', '{sectionId}', 'pages', '{id}'])
  })

  test('R-BODY-1: parameters that are ids know their type, others are text', () => {
    expect(served(orders, 'orders.orders.create').params).toEqual([{ name: 'userId', prefix: 'usr' }])
    expect(served(orders, 'orders.cartItems.get').params).toEqual([
      { name: 'cartId', prefix: 'crt' },
      { name: 'id', prefix: 'itm' },
    ])
    const mails = service('mails', {
      operations: { use: operation({ method: 'PUT', path: '/auth/codes/{code}/uses/{id}', access: 'public' }) },
    })
    expect(served(mails, 'mails.use').params).toEqual([
      { name: 'code', prefix: undefined },
      { name: 'id', prefix: undefined },
    ])
  })
})

describe('what operations take and answer', () => {
  const bodyOf = (verb: string) => {
    const body = operationOf(Thing, verb).body
    return body && Object.entries(body).map(([name, spec]) => (spec.server ? `(${name})` : name))
  }

  test('R-REST-2: GET and DELETE take no body', () => {
    for (const verb of ['list', 'get', 'delete']) expect(bodyOf(verb)).toBeUndefined()
  })

  test('R-BODY-4: bodies have what may be given, and name what is read-only, but never what is hidden', () => {
    expect(bodyOf('create')).toEqual(['(id)', '(createdAt)', '(updatedAt)', 'name', 'sku', '(state)', 'key'])
  })

  test('a fixed field is read-only once the thing is there', () => {
    const changed = ['(id)', '(createdAt)', '(updatedAt)', 'name', '(sku)', '(state)', 'key', 'version']
    expect(bodyOf('replace')).toEqual(changed)
    expect(bodyOf('update')).toEqual(changed)
  })

  test('R-LOCK-2: changes of a versioned resource may say which version they mean, others may not', () => {
    expect(operationOf(Thing, 'update').body!.version).toMatchObject({ kind: 'integer', min: 1, optional: true })
    const Plain = resource('thing', { id: 'thg', fields: {}, access: PUBLIC, versioned: false })
    expect(operationOf(Plain, 'update').body).not.toHaveProperty('version')
    expect(operationOf(Plain, 'get').answer).not.toHaveProperty('version')
  })

  test('an input of its own takes the place of the fields, with the version', () => {
    const update = served(orders, 'orders.orders.update').body!
    expect(Object.keys(update).filter((name) => !update[name]!.server)).toEqual(['status', 'version'])
    expect(Object.keys(served(orders, 'orders.orders.create').body!)).toEqual(['cartId', 'items', 'placedAt'])
  })

  test('FC-13, R-BODY-4: what is shown beside an input of its own may stand in a change, read-only', () => {
    const { body, resource } = served(orders, 'orders.orders.update')
    for (const name in resource!.shown)
      if (name !== 'status' && name !== 'version') expect(body![name], name).toMatchObject({ server: true })
  })

  test('R-BODY-7: answers have what is shown, never what only goes in or is hidden', () => {
    const shown = ['id', 'name', 'sku', 'state', 'version', 'createdAt', 'updatedAt']
    for (const verb of ['list', 'get', 'create', 'replace', 'update'])
      expect(Object.keys(operationOf(Thing, verb).answer!)).toEqual(shown)
    expect(operationOf(Thing, 'delete').answer).toBeUndefined()
    for (const { answer } of users.served)
      for (const name of ['password', 'passwordHash', 'currentPassword', 'emailVerifiedAt'])
        expect(answer ?? {}).not.toHaveProperty(name)
  })

  test('R-REST-3: success is 200, 201 or 204, by the verb', () => {
    expect(operationsOf('things', 'things', Thing).map(({ verb, status }) => `${verb} ${status}`)).toEqual([
      'list 200',
      'get 200',
      'create 201',
      'replace 200',
      'update 200',
      'delete 204',
    ])
    for (const [method, status] of [
      ['GET', 200],
      ['POST', 201],
      ['PUT', 200],
      ['PATCH', 200],
      ['DELETE', 204],
    ] as const)
      expect(operation({ method, path: '/things', access: 'public' }).status).toBe(status)
  })

  test('R-P-2: only what the contract calls custom, and what is its own, has a handler of the service', () => {
    expect(operationsOf('things', 'things', Thing).flatMap(({ custom, name }) => (custom ? name : []))).toEqual([
      'create',
      'replace',
      'update',
    ])
    expect(served(users, 'users.login').custom).toBe(true)
  })
})

describe('whom `me` stands for (R-USER-3)', () => {
  const param = (contract: Contract, id: string) => {
    const found = served(contract, id)
    return found.params[ownerParam(found)]?.name
  }

  test("R-USER-3: for the user's own id, where owners may", () => {
    for (const verb of ['get', 'replace', 'update', 'delete']) expect(param(users, `users.users.${verb}`)).toBe('id')
    for (const verb of ['list', 'create']) expect(param(users, `users.users.${verb}`)).toBeUndefined()
  })

  test('R-USER-3: for the user under whom a collection lies', () => {
    for (const id of ['orders.carts.list', 'orders.carts.create', 'orders.orders.list', 'orders.orders.create'])
      expect(param(orders, id)).toBe('userId')
  })

  test('for no other id, and nowhere without an owner', () => {
    for (const id of [
      'orders.orders.get',
      'orders.orders.listAll',
      'orders.cartItems.list',
      'orders.cartItems.get',
      'orders.products.get',
    ])
      expect(param(orders, id)).toBeUndefined()
    expect(param(users, 'users.login')).toBeUndefined()
  })

  test('for no parent who is not the owner', () => {
    const User = resource('user', { id: 'usr', owner: 'id', fields: {}, access: { get: 'admin' } })
    expect(operationsOf('users', 'users', User).map(ownerParam)).toEqual([-1])
    const Pet = resource('pet', {
      id: 'pet',
      parent: { of: User, field: 'userId' },
      owner: 'userId',
      fields: { userId: t.id('usr').server() },
      access: {},
    })
    const Toy = resource('toy', {
      id: 'toy',
      parent: { of: Pet, field: 'petId' },
      fields: { petId: t.id('pet').server() },
      access: { list: 'owner' },
    })
    expect(operationsOf('toys', 'toys', Toy).map(ownerParam)).toEqual([-1])
    const Gift = resource('gift', {
      id: 'gft',
      parent: { of: User, field: 'giverId' },
      owner: 'takerId',
      fields: { giverId: t.id('usr').server(), takerId: t.id('usr') },
      access: { list: 'owner' },
    })
    expect(operationsOf('gifts', 'gifts', Gift).map(ownerParam)).toEqual([-1])
  })
})
