import { expect, test } from 'vitest'
import { cleanDocument } from '../../../test/design/clean-document.ts'
import { readSource } from '../source/source.ts'
import { NO_CONFIG } from './config.ts'
import { lint } from './lint.ts'
import { LINT_RULES } from './rules.ts'

type Change = (document: any) => void

/** Each rule with a change that breaks it, and where it then says so. */
const BROKEN: readonly [rule: string, change: Change, pointer: string][] = [
  ['R-P-2/operation-id', ({ paths }) => delete paths['/books'].get.operationId, '#/paths/~1books/get'],
  [
    'R-P-2/operation-id',
    ({ paths }) => (paths['/books'].post.operationId = 'listBooks'),
    '#/paths/~1books/post/operationId',
  ],
  ['R-P-2/described', ({ paths }) => delete paths['/books'].get.summary, '#/paths/~1books/get'],
  [
    'R-P-2/reference',
    ({ components }) => (components.schemas.BookList.properties.data.items.$ref = '#/components/schemas/Bok'),
    '#/components/schemas/BookList/properties/data/items',
  ],
  ['R-REST-1/verb', move('/books', '/get-books'), '#/paths/~1get-books'],
  ['R-REST-1/verb', move('/books/{id}', '/books/{id}/cancel'), '#/paths/~1books~1{id}~1cancel'],
  ['R-REST-1/verb', move('/books', '/createBook'), '#/paths/~1createBook'],
  ['R-REST-1/plural', move('/books/{id}', '/book/{id}'), '#/paths/~1book~1{id}'],
  ['R-REST-1/kebab-case', move('/books', '/bookShelves'), '#/paths/~1bookShelves'],
  ['R-REST-1/slash', move('/books', '/books/'), '#/paths/~1books~1'],
  ['R-REST-1/query-in-path', move('/books', '/books?all'), '#/paths/~1books?all'],
  [
    'R-REST-1/same-path',
    ({ paths }) => (paths['/books/{isbn}'] = { parameters: [{ ...paths['/books/{id}'].parameters[0], name: 'isbn' }] }),
    '#/paths/~1books~1{isbn}',
  ],
  ['R-REST-1/path-parameters', ({ paths }) => delete paths['/books/{id}'].parameters, '#/paths/~1books~1{id}/get'],
  [
    'R-REST-1/camel-case-parameter',
    ({ paths }) => (paths['/books'].get.parameters[3].name = 'price_min'),
    '#/paths/~1books/get/parameters/3',
  ],
  [
    'R-REST-1/camel-case-property',
    ({ components }) => (components.schemas.Book.properties.sub_title = { type: 'string' }),
    '#/components/schemas/Book/properties/sub_title',
  ],
  ['R-REST-1/parameter-after-collection', move('/books/{id}', '/books/{shop}/{id}'), '#/paths/~1books~1{shop}~1{id}'],
  [
    'R-REST-1/depth',
    move('/books/{id}', '/shops/{s}/shelves/{t}/rows/{r}/books/{id}'),
    '#/paths/~1shops~1{s}~1shelves~1{t}~1rows~1{r}~1books~1{id}',
  ],
  [
    'R-REST-2/request-body',
    ({ paths }) => (paths['/books/{id}'].delete.requestBody = paths['/books'].post.requestBody),
    '#/paths/~1books~1{id}/delete/requestBody',
  ],
  [
    'R-REST-2/patch-type',
    ({ paths }) => (paths['/books/{id}'].patch.requestBody.content = { 'text/plain': { schema: { type: 'string' } } }),
    '#/paths/~1books~1{id}/patch/requestBody',
  ],
  [
    'R-REST-2/answer',
    ({ paths }) => delete paths['/books/{id}'].get.responses[200].content,
    '#/paths/~1books~1{id}/get/responses/200',
  ],
  [
    'R-REST-3/success-declared',
    ({ paths }) => delete paths['/books/{id}'].delete.responses[204],
    '#/paths/~1books~1{id}/delete',
  ],
  [
    'R-REST-3/success-status',
    ({ paths }) => rename(paths['/books'].post.responses, '201', '200'),
    '#/paths/~1books/post/responses/200',
  ],
  [
    'R-REST-3/success-status',
    ({ paths }) => rename(paths['/books/{id}'].delete.responses, '204', '200'),
    '#/paths/~1books~1{id}/delete/responses/200',
  ],
  [
    'R-REST-3/location',
    ({ paths }) => delete paths['/books'].post.responses[201].headers.Location,
    '#/paths/~1books/post/responses/201',
  ],
  [
    'R-REST-3/no-content',
    ({ paths }) =>
      (paths['/books/{id}'].delete.responses[204].content = paths['/books/{id}'].get.responses[200].content),
    '#/paths/~1books~1{id}/delete/responses/204',
  ],
  ['R-REST-5/created-by-put', put({ 201: created() }), '#/paths/~1books~1{id}/put/responses/201'],
  [
    'R-REST-4/known-status',
    ({ paths }) => rename(paths['/books'].get.responses, '400', '499'),
    '#/paths/~1books/get/responses/499',
  ],
  ['R-REST-4/invalid-input', ({ paths }) => delete paths['/books'].get.responses[400], '#/paths/~1books/get'],
  ['R-REST-4/unauthenticated', ({ paths }) => delete paths['/books'].get.responses[401], '#/paths/~1books/get'],
  [
    'R-REST-4/forbidden',
    ({ paths, security }) => {
      security[0].bearer.push('books:read')
      delete paths['/books'].get.responses[403]
    },
    '#/paths/~1books/get',
  ],
  ['R-REST-4/not-found', ({ paths }) => delete paths['/books/{id}'].get.responses[404], '#/paths/~1books~1{id}/get'],
  ['R-REST-4/too-many', ({ paths }) => delete paths['/books'].get.responses[429], '#/paths/~1books/get'],
  [
    'R-REST-4/retry-after',
    ({ components }) => delete components.responses.TooMany.headers['Retry-After'],
    '#/paths/~1books/get/responses/429',
  ],
  [
    'R-REST-4/www-authenticate',
    ({ components }) => delete components.responses.Unauthenticated.headers['WWW-Authenticate'],
    '#/paths/~1books/get/responses/401',
  ],
  [
    'R-REST-7/request-id',
    ({ paths }) => (paths['/books'].get.responses[200].headers = { Link: { schema: { type: 'string' } } }),
    '#/paths/~1books/get/responses/200',
  ],
  ['R-BODY-1/opaque-id', property('id', { type: 'integer' }), '#/components/schemas/Book/properties/id'],
  ['R-BODY-2/time-format', property('createdAt', { type: 'string' }), '#/components/schemas/Book/properties/createdAt'],
  ['R-BODY-2/time-format', property('soldAt', { type: 'integer' }), '#/components/schemas/Book/properties/soldAt'],
  [
    'R-BODY-2/created-updated',
    ({ components }) => delete components.schemas.Book.properties.updatedAt,
    '#/components/schemas/Book',
  ],
  [
    'R-BODY-3/currency',
    ({ components }) => delete components.schemas.Book.properties.currency,
    '#/components/schemas/Book/properties/price',
  ],
  [
    'R-BODY-3/exact-money',
    property('price', { type: 'number', format: 'float' }),
    '#/components/schemas/Book/properties/price',
  ],
  [
    'R-BODY-4/closed-request',
    ({ components }) => delete components.schemas.BookInput.additionalProperties,
    '#/components/schemas/BookInput',
  ],
  ['R-BODY-4/typed', property('title', { description: 'Anything.' }), '#/components/schemas/Book/properties/title'],
  [
    'R-BODY-7/schema',
    ({ paths }) => (paths['/books/{id}'].get.responses[200].content = { 'application/json': {} }),
    '#/paths/~1books~1{id}/get/responses/200',
  ],
  [
    'R-BODY-7/secret',
    property('passwordHash', { type: 'string' }),
    '#/components/schemas/Book/properties/passwordHash',
  ],
  [
    'R-BODY-5/error-body',
    ({ components }) => delete components.responses.NotFound.content,
    '#/paths/~1books~1{id}/get/responses/404',
  ],
  [
    'R-BODY-5/envelope',
    ({ components }) => (components.schemas.Error = { type: 'object', properties: { fault: { type: 'string' } } }),
    '#/components/schemas/Error',
  ],
  [
    'R-BODY-5/one-envelope',
    ({ components }) =>
      (components.responses.Conflict.content = {
        'application/json': {
          schema: { type: 'object', properties: { code: { type: 'string' }, message: { type: 'string' } } },
        },
      }),
    '#/components/responses/Conflict/content/application~1json/schema',
  ],
  [
    'R-BODY-6/code',
    ({ components }) => (components.schemas.Error.properties.error.properties.code.enum = ['notFound']),
    '#/components/schemas/Error/properties/error/properties/code',
  ],
  ['R-PAGE-1/paged', ({ paths }) => paths['/books'].get.parameters.splice(0, 2), '#/paths/~1books/get'],
  [
    'R-PAGE-1/limit-bounds',
    ({ paths }) => delete paths['/books'].get.parameters[0].schema.maximum,
    '#/paths/~1books/get/parameters/0',
  ],
  [
    'R-PAGE-1/names',
    ({ paths }) => (paths['/books'].get.parameters[0].name = 'pageSize'),
    '#/paths/~1books/get/parameters/0',
  ],
  [
    'R-PAGE-2/cursor',
    ({ paths }) => (paths['/books'].get.parameters[1].name = 'page'),
    '#/paths/~1books/get/parameters/1',
  ],
  [
    'R-PAGE-3/envelope',
    ({ paths, components }) =>
      (paths['/books'].get.responses[200].content['application/json'].schema =
        components.schemas.BookList.properties.data),
    '#/paths/~1books/get/responses/200',
  ],
  [
    'R-PAGE-3/link',
    ({ paths }) => delete paths['/books'].get.responses[200].headers.Link,
    '#/paths/~1books/get/responses/200',
  ],
  [
    'R-FILTER-1/names',
    ({ paths }) => (paths['/books'].get.parameters[3].name = 'minPrice'),
    '#/paths/~1books/get/parameters/3',
  ],
  [
    'R-FILTER-2/typed',
    ({ paths }) => (paths['/books'].get.parameters[3].schema = {}),
    '#/paths/~1books/get/parameters/3',
  ],
  [
    'R-FILTER-2/open-query',
    ({ paths }) => (paths['/books'].get.parameters[3].schema = { type: 'object' }),
    '#/paths/~1books/get/parameters/3',
  ],
  [
    'R-SORT-1/names',
    ({ paths }) => (paths['/books'].get.parameters[2].name = 'orderBy'),
    '#/paths/~1books/get/parameters/2',
  ],
  [
    'R-SORT-1/declared',
    ({ paths }) => delete paths['/books'].get.parameters[2].schema.pattern,
    '#/paths/~1books/get/parameters/2',
  ],
  [
    'R-FIELDS-1/declared',
    ({ paths }) => paths['/books'].get.parameters.push({ name: 'fields', in: 'query', schema: { type: 'string' } }),
    '#/paths/~1books/get/parameters/4',
  ],
  [
    'R-LOCK-1/etag',
    ({ paths }) => delete paths['/books/{id}'].get.responses[200].headers.ETag,
    '#/paths/~1books~1{id}/get/responses/200',
  ],
  ['R-LOCK-2/conditional', ({ paths }) => delete paths['/books/{id}'].patch.parameters, '#/paths/~1books~1{id}/patch'],
  ['R-LOCK-2/conflict', ({ paths }) => delete paths['/books/{id}'].patch.responses[412], '#/paths/~1books~1{id}/patch'],
  ['R-LOCK-3/not-modified', ({ paths }) => delete paths['/books/{id}'].get.responses[304], '#/paths/~1books~1{id}/get'],
  ['R-IDEM-1/key', ({ paths }) => delete paths['/books'].post.parameters, '#/paths/~1books/post'],
  ['R-IDEM-2/conflict', ({ paths }) => delete paths['/books'].post.responses[422], '#/paths/~1books/post'],
  ['R-VER-1/place', move('/books', '/books/v2'), '#/paths/~1books~1v2'],
  ['R-VER-3/sunset', ({ paths }) => (paths['/books'].get.deprecated = true), '#/paths/~1books/get'],
  ['R-AUTH-8/security-stated', (document) => delete document.security, '#/paths/~1books/get'],
  ['R-AUTH-8/scheme-declared', (document) => (document.security = [{ basic: [] }]), '#/security/0'],
  [
    'R-AUTH-8/key-in-query',
    ({ components }) => (components.securitySchemes.bearer = { type: 'apiKey', in: 'query', name: 'key' }),
    '#/components/securitySchemes/bearer',
  ],
]

test('a document that breaks no rule has no findings', () => {
  expect(findingsIn(cleanDocument())).toEqual([])
})

test.each(BROKEN)('%s is reported where it is broken', (rule, change, pointer) => {
  const document = cleanDocument()
  change(document)
  expect(findingsIn(document)).toContainEqual([rule, pointer])
})

test('every rule is broken above, and no other', () => {
  expect([...new Set(BROKEN.map(([rule]) => rule))].sort()).toEqual(LINT_RULES.map(({ id }) => id).sort())
})

test('every rule has an id of its own, and says why and what to do in one sentence each', () => {
  expect(new Set(LINT_RULES.map(({ id }) => id)).size).toBe(LINT_RULES.length)
  for (const { id, reason, hint, habit, places } of LINT_RULES) {
    expect(reason, id).toMatch(/^[A-Z0-9].*[.]$/)
    expect(hint, id).toMatch(/^[A-Z0-9].*[.]$/)
    expect(habit === undefined, id).toBe(places === undefined)
  }
})

function findingsIn(document: object): [string, string][] {
  const source = readSource('books.json', JSON.stringify(document))
  return lint(source, () => 'does not exist', NO_CONFIG).map(({ rule, pointer }) => [rule.id, pointer])
}

function move(from: string, to: string): Change {
  return ({ paths }) => rename(paths, from, to)
}

function rename(holder: Record<string, unknown>, from: string, to: string): void {
  holder[to] = holder[from]
  delete holder[from]
}

function property(name: string, schema: object): Change {
  return ({ components }) => {
    components.schemas.Book.properties[name] = schema
  }
}

function put(responses: object): Change {
  return ({ paths }) => {
    paths['/books/{id}'].put = { ...paths['/books/{id}'].patch, operationId: 'putBook', responses }
  }
}

function created(): object {
  return { description: 'Created.', headers: { Location: { schema: { type: 'string' } } } }
}
