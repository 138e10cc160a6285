import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import { isInternal } from '../access.ts'
import type { Contract } from '../contract.ts'
import { olderShape, operation, problem, resource, service, t } from '../index.ts'
import { openapi } from './openapi.ts'
import type { OpenApiDocument, OperationObject, ResponseObject } from './openapi-types.ts'

const REFERENCE: Contract[] = [users, orders]

/** Everything that the reference system has no example of. */
const Shop = resource('shop', { id: 'shp', fields: { name: t.text() }, access: { get: 'public' } })
const strange: Contract[] = [
  service('shops', {
    resources: {
      shops: Shop,
      addresses: resource('address', {
        id: 'adr',
        description: 'Where a shop is.',
        parent: { of: Shop, field: 'shopId' },
        fields: {
          shopId: t.id('shp').server(),
          city: t.text({ pattern: /^[a-z]+$/i }),
          place: t.object({ lat: t.decimal({ scale: 5 }).optional() }),
        },
        requireVersion: true,
        list: { root: true },
        access: {
          list: 'public',
          create: 'authenticated',
          replace: 'admin',
          update: 'admin',
          delete: 'admin | service',
        },
      }),
    },
    operations: {
      audit: operation({
        method: 'PUT',
        path: '/shops/{shopId}',
        access: 'admin',
        body: { note: t.text() },
        problems: ['SHUT'],
      }),
      count: operation({ method: 'GET', path: '/internals', access: 'service', answer: { count: t.integer() } }),
      verify: operation({
        method: 'POST',
        path: '/auth/codes',
        status: 202,
        access: 'public',
        description: 'Mails a code.',
      }),
    },
    problems: { SHUT: problem(409, 'The shop is shut') },
    latest: 3,
    older: {
      2: { shapes: {} },
      1: {
        deprecated: '2026-01-01',
        sunset: '2027-01-01',
        shapes: {
          shops: olderShape({ without: ['name'], added: { title: t.text() }, up: (it) => it, down: (it) => it }),
        },
      },
    },
  }),
  service('people', {
    resources: {
      addresses: resource('address', {
        id: 'pad',
        fields: { street: t.text() },
        plural: 'home-addresses',
        access: { get: 'admin' },
      }),
    },
    operations: {
      count: operation({ method: 'GET', path: '/people', access: 'admin', answer: { total: t.integer() } }),
    },
    problems: { SHUT: problem(409, 'Asleep') },
  }),
]

const documents: [string, OpenApiDocument][] = [
  ...[1, 2].map((version) => [`the reference system, version ${version}`, openapi(REFERENCE, { version })] as const),
  ...[1, 2, 3].map((version) => [`a strange system, version ${version}`, openapi(strange, { version })] as const),
].map(([name, document]) => [name, JSON.parse(JSON.stringify(document)) as OpenApiDocument])

const EXTENSIONS = ['x-lintel-decimals', 'x-lintel-default', 'x-lintel-only', 'x-lintel-transitions']

const operationsOf = (document: OpenApiDocument) => Object.values(document.paths).flatMap((item) => Object.values(item))

function operationOf(document: OpenApiDocument, id: string): OperationObject {
  return operationsOf(document).find((one) => one['x-lintel-operation'] === id)!
}

function responseOf(document: OpenApiDocument, id: string, status: number): ResponseObject {
  const response = operationOf(document, id).responses[status]!
  return '$ref' in response ? (at(document, response.$ref) as ResponseObject) : response
}

/** What a `#/…` reference points to. */
function at(document: OpenApiDocument, ref: string): unknown {
  const steps = ref
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], document)
}

/** Every object in a document with the pointer to it. */
function* walk(value: unknown, pointer = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  yield [pointer, value as Record<string, unknown>]
  for (const [key, member] of Object.entries(value))
    yield* walk(member, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
}

describe.each(documents)('R-P-2: the document of %s', (_, document) => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(document)))
    expect(errors ?? []).toEqual([])
    expect(valid).toBe(true)
    expect(validator.version).toBe('3.1')
  })

  test('points nowhere but to what is there, and keeps nothing that nobody points to', () => {
    const refs = new Set<string>()
    for (const [, object] of walk(document)) if (typeof object.$ref === 'string') refs.add(object.$ref)
    for (const ref of refs) expect(at(document, ref), ref).toBeDefined()
    const { securitySchemes: _, ...components } = document.components
    for (const [section, kept] of Object.entries(components))
      for (const name of Object.keys(kept)) {
        expect(name).toMatch(/^[A-Za-z0-9._-]+$/)
        expect(refs).toContain(`#/components/${section}/${name}`)
      }
  })

  test('has schemas that are JSON Schema 2020-12, each with patterns and references that work', () => {
    const ajv = new Ajv2020({
      strict: true,
      allowUnionTypes: true,
      formats: { email: true, 'date-time': true, date: true },
    })
    ajv.addVocabulary([...EXTENSIONS, ...Object.keys(document)])
    ajv.addSchema({ $id: 'lintel:document', ...document })
    const pointers = [...walk(document)].flatMap(([pointer]) =>
      /\/schema$|^#\/components\/schemas\/[^/]+$/.test(pointer) ? [pointer] : [],
    )
    expect(pointers.length).toBeGreaterThan(20)
    for (const pointer of pointers) {
      const ref = `lintel:document${encodeURI(pointer).replaceAll('%25', '%')}`
      expect(ajv.compile({ $ref: ref }), pointer).toBeTypeOf('function')
    }
    for (const [pointer, { schema, example }] of walk(document))
      if (schema !== undefined && example !== undefined) {
        const validate = ajv.getSchema(`lintel:document${encodeURI(pointer).replaceAll('%25', '%')}/schema`)!
        expect(validate(example), `${pointer} ${JSON.stringify(validate.errors)}`).toBe(true)
      }
    for (const [pointer, { enum: values, required }] of walk(document))
      for (const list of [values, required])
        if (Array.isArray(list) && !pointer.endsWith('/properties'))
          expect(new Set(list).size, pointer).toBe(list.length)
  })

  test('names each operation once, and every parameter of its path', () => {
    const ids = operationsOf(document).map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [path, item] of Object.entries(document.paths))
      for (const { parameters } of Object.values(item)) {
        const all = parameters.map((one) => ('$ref' in one ? at(document, one.$ref) : one)) as {
          name: string
          in: string
        }[]
        const inPath = all.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`)
        expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? [])
        const places = all.map((one) => `${one.in} ${one.name}`)
        expect(new Set(places).size).toBe(places.length)
      }
    const shapes = Object.keys(document.paths).map((path) => path.replace(/\{\w+\}/g, '{}'))
    expect(new Set(shapes).size).toBe(shapes.length)
  })

  test('lists every tag that is used', () => {
    const used = new Set(operationsOf(document).flatMap(({ tags }) => tags))
    expect(new Set(document.tags.map(({ name }) => name))).toEqual(used)
  })
})

test('R-P-2: every operation that is served is there, with the codes among its facts and no other', () => {
  const systems = [REFERENCE, strange]
  for (const contracts of systems) {
    const document = openapi(contracts)
    for (const contract of contracts)
      for (const served of contract.served) {
        if (isInternal(served.access)) continue
        const { responses } = operationOf(document, served.id)
        const codes = Object.keys(responses).flatMap((status) => {
          const { 'x-lintel-codes': named = [] } = responseOf(document, served.id, Number(status))
          for (const code of named) expect(contract.problems[code]!.status).toBe(Number(status))
          return named
        })
        expect(codes.sort(), served.id).toEqual(served.facts.codes(contract.latest).sort())
        expect(responses).toHaveProperty(String(served.status))
      }
  }
})

test('R-GW-1: what only services may call is not in it', () => {
  expect(operationOf(openapi(strange), 'shops.count')).toBeUndefined()
  expect(openapi(strange).tags.map(({ name }) => name)).not.toContain('Internals')
})

test('R-VER-2, R-VER-4: version 1 shows role, version 2 roles', () => {
  const members = (version: number, schema: string) =>
    Object.keys(openapi(REFERENCE, { version }).components.schemas[schema]!.properties!)
  for (const schema of ['User', 'UserCreate', 'UserReplace', 'UserUpdate']) {
    expect(members(1, schema)).toContain('role')
    expect(members(1, schema)).not.toContain('roles')
    expect(members(2, schema)).toContain('roles')
    expect(members(2, schema)).not.toContain('role')
  }
  expect(members(1, 'User')).toEqual([
    'id',
    'email',
    'name',
    'role',
    'emailVerified',
    'version',
    'createdAt',
    'updatedAt',
  ])
})

test('R-VER-1: a resource that did not change is the same in each version', () => {
  const [first, second] = [1, 2].map((version) => openapi(REFERENCE, { version }))
  expect(first!.paths['/orders']).toEqual(second!.paths['/orders'])
  expect(first!.components.schemas.Order).toEqual(second!.components.schemas.Order)
})

test('R-VER-3: operations of a deprecated version are deprecated, and their answers say until when', () => {
  const old = openapi(strange, { version: 1 })
  expect(operationOf(old, 'shops.shops.get')).toMatchObject({ deprecated: true })
  expect(operationOf(old, 'shops.shops.get').description).toContain(
    'Version 1 is deprecated since 2026-01-01; it ends on 2027-01-01.',
  )
  expect(Object.keys(responseOf(old, 'shops.shops.get', 200).headers!)).toEqual(
    expect.arrayContaining(['Deprecation', 'Sunset']),
  )
  expect(operationOf(openapi(strange, { version: 2 }), 'shops.shops.get')).not.toHaveProperty('deprecated')
  // The version is the whole API's.
  expect(operationOf(old, 'people.count')).toMatchObject({ deprecated: true })
})

test('R-AUTH-8: who may do what is in it, for programs and for readers', () => {
  const document = openapi(REFERENCE)
  expect(operationOf(document, 'orders.orders.get')).toMatchObject({
    'x-lintel-access': 'owner | admin',
    description: 'Open to the owner and the role `admin`.',
    security: [{ bearerAuth: [] }],
  })
  expect(operationOf(document, 'orders.products.list')).toMatchObject({
    'x-lintel-access': 'public',
    description: 'Open to everyone, without credentials.',
    security: [{}, { bearerAuth: [] }],
  })
  // Signing in looks at no token.
  expect(operationOf(document, 'users.login')).toMatchObject({ 'x-lintel-access': 'public', security: [] })
  expect(operationOf(document, 'users.login')['x-lintel-limits']).toEqual([
    { by: 'ip', maxRequests: 10, windowMs: 60_000 },
  ])
  expect(operationOf(document, 'orders.orders.listAll').description).toBe(
    'Open to every signed-in user, who sees their own; the role `admin` sees all.',
  )
  expect(document.components.securitySchemes.bearerAuth).toMatchObject({
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  })
})

test('R-REST-2: PATCH takes a merge patch, the others JSON, GET and DELETE nothing', () => {
  for (const document of [openapi(REFERENCE), openapi(strange)])
    for (const item of Object.values(document.paths)) {
      expect(item.get?.requestBody).toBeUndefined()
      expect(item.delete?.requestBody).toBeUndefined()
      for (const one of [item.post, item.put])
        if (one?.requestBody && !one['x-lintel-route'])
          expect(Object.keys(one.requestBody.content)).toEqual(['application/json'])
      if (item.patch)
        expect(Object.keys(item.patch.requestBody!.content)).toEqual([
          'application/merge-patch+json',
          'application/json',
        ])
    }
})

test('FC-101: a body is needed where one of its fields is, and for every change', () => {
  const document = openapi(REFERENCE)
  expect(operationOf(document, 'users.users.create').requestBody!.required).toBe(true)
  expect(operationOf(document, 'users.users.update').requestBody!.required).toBe(true)
  expect(operationOf(document, 'orders.carts.create').requestBody!.required).toBe(false)
  // The contract spells out what a change of an order is.
  expect(operationOf(document, 'orders.orders.update').requestBody!.required).toBe(true)
})

test('R-REST-3, R-LOCK-1, R-IDEM-1, R-PAGE-3: success says what comes with it', () => {
  const document = openapi(REFERENCE)
  const headers = (id: string, status: number) => Object.keys(responseOf(document, id, status).headers!)
  expect(headers('orders.orders.create', 201)).toEqual(
    expect.arrayContaining(['X-Request-Id', 'API-Version', 'ETag', 'Location', 'Idempotency-Replayed']),
  )
  expect(headers('orders.orders.list', 200)).toEqual(expect.arrayContaining(['X-Request-Id', 'API-Version', 'Link']))
  expect(headers('orders.orders.list', 200)).not.toContain('ETag')
  expect(headers('orders.orders.get', 200)).toContain('ETag')
  expect(headers('orders.orders.get', 304)).toContain('ETag')
  expect(headers('users.login', 200)).not.toContain('Idempotency-Replayed')
  expect(responseOf(document, 'orders.products.delete', 204).content).toBeUndefined()
  expect(operationOf(document, 'orders.carts.get').responses).not.toHaveProperty('304')
})

test('R-REST-4: refusals say what to do next', () => {
  const document = openapi(REFERENCE)
  const headers = (status: number) => Object.keys(responseOf(document, 'orders.orders.create', status).headers!)
  expect(headers(401)).toContain('WWW-Authenticate')
  for (const status of [409, 429, 503]) expect(headers(status)).toContain('Retry-After')
})

test('R-PAGE-3, R-FIELDS-1: an answer is the resource, a list a page of them; `fields` is said in words', () => {
  const document = openapi(REFERENCE)
  const schemaOf = (id: string) => responseOf(document, id, 200).content!['application/json']!.schema
  expect(schemaOf('orders.products.get')).toEqual({ $ref: '#/components/schemas/Product' })
  expect(schemaOf('orders.products.list')).toEqual({ $ref: '#/components/schemas/ProductList' })
  expect(document.components.schemas.ProductList!.properties!.data).toMatchObject({
    items: { $ref: '#/components/schemas/Product' },
  })
  expect(document.components.schemas).not.toHaveProperty('ProductFields')
  expect(responseOf(document, 'orders.products.get', 200).description).toBe('All of it, or the `fields` asked for.')
  expect(document.info.description).toContain('With `fields` an answer has those fields of its schema, and `id`.')
  const page = new Ajv2020({ formats: { email: true, 'date-time': true } })
    .addVocabulary([...EXTENSIONS, 'components'])
    .compile({ $ref: '#/components/schemas/ProductList', components: { schemas: document.components.schemas } })
  const pagination = { total: null, limit: 20, hasMore: false, nextCursor: null }
  const id = 'prd_01h455vb4pex5vsknk084sn02q'
  const product = {
    ...{ id, sku: 'A-1', name: 'Chai', description: '', category: 'Beverages', price: 9.99, currency: 'USD', stock: 3 },
    ...{ version: 1, createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' },
  }
  expect(page({ data: [], pagination })).toBe(true)
  expect(page({ data: [product], pagination: { ...pagination, total: 1, totalIsEstimate: true, page: 1 } })).toBe(true)
  expect(page({ data: [{ ...product, id: undefined }], pagination })).toBe(false)
  expect(page({ data: [{ ...product, cost: 1 }], pagination })).toBe(false)
  expect(page({ data: [], pagination: { ...pagination, nextCursor: undefined } })).toBe(false)
})

test('R-BODY-5: every error has one schema, in the shape that arrives by default', () => {
  for (const [, document] of documents) {
    const errors = operationsOf(document).flatMap(({ responses }) =>
      Object.entries(responses).filter(([status]) => Number(status) >= 400),
    )
    for (const [, response] of errors) {
      const { content, 'x-lintel-codes': codes } = (
        '$ref' in response ? at(document, response.$ref) : response
      ) as ResponseObject
      if (!codes) continue
      expect(content!['application/json']!.schema).toEqual({ $ref: '#/components/schemas/ErrorResponse' })
      expect(content).not.toHaveProperty('application/problem+json')
    }
  }
  expect(openapi(REFERENCE).info.description).toContain(
    'With `Accept: application/problem+json` errors come as RFC 9457',
  )
  expect(Object.keys(openapi(REFERENCE).components.responses)).toEqual(
    expect.arrayContaining(['NotFound', 'RateLimited', 'DuplicateOrVersionConflict']),
  )
})

describe('operations are called what clients would call them', () => {
  const idsOf = (contracts: Contract[], service?: string) =>
    operationsOf(openapi(contracts, service === undefined ? {} : { service })).map(({ operationId }) => operationId)

  test('by verb and resource, by parent where a list is below one, by their own name beside the resources', () => {
    expect(idsOf(REFERENCE)).toEqual(
      'listUsers createUser getUser replaceUser updateUser deleteUser listUserSessions getSession deleteSession login refresh logout requestEmailVerification verifyEmail getConfirmationPage postConfirmationPage requestPasswordReset resetPassword getPasswordPage postPasswordPage keys listProducts createProduct getProduct replaceProduct updateProduct deleteProduct listUserCarts createCart getCart deleteCart listCartItems createCartItem getCartItem updateCartItem deleteCartItem listUserOrders createOrder listOrders getOrder updateOrder listOrderItems'.split(
        ' ',
      ),
    )
    expect(operationOf(openapi(REFERENCE), 'orders.orders.listAll').operationId).toBe('listOrders')
  })

  test('in the document of one service as in that of all', () => {
    const services = strange.map(({ name }) => idsOf(strange, name))
    expect(services.flat().sort()).toEqual(idsOf(strange).sort())
    expect(services[1]).toEqual(['getPeopleAddress', 'count'])
    expect(Object.keys(openapi(strange, { service: 'people' }).components.schemas)).toContain('PeopleAddress')
    expect(openapi(strange, { service: 'people' }).tags.map(({ name }) => name)).toEqual(['Addresses', 'People'])
  })

  test('with the thing that they are on, and with their service where two have one name', () => {
    const own = (name: string, path: string) =>
      service(name, {
        resources: {
          tickets: resource('ticket', {
            id: 'tkt',
            plural: path,
            fields: { text: t.text() },
            access: { get: 'public' },
          }),
        },
        operations: {
          report: operation({ method: 'GET', path: `/${path}-reports`, access: 'public', answer: { n: t.integer() } }),
        },
      })
    const Ticket = resource('ticket', { id: 'tkt', fields: { text: t.text() }, access: { get: 'public' } })
    const close = operation({
      method: 'POST',
      path: '/tickets/{ticketId}/closures',
      on: Ticket,
      access: 'admin',
      status: 204,
    })
    const one = service('desk', { resources: { tickets: Ticket }, operations: { close } })
    expect(idsOf([one])).toEqual(['getTicket', 'closeTicket'])
    expect(idsOf([own('desk', 'tickets'), own('late-shop', 'vouchers')])).toEqual([
      'getDeskTicket',
      'deskReport',
      'getLateShopTicket',
      'lateShopReport',
    ])
  })

  test('with what only they have, where that is not enough', () => {
    const Thing = resource('thing', { id: 'thg', fields: { text: t.text() }, access: { get: 'public' } })
    const getThing = operation({ method: 'GET', path: '/special-things', access: 'public', answer: { n: t.integer() } })
    expect(idsOf([service('desk', { resources: { things: Thing }, operations: { getThing } })])).toEqual([
      'desk_things_get',
      'desk_getThing',
    ])
  })
})

test('every body and every answer has an example that reads, as Postman, Prism and API references show it', () => {
  const document = openapi(REFERENCE, { version: 1 })
  const bodyOf = (id: string) => operationOf(document, id).requestBody!.content['application/json']!.example
  expect(bodyOf('orders.products.create')).toEqual({
    sku: 'TEA-CHAI-20',
    name: 'Chai',
    description: 'Spiced black tea, 20 bags',
    category: 'Beverages',
    price: 18,
    currency: 'USD',
    stock: 39,
  })
  expect(bodyOf('users.users.create')).toEqual({
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    password: 'correct horse battery staple',
  })
  expect(bodyOf('orders.orders.update')).toEqual({ status: 'paid' })
  expect(bodyOf('orders.orders.create')).toEqual({ cartId: 'crt_01h455vb4pex5vsknk084sn02q' })
  expect(responseOf(document, 'orders.orders.get', 200).content!['application/json']!.example).toMatchObject({
    id: 'ord_01h455vb4pex5vsknk084sn02q',
    status: 'pending',
    items: [{ name: 'Chai', quantity: 2, unitPrice: 18, lineTotal: 36 }],
    total: 36,
    createdAt: '2026-01-31T09:30:00.000Z',
  })
  expect(responseOf(document, 'orders.orders.create', 409).content!['application/json']!.example).toEqual({
    error: {
      code: 'INVALID_TRANSITION',
      message: 'The current state does not allow this change',
      requestId: 'req_01h455vb4pex5vsknk084sn02q',
    },
  })
  for (const [pointer, { schema, example }] of walk(document))
    if (/content\/application~1json$/.test(pointer) && schema) expect(example, pointer).toBeDefined()
})

test('no field that has a default is required in a request, and no answer has fewer required fields than fields', () => {
  for (const [name, document] of documents)
    for (const [pointer, { properties, required = [] }] of walk(document.components.schemas)) {
      const given = Object.entries((properties ?? {}) as Record<string, Record<string, unknown>>)
      for (const [field, schema] of given) {
        if (!pointer.endsWith('/properties'))
          expect(schema, `${name} ${pointer} ${field}`).not.toHaveProperty('default')
        if ('x-lintel-default' in schema) expect(required).not.toContain(field)
      }
    }
  const { schemas } = openapi(REFERENCE).components
  expect(schemas.Product!.required).toEqual(Object.keys(schemas.Product!.properties!))
  expect(schemas.ProductCreate!.required).toEqual(['sku', 'name', 'category', 'price'])
})

test('items of two resources have names of their own, and so have resources of two services', () => {
  expect(Object.keys(openapi(REFERENCE).components.schemas)).toEqual(expect.arrayContaining(['CartItem', 'OrderItem']))
  expect(Object.keys(openapi(strange).components.schemas)).toEqual(
    expect.arrayContaining(['ShopsAddress', 'PeopleAddress', 'AuditBody', 'CountAnswer']),
  )
})

test('one code that two services mean differently has two responses', () => {
  const document = openapi([
    strange[0]!,
    service('doors', {
      operations: {
        open: operation({
          method: 'GET',
          path: '/doors',
          access: 'public',
          answer: { open: t.boolean() },
          problems: ['SHUT'],
        }),
      },
      problems: { SHUT: problem(409, 'The door is shut') },
    }),
  ])
  expect(responseOf(document, 'shops.audit', 409).description).toBe('`SHUT`: The shop is shut.')
  expect(responseOf(document, 'doors.open', 409).description).toBe('`SHUT`: The door is shut.')
})

test('operations are said in words', () => {
  const summaries = operationsOf(openapi(REFERENCE)).map(({ summary }) => summary)
  expect(summaries).toEqual(
    expect.arrayContaining([
      'List all orders',
      'List the orders of a user',
      'Create an order of a user',
      'Change a cart item',
      'Read a user',
    ]),
  )
  expect(operationOf(openapi(strange), 'shops.verify').description).toBe(
    'Mails a code.\n\nOpen to everyone, without credentials.',
  )
})

test('the document of the reference system stays below 3,500 bytes for each operation, with all that they share', () => {
  const document = openapi(REFERENCE)
  expect(JSON.stringify(document).length).toBeLessThan(3500 * operationsOf(document).length)
})

test('two contracts at one place are refused', () => {
  const twin = service('twins', {
    operations: {
      list: operation({ method: 'GET', path: '/orders', access: 'public', answer: { count: t.integer() } }),
    },
  })
  expect(() => openapi([orders, twin])).toThrow(
    'twins.list has the same method and path as orders.orders.listAll: GET /orders',
  )
})

test('a version that does not exist is refused, naming those that do', () => {
  for (const version of [0, 3, 1.5]) expect(() => openapi(REFERENCE, { version })).toThrow('use 1 to 2')
})
