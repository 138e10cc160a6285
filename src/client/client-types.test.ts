import { operation, resource, service, t } from 'lintel/contract'
import { test } from 'vitest'
import type { orders } from '../../services/orders/contract.ts'
import type { users } from '../../services/users/contract.ts'
import type { Client } from './client-types.ts'
import type { Page, Rows } from './page.ts'

/**
 * What the client's types promise. Nothing here runs: the compiler is the test, each `@ts-expect-error` a mistake that
 * must not compile.
 */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** An intersection and the same members written out are one type to a reader, and two to Equal. */
type Flat<T> = { [K in keyof T]: T[K] }
function isType<_T extends true>() {}

test('the types are checked by tsc', () => {})

export async function answers(api: Client<typeof orders>, people: Client<typeof users>) {
  const product = await api.products.get({ id: 'prd_1' })
  isType<
    Equal<
      Flat<typeof product>,
      {
        id: `prd_${string}`
        version: number
        createdAt: string
        updatedAt: string
        sku: string
        name: string
        description: string
        category: string
        price: number
        currency: string
        stock: number
      }
    >
  >()
  const user = await people.users.get({ id: 'me' })
  isType<Equal<typeof user.roles, ('member' | 'admin')[]>>()
  // @ts-expect-error the hash of a password is never shown
  user.passwordHash
  // @ts-expect-error nor is the password, which only goes in
  user.password

  isType<Equal<Awaited<ReturnType<typeof api.products.delete>>, void>>()
  const token = await people.login({ body: { email: 'ada@example.com', password: 'correct horse' } })
  isType<Equal<(typeof token)['tokenType'], 'Bearer'>>()
  const { keys } = await people.keys()
  isType<Equal<(typeof keys)[number]['kty'], string>>()
}

export async function lists(api: Client<typeof orders>) {
  const page = await api.products.list()
  isType<Equal<typeof page.pagination.nextCursor, string | null>>()
  isType<Equal<(typeof page.data)[number]['id'], `prd_${string}`>>()
  const some = await api.products.list({ query: { fields: ['name', 'price'], priceMax: 20, sort: ['-price', 'name'] } })
  isType<Equal<typeof some, Page<Pick<(typeof page.data)[number], 'name' | 'price' | 'id'>>>>()
  // @ts-expect-error only what was asked for is there
  some.data[0]?.sku
  // @ts-expect-error a field that products do not have
  await api.products.list({ query: { fields: ['colour'] } })
  // @ts-expect-error a limit is a number
  await api.products.list({ query: { limit: '20' } })

  await api.orders.list({ userId: 'usr_1', query: { status: ['pending', 'paid'], placedAfter: new Date(0) } })
  // @ts-expect-error a bound is one value
  await api.orders.listAll({ query: { totalMin: [1, 2] } })
  await api.orders.listAll({ query: { totalMin: 1, createdAt: [new Date(0)], sort: ['-total', 'createdAt'] } })
  await api.products.list({ query: { q: 'tea', category: 'Drinks' } })
  // @ts-expect-error amounts are asked for by bounds
  await api.orders.listAll({ query: { total: 1 } })
  // @ts-expect-error nothing to search orders in
  await api.orders.listAll({ query: { q: 'a' } })
  // @ts-expect-error no filter of orders
  await api.orders.listAll({ query: { currency: 'USD' } })
  // @ts-expect-error no such status
  await api.orders.listAll({ query: { status: 'lost' } })
  // @ts-expect-error orders are not sorted by status
  await api.orders.listAll({ query: { sort: 'status' } })
  // @ts-expect-error an order is not deleted
  api.orders.delete
  // @ts-expect-error items of carts are listed below one
  api.cartItems.listAll
  await api.orders.listAll()
  // @ts-expect-error the orders of which user?
  await api.orders.list({ query: { limit: 20 } })
  // @ts-expect-error a user is named userId here
  await api.orders.list({ id: 'usr_1' })

  const rows = api.orders.each({ userId: 'usr_1', query: { fields: ['total'], sort: '-total' } })
  isType<Equal<typeof rows, Rows<Pick<(typeof all.data)[number], 'total' | 'id'>>>>()
  const all = await api.orders.listAll()
  for await (const { total } of api.orders.eachAll()) isType<Equal<typeof total, number>>()
  // @ts-expect-error a walk begins at the beginning
  api.orders.eachAll({ query: { page: 2 } })
}

export async function writes(api: Client<typeof orders>, people: Client<typeof users>) {
  const item = { productId: 'prd_1', quantity: 2 } as const
  await api.orders.create({ userId: 'usr_1', body: { items: [item] }, idempotencyKey: 'k' })
  await api.orders.create({ userId: 'usr_1', body: { items: [{ ...item, unitPrice: 14, discount: 0.15 }] } })
  // @ts-expect-error an order belongs to a user
  await api.orders.create({ body: { items: [item] } })
  // @ts-expect-error an id of another type
  await api.orders.create({ userId: 'usr_1', body: { items: [{ productId: 'usr_1', quantity: 2 }] } })
  // @ts-expect-error quantity is required
  await api.orders.create({ userId: 'usr_1', body: { items: [{ productId: 'prd_1' }] } })
  // @ts-expect-error the total is the server's
  await api.orders.create({ userId: 'usr_1', body: { items: [item], total: 1 } })
  // @ts-expect-error creating takes no If-Match
  await api.orders.create({ userId: 'usr_1', body: { items: [item] }, ifMatch: 1 })

  await api.orders.update({ id: 'ord_1', body: { status: 'paid', version: 3 } })
  await api.orders.update({ id: 'ord_1', body: { status: 'paid' }, ifMatch: 3 })
  // @ts-expect-error no such status
  await api.orders.update({ id: 'ord_1', body: { status: 'lost' } })
  await api.products.update({ id: 'prd_1', body: { stock: 5 } })
  // @ts-expect-error stock is a number
  await api.products.update({ id: 'prd_1', body: { stock: '5' } })
  // @ts-expect-error a replacement is the whole thing
  await api.products.replace({ id: 'prd_1', body: { name: 'Chai' } })
  // @ts-expect-error which one?
  await api.products.delete({})

  await api.cartItems.update({ cartId: 'crt_1', id: 'itm_1', body: { quantity: 3 } })
  // @ts-expect-error the product of a cart's item is fixed
  await api.cartItems.update({ cartId: 'crt_1', id: 'itm_1', body: { productId: 'prd_1' } })

  await people.users.create({ body: { email: 'ada@example.com', name: 'Ada' } })
  // @ts-expect-error the newest version has `roles`
  await people.users.create({ body: { email: 'ada@example.com', name: 'Ada', role: 'admin' } })
  // @ts-expect-error a password is missing
  await people.login({ body: { email: 'ada@example.com' } })
  // @ts-expect-error a body is missing
  await people.login()
  // @ts-expect-error no such operation
  await people.logon({ body: { email: 'ada@example.com', password: 'x' } })
}

const Note = resource('note', {
  id: 'nte',
  fields: {
    text: t.text(),
    dueAt: t.time().optional(),
    assigneeId: t.id('usr').optional(),
    urgency: t.integer(),
    labels: t.list(t.oneOf('red', 'blue')),
  },
  list: { filter: ['dueAt', { assignee: 'assigneeId' }, 'urgency', { label: 'labels' }, 'id'] },
  access: { list: 'public' },
})
const notes = service('notes', {
  resources: { notes: Note },
  operations: {
    confirm: operation({ method: 'PUT', path: '/notes/{id}/confirmations/{token}', access: 'public' }),
  },
})

export async function filters(api: Client<typeof notes>) {
  await api.notes.list({
    query: { dueAt: '2026-01-01', dueAfter: new Date(0), dueBefore: '2027-01-01', dueAtExists: true },
  })
  await api.notes.list({ query: { assignee: ['usr_1', 'usr_2'], assigneeExists: false, id: 'nte_1' } })
  await api.notes.list({ query: { urgency: [1, 2], urgencyMin: 1, urgencyMax: 2, label: ['red', 'blue'] } })
  // @ts-expect-error a thing is there or not
  await api.notes.list({ query: { assigneeExists: [true, false] } })
  // @ts-expect-error the parameter has a name of its own
  await api.notes.list({ query: { assigneeId: 'usr_1' } })
  // @ts-expect-error an id of another type
  await api.notes.list({ query: { assignee: 'nte_1' } })
  // @ts-expect-error urgency is always there
  await api.notes.list({ query: { urgencyExists: true } })
  // @ts-expect-error no such label
  await api.notes.list({ query: { label: 'green' } })
  // @ts-expect-error nothing to sort by
  await api.notes.list({ query: { sort: 'urgency' } })
}

const access = { list: 'public', create: 'public' } as const
const Sheet = resource('page', {
  id: 'pag',
  access,
  fields: { noteId: t.id('nte').server() },
  nested: true,
  parent: { of: Note, field: 'noteId' },
})
const Line = resource('line', {
  id: 'lin',
  access,
  fields: { pageId: t.id('pag').server() },
  nested: true,
  parent: { of: Sheet, field: 'pageId' },
})
const pages = service('pages', { resources: { pages: Sheet, lines: Line } })

export async function nested(api: Client<typeof pages>) {
  await api.lines.create({ noteId: 'nte_1', pageId: 'pag_1', body: {} })
  // @ts-expect-error of which note?
  await api.lines.list({ pageId: 'pag_1' })
}

export async function operations(api: Client<typeof notes>) {
  const nothing = await api.confirm({ params: { id: 'nte_1', token: 't' } })
  isType<Equal<typeof nothing, void>>()
}
