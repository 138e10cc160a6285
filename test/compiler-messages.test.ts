import { beforeAll, expect, test } from 'vitest'
import { compiled, type Said } from './compiled.ts'

/** What all programs begin with: a handler's transaction, and clients of both services. */
const HEAD = `
import { type Client, client, isProblem as isCallProblem } from 'lintel/client'
import { resource, service, t } from 'lintel/contract'
import {
  change, encodeId, find, type HandlerOf, insert, isProblem, newId, Problem, read, readField, readRow, remove, type RowOf, type Tx, type Unit, uuidOf,
} from 'lintel/service'
import { CartItem, Order, orders, Product } from './orders/contract.ts'
import { User, type users } from './users/contract.ts'
declare const tx: Tx
declare const shop: Client<typeof orders>
declare const people: Client<typeof users>
declare const text: string
const api = client([orders], { url: '/api' })
const userId = newId('usr')
const orderId = newId('ord')
const ordered = { userId, items: [], total: 1, currency: 'USD', placedAt: text, stockTaken: true }
`

const SOUND = `
const access = { list: 'public', create: 'public' } as const
const Shelf = resource('shelf', { id: 'she', plural: 'shelves', fields: {}, access })
const Box = resource('box', { id: 'box', plural: 'boxes', fields: { shelfId: t.id('she').server() }, access, nested: true, parent: { of: Shelf, field: 'shelfId' } })
const Thing = resource('thing', { id: 'thi', fields: { boxId: t.id('box').server() }, access, custom: ['create'], nested: true, parent: { of: Box, field: 'boxId' } })
const store = service('store', { resources: { shelves: Shelf, boxes: Box, things: Thing } })
export const make: HandlerOf<typeof store, 'things', 'create'> = async ({ params }, { tx }) => {
  await read(tx, Shelf, params.shelfId)
  const below: { shelfId: \`she_\${string}\`; boxId: \`box_\${string}\` } = params
  return insert(tx, Thing, { boxId: below.boxId })
}
export async function all(body: { name: string; email: string }) {
  const order = readRow(await insert(tx, Order, { ...ordered, status: 'pending' }))
  const paid: 'paid' | 'pending' | 'shipped' | 'delivered' | 'cancelled' = readField(await read(tx, Order, order.id), 'status')
  if (paid) await tx.query(paid)
  const asked: \`usr_\${string}\` = order.userId
  await find(tx, Order, order.id)
  await read(tx, User, order.userId, 'for update')
  await change(tx, Order, order.id, { status: 'paid' })
  await remove(tx, Order, text)
  await insert(tx, User, { ...body, invited: true, id: asked })
  await insert(tx, User, { ...body, invited: true, roles: ['admin'], passwordHash: null })
  if (isProblem(text, orders.problems.OUT_OF_STOCK)) throw new Problem('NOT_FOUND', text)
  if (isCallProblem<typeof orders | typeof users>(text)) {
    switch (text.code) {
      case 'OUT_OF_STOCK':
      case 'NOT_FOUND':
        await client<[typeof users, typeof orders]>({}, { url: '/' }).logout()
    }
  }
  for await (const { total } of api.orders.eachAll({ query: { fields: ['total'] }, timeoutMs: 1_000 })) await tx.query(String(total))
  if (isProblem(text, 'NOT_FOUND')) throw new Problem(orders.problems.EMPTY_CART, undefined, { retryAfterS: 1 })
  return uuidOf(Order, encodeId('ord', text))
}
`

const isNo = (given: string, wanted: string) =>
  `Type '\`${given}_\${string}\`' is not assignable to type '\`${wanted}_\${string}\`'`

/** Each wrong in its last line, and what the compiler has to say of that. */
const WRONG: Readonly<Record<string, readonly [line: string, ...words: string[]]>> = {
  idOfAnotherType: ['find(tx, Order, userId)', isNo('usr', 'ord')],
  uuidOfAnotherType: ['uuidOf(Product, orderId)', isNo('ord', 'prd')],
  newIdOfAnotherType: ["insert(tx, Order, { ...ordered, status: 'paid', userId: newId('ord') })", isNo('ord', 'usr')],
  fieldLeftOut: ['insert(tx, User, { name: text, invited: true })', "Property 'email' is missing in type"],
  valueOfAnotherType: [
    "insert(tx, Order, { ...ordered, status: 'lost' })",
    `Type '"lost"' is not assignable to type '"pending" | "paid" |`,
  ],
  fieldOfTheRequestAlone: [
    'insert(tx, User, { name: text, email: text, invited: true, ...{ password: text } })',
    "Types of property 'password' are incompatible",
    'NotWritable<"password">',
  ],
  fieldThatIsComputed: [
    'insert(tx, User, { name: text, email: text, invited: true, emailVerified: true })',
    'NotWritable<"emailVerified">',
  ],
  changeOfAFieldThatIsComputed: [
    'change(tx, User, userId, { emailVerified: true })',
    "'emailVerified' does not exist in type",
  ],
  verbNotOffered: ["shop.orders.delete({ id: 'ord_1' })", "Property 'delete' does not exist on type"],
  operationMisspelt: ['people.logon({})', "Property 'logon' does not exist on type"],
  filterNotOffered: [
    "shop.products.list({ query: { colour: 'red' } })",
    "Object literal may only specify known properties, and 'colour' does not exist in type",
  ],
  filterMisspelt: [
    "shop.products.list({ query: { categry: 'Tea' } })",
    "'categry' does not exist in type",
    "Did you mean to write 'category'?",
  ],
  sortNotOffered: [
    "shop.products.list({ query: { sort: 'stock' } })",
    `Type '"stock"' is not assignable to type '`,
    '"-price"',
  ],
  bodyThatLacksAField: [
    'people.login({ body: { email: text } })',
    "Property 'password' is missing in type '{ email: string; }'",
  ],
  bodyOfAnotherType: [
    "shop.products.update({ id: text, body: { stock: '5' } })",
    "Type 'string' is not assignable to type 'number'",
  ],
  bodyWithAFieldTooMany: ["shop.orders.create({ userId: 'me', body: { total: 1 } })", "'total' does not exist in type"],
  parentLeftOut: ['shop.carts.list({})', "Property 'userId' is missing in type '{}'"],
  answerThatHasNoSuchField: [
    'shop.products.get({ id: text }).then(({ colour }) => colour)',
    "Property 'colour' does not exist on type",
  ],
  problemOfNoContract: [
    'new Problem(orders.problems.OUT_OF_STOK)',
    "Property 'OUT_OF_STOK' does not exist on type",
    "Did you mean 'OUT_OF_STOCK'?",
  ],
  problemByAnUnknownCode: [
    "new Problem('OUT_OF_STOCK')",
    `Argument of type '"OUT_OF_STOCK"' is not assignable to parameter of type`,
  ],
  problemMetByAnUnknownCode: [
    "isProblem(text, 'NOT_FUOND')",
    `Argument of type '"NOT_FUOND"' is not assignable to parameter of type`,
  ],
  codeThatNoContractHas: [
    "((error: unknown) => { if (isCallProblem<typeof orders>(error)) switch (error.code) { case 'OUT_OF_STOK': } })",
    `Type '"OUT_OF_STOK"' is not comparable to type '"`,
    '"OUT_OF_STOCK"',
  ],
  clientWithoutAnAddress: ['client([orders], {})', "Property 'url' is missing in type '{}'"],
  callOfAnotherService: [
    'api.login({ body: { email: text, password: text } })',
    "Property 'login' does not exist on type",
  ],
  callOfOtherServicesAlone: [
    "client<[typeof users]>({}, { url: '/' }).revocations()",
    "Property 'revocations' does not exist on type",
  ],
  walkFromACursor: [
    "api.orders.eachAll({ query: { cursor: 'a' } })",
    "Type 'string' is not assignable to type 'undefined'",
  ],
  paramMisspelt: [
    "((async ({ params }, { tx }) => change(tx, Order, params.orderId, {})) satisfies HandlerOf<typeof orders, 'orders', 'update'>)",
    "Property 'orderId' does not exist on type",
  ],
  fieldMisspelt: [
    "((row: RowOf<typeof Order>) => readField(row, 'stauts'))",
    `Argument of type '"stauts"' is not assignable to parameter of type`,
    '"status"',
  ],
  eventOfAnotherRow: [
    "((unit: Unit<typeof orders>, row: RowOf<typeof Product>) => unit.emit('order.paid', row))",
    'is missing the following properties from type',
    'placedAt',
  ],
  versionOfWhatHasNone: [
    "people.sessions.get({ userId: 'me', id: text }).then(({ version }) => version)",
    "Property 'version' does not exist on type",
  ],
  changeOfAFixedField: ["change(tx, CartItem, text, { productId: 'prd_1' })", "'productId' does not exist in type"],
  changeOfNoField: ["change(tx, Product, text, { colour: 'red' })", "'colour' does not exist in type"],
}

let said: ReadonlyMap<string, readonly Said[]>

beforeAll(() => {
  const programs = Object.entries(WRONG).map(([name, [line]]) => [name, `${HEAD}\nexport default ${line}\n`])
  said = compiled({ ...Object.fromEntries(programs), sound: `${HEAD}${SOUND}` }, 'services').said
}, 60_000)

test('R-P-2: what is right compiles', () => {
  expect(said.get('sound')).toEqual([])
})

test.each(Object.entries(WRONG))('R-P-2: the compiler names what is wrong: %s', (name, [line, ...words]) => {
  const [first, ...others] = said.get(name)!
  expect(others).toEqual([])
  expect(first?.line).toBe(`export default ${line}`)
  for (const word of words) expect(first?.text).toContain(word)
})
