import { describe, expect, test } from 'vitest'
import { orders } from '../services/orders/contract.ts'
import { users } from '../services/users/contract.ts'
import { openapi } from '../src/contract/documents/openapi.ts'
import { faultsOf } from './fuzz/check-answer.ts'
import { describedBy } from './fuzz/document.ts'
import { brokenPromises } from './fuzz/promises.ts'
import type { Answer, Sent } from './fuzz/sent.ts'
import { verdictOn } from './fuzz/verdict.ts'

/** The checks of the fuzz test, which would prove nothing if they let everything pass. */

const ID = 'prd_01h455vb4pex5vsknk084sn02q'
const PRODUCT = {
  id: ID,
  sku: 'A-1',
  name: 'Chai',
  description: '',
  category: 'Beverages',
  price: 18,
  currency: 'USD',
  stock: 3,
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
}
const GIVEN = { sku: 'A-1', name: 'Chai', category: 'Beverages', price: 18 }

function documentOf(alter: (document: any) => void = () => {}) {
  const document = JSON.parse(JSON.stringify(openapi([users, orders], { version: 1 })))
  alter(document)
  return describedBy(document)
}

const truth = documentOf()

function sent(id: string, changes: Partial<Sent> = {}, described = truth): Sent {
  const operation = described.operations.find((one) => one.id === id)!
  const params = operation.template.includes('{') ? { id: ID } : {}
  const url = `/v1${operation.template.replace('{id}', ID)}`
  return {
    operation,
    caller: 'admin',
    method: operation.method,
    url,
    params,
    query: [],
    headers: {},
    body: undefined,
    ...changes,
  }
}

function body(value: unknown, type = 'application/json'): Pick<Sent, 'body' | 'headers'> {
  const bytes = Buffer.from(JSON.stringify(value))
  return { body: { bytes, chunked: false, json: { value } }, headers: { 'content-type': type } }
}

function answer(status: number, json: unknown, changes: Record<string, string | undefined> = {}): Answer {
  const text = json === undefined ? '' : JSON.stringify(json)
  const type = json === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }
  const length = { 'content-length': String(Buffer.byteLength(text)) }
  const shown = { etag: '"1"', 'cache-control': 'private, no-cache' }
  const headers = { ...type, ...length, 'x-request-id': 'req_1', 'api-version': '1', ...shown, ...changes }
  return { status, headers, text, json }
}

const error = (code: string, field?: string, message = 'is wrong') => ({
  error: { code, message: 'No', requestId: 'req_1', ...(field === undefined ? {} : { details: [{ field, message }] }) },
})
const get = sent('orders.products.get')
const problem = { ...get, headers: { accept: 'application/problem+json' } }
const asProblem = { 'content-type': 'application/problem+json' }
const DETAILS = {
  type: 'about:blank',
  title: 'Not Found',
  status: 404,
  detail: 'No',
  code: 'NOT_FOUND',
  requestId: 'req_1',
}
const create = sent('orders.products.create', body(GIVEN))
const created = answer(201, PRODUCT, { location: `/v1/products/${ID}` })

describe('an answer that is as the document says', () => {
  test.each<[string, Sent, Answer]>([
    ['a read', get, answer(200, PRODUCT)],
    ['a part', { ...get, query: [['fields', 'price,name']] }, answer(200, { id: ID, name: 'Chai', price: 18 })],
    ['nothing new', get, answer(304, undefined)],
    ['a creation', create, created],
    ['a refusal', get, answer(404, error('NOT_FOUND'), { etag: undefined })],
    ['a refusal by RFC 9457', problem, answer(404, DETAILS, asProblem)],
    [
      'a rule beyond schemas',
      sent('orders.products.list'),
      answer(400, error('VALIDATION_ERROR', 'page', 'cannot be combined with cursor')),
    ],
    ['an address that nobody reads', { ...get, url: `/v1/${'x'.repeat(9000)}` }, answer(414, error('URI_TOO_LONG'))],
  ])('%s has no faults', (_, asked, given) => expect(faultsOf(asked, given, truth)).toEqual([]))
})

describe('an answer that is not', () => {
  const { price, ...priceless } = PRODUCT
  test.each<[string, Sent, Answer]>([
    ['status 500', get, answer(500, error('INTERNAL_ERROR'))],
    ['status 503', get, answer(503, error('SERVICE_UNAVAILABLE'))],
    ['status 409 (DUPLICATE) is not documented', get, answer(409, error('DUPLICATE'))],
    ['there is no X-Request-Id', get, answer(200, PRODUCT, { 'x-request-id': undefined })],
    ['X-Request-Id is req_1, not mine', { ...get, headers: { 'x-request-id': 'mine' } }, answer(200, PRODUCT)],
    ['requestId is req_1, X-Request-Id req_2', get, answer(404, error('NOT_FOUND'), { 'x-request-id': 'req_2' })],
    ['the header ETag is missing', get, answer(200, PRODUCT, { etag: undefined })],
    ['the header Location is missing', create, answer(201, PRODUCT)],
    ['the header www-authenticate is missing', get, answer(401, error('UNAUTHENTICATED'))],
    ['header API-Version "one"', get, answer(200, PRODUCT, { 'api-version': 'one' })],
    ['must be string', get, answer(200, { ...PRODUCT, name: 5 })],
    ['must be number', get, answer(200, { ...PRODUCT, price: null })],
    ['x-lintel-decimals', get, answer(200, { ...PRODUCT, price: 1.005 })],
    ['must match format "date-time"', get, answer(200, { ...PRODUCT, createdAt: '2026-02-30T00:00:00Z' })],
    ["must have required property 'price'", get, answer(200, priceless)],
    ['must NOT have unevaluated properties', get, answer(200, { ...PRODUCT, secret: price })],
    [
      'it has id,name,stock, and id,name were asked for',
      { ...get, query: [['fields', 'name']] },
      answer(200, { id: ID, name: 'Chai', stock: 3 }),
    ],
    ['EMPTY_CART is none of NOT_FOUND', get, answer(404, error('EMPTY_CART'))],
    ['content type text/html of status 200', get, answer(200, PRODUCT, { 'content-type': 'text/html' })],
    [
      'content type application/json where',
      { ...get, headers: { accept: 'application/problem+json' } },
      answer(404, error('NOT_FOUND')),
    ],
    ["must have required property 'title'", problem, answer(404, { ...DETAILS, title: undefined }, asProblem)],
    ['must be equal to constant', problem, answer(404, { ...DETAILS, status: 400 }, asProblem)],
    ['EMPTY_CART is none of NOT_FOUND', problem, answer(404, { ...DETAILS, code: 'EMPTY_CART' }, asProblem)],
    [
      'content type application/problem+json of status 200',
      problem,
      answer(200, PRODUCT, { 'content-type': 'application/problem+json' }),
    ],
    ['Content-Length is 5', get, answer(200, PRODUCT, { 'content-length': '5' })],
    ['status 304 has a body', get, answer(304, PRODUCT)],
    [
      'status 201 for what is invalid by the document: body',
      sent('orders.products.create', body({ ...GIVEN, price: -1 })),
      created,
    ],
    [
      'status 200 for what is invalid by the document: query extra',
      { ...get, query: [['extra', '1']] },
      answer(200, PRODUCT),
    ],
    ['status 400 (VALIDATION_ERROR) for what is valid', create, answer(400, error('VALIDATION_ERROR', 'name'))],
    [
      'status 400 (VALIDATION_ERROR) for what is valid',
      sent('orders.products.list'),
      answer(400, error('VALIDATION_ERROR', 'page')),
    ],
    ['status 415 (UNSUPPORTED_MEDIA_TYPE) for what is valid', create, answer(415, error('UNSUPPORTED_MEDIA_TYPE'))],
  ])('%s', (fault, asked, given) => expect(faultsOf(asked, given, truth).join('; ')).toContain(fault))
})

describe('FC-13, R-BODY-4: a 400 to what a change repeats', () => {
  const repeat = (value: unknown) => sent('orders.products.update', { ...body(value), stands: PRODUCT })
  const refused = (...fields: string[]) => {
    const message = 'is read-only and differs from the current value'
    const details = fields.map((field) => ({ field, message }))
    return answer(400, { error: { code: 'VALIDATION_ERROR', message: 'No', details, requestId: 'req_1' } })
  }
  const id = 'prd_02h455vb4pex5vsknk084sn02q'
  const updatedAt = '2026-01-02T00:00:00.000Z'
  const createdAt = '2026-01-01t01:00:00+01:00'

  test.each<[string, Sent, Answer]>([
    ['another value', repeat({ id }), refused('id')],
    ['another time', repeat({ createdAt: '2026-01-01T00:00:00.001Z' }), refused('createdAt')],
    ['two other values, beside a right one', repeat({ id, updatedAt, createdAt }), refused('updatedAt', 'id')],
    ['a part of an order', repeatedItems((line) => ({ ...line, quantity: 3 })), refused('items')],
  ])('is right for %s', (_, asked, given) => expect(faultsOf(asked, given, truth)).toEqual([]))

  test.each<[string, Sent, Answer]>([
    ['a value that is right', repeat({ id: ID }), refused('id')],
    ['a time that is right', repeat({ createdAt }), refused('createdAt')],
    ['a list that is right', repeatedItems((line) => ({ ...line })), refused('items')],
    ['a right value beside another', repeat({ id, createdAt }), refused('id', 'createdAt')],
    ['one of two other values', repeat({ id, updatedAt }), refused('id')],
    ['a value that is not there', repeat({ id }), refused('id', 'updatedAt')],
    ['a thing that was not shown', { ...repeat({ id }), stands: undefined }, refused('id')],
    ['a field that may be written', repeat({ name: 'Tea' }), refused('name')],
    ['a field that may be written, too', repeat({ id, name: 'Tea' }), refused('id', 'name')],
    ['another reason', repeat({ id }), answer(400, error('VALIDATION_ERROR', 'id'))],
    ['another code', repeat({ id }), answer(400, error('MALFORMED_JSON'))],
  ])('is wrong for %s', (_, asked, given) =>
    expect(faultsOf(asked, given, truth).join('; ')).toMatch(/^status 400 \(\w+\) for what is valid by the document$/),
  )

  function repeatedItems(change: (line: object) => object): Sent {
    const line = {
      id: 'lin_01h455vb4pex5vsknk084sn02q',
      productId: ID,
      sku: 'A-1',
      name: 'Chai',
      quantity: 2,
      unitPrice: 18,
      discount: 0,
      lineTotal: 36,
    }
    const value = { status: 'paid', items: [change(line)] }
    const params = { id: ID.replace('prd', 'ord') }
    return sent('orders.orders.update', { ...body(value), params, stands: { status: 'pending', items: [line] } })
  }

  test.each([
    ['another value', { id, name: 'Tea' }, ['id is read-only, had another value, and was taken']],
    ['what stands', { ...PRODUCT, createdAt }, []],
  ])('and a 200 to %s', async (_, value, faults) => {
    const read = async () => answer(200, { ...PRODUCT, name: 'Tea' })
    const asked = repeat({ ...value, name: 'Tea' })
    expect(await brokenPromises(asked, await read(), truth, read)).toEqual(faults)
  })
})

describe('a document that is not as the system answers', () => {
  const text = { type: 'string' }
  test.each<[string, (document: any) => unknown]>([
    ['status 201 (undefined) is not documented', ({ paths }) => delete paths['/products'].post.responses[201]],
    ['must be string', ({ components }) => Object.assign(components.schemas.Product.properties, { price: text })],
    [
      'must be equal to',
      ({ components }) => Object.assign(components.schemas.Product.properties.name, { enum: ['Tea'] }),
    ],
    ['must have required property', ({ components }) => withColour(components.schemas.Product)],
    ['is invalid by the document', ({ components }) => withColour(components.schemas.ProductCreate)],
    ['header API-Version', ({ components }) => Object.assign(components.headers['API-Version'].schema, { minimum: 2 })],
  ])('%s', (fault, alter) => {
    const lie = documentOf(alter)
    expect(faultsOf(sent('orders.products.create', body(GIVEN), lie), created, lie).join('; ')).toContain(fault)
  })

  function withColour(schema: any) {
    schema.properties.colour = text
    schema.required.push('colour')
  }
})

describe('what a document says of a request', () => {
  const list = (...query: [string, string][]) => sent('orders.products.list', { query })
  const status = (value: unknown, type?: string) =>
    sent('orders.orders.update', { ...body(value, type), params: { id: ID.replace('prd', 'ord') } })
  const makeCart = sent('orders.carts.create', { params: { userId: 'me' } })
  test.each<[string, Sent]>([
    ['valid', list(['page', '2'], ['sort', '-price,name'], ['category', 'a,b'], ['priceMin', '0.5'], ['version', '2'])],
    ['invalid', list(['page', '0'])],
    ['invalid', list(['page', '1.5'])],
    ['invalid', list(['page', 'x'])],
    ['invalid', list(['limit', '5'], ['limit', '5'])],
    ['invalid', list(['sort', 'name,-name'])],
    ['valid', list(['sort', 'name'], ['sort', '-price'], ['category', 'a'], ['category', 'b,c'])],
    ['invalid', list(['sort', 'name'], ['sort', '-name'])],
    ['invalid', list(['priceMin', '1'], ['priceMin', '1'])],
    ['invalid', list(['version', '3'])],
    ['invalid', list(['q', '\0'])],
    ['invalid', list(['q', '\ud800'])],
    ['invalid', { ...list(), headers: { accept: 'application/json;version=9' } }],
    ['valid', { ...list(), headers: { accept: 'application/json;version=1;q=0.5, application/problem+json' } }],
    ['invalid', { ...list(), headers: { accept: 'application/json;version=12' } }],
    ['valid', { ...list(), headers: { accept: 'application/json; foo="x;version=9"; version=2' } }],
    ['unsaid', list(['page', '007'])],
    ['unsaid', list(['priceMin', '1.0'])],
    ['valid', get],
    ['invalid', { ...get, params: { id: 'usr_01h455vb4pex5vsknk084sn02q' } }],
    ['invalid', { ...get, ...body({}) }],
    ['valid', status({ status: 'paid' })],
    ['valid', status({ status: 'paid', version: 1 }, 'application/merge-patch+json; charset=utf-8')],
    ['unsaid', status({ status: 'paid' }, 'application/json; charset=latin1')],
    ['invalid', status({ status: 'paid' }, 'text/plain')],
    ['invalid', status({ status: 'paid', version: 1.5 })],
    ['valid', status({ status: 'paid', total: 0 })],
    ['invalid', status({ status: 'paid', total: '0' })],
    ['invalid', status({ status: 'paid', extra: 0 })],
    ['invalid', status({})],
    ['invalid', { ...status({}), body: undefined }],
    ['valid', makeCart],
    ['unsaid', { ...makeCart, headers: { 'content-type': 'application/json' } }],
    ['invalid', { ...create, headers: { ...create.headers, 'idempotency-key': 'é' } }],
    ['valid', { ...create, headers: { ...create.headers, 'idempotency-key': 'a b ' } }],
    ['invalid', sent('orders.products.create', body({ ...GIVEN, name: 'a\0' }))],
    ['invalid', sent('orders.products.create', body({ ...GIVEN, name: '\udc00' }))],
  ])('%s', (says, asked) => expect(verdictOn(asked, truth)).toMatchObject({ says }))
})
