/** A small document that breaks no rule: tests change one thing of it. Made anew by each call. */
export function cleanDocument() {
  return structuredClone(DOCUMENT)
}

const header = (name: string) => ({ [name]: { schema: { type: 'string' } } })
const common = header('X-Request-Id')
const ref = (name: string) => ({ $ref: `#/components/responses/${name}` })
const error = (description: string, headers = {}) => ({
  description,
  headers: { ...common, ...headers },
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
})
const refusals = { 400: ref('Invalid'), 401: ref('Unauthenticated'), 403: ref('Forbidden'), 429: ref('TooMany') }
const book = { 'application/json': { schema: { $ref: '#/components/schemas/Book' } } }
const input = {
  required: true,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/BookInput' } } },
}
const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }
const query = (name: string, schema: object) => ({ name, in: 'query', schema })

const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Books', version: '1' },
  security: [{ bearer: [] as string[] }],
  paths: {
    '/books': {
      get: {
        operationId: 'listBooks',
        summary: 'List books',
        parameters: [
          query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 20 }),
          query('cursor', { type: 'string' }),
          query('sort', { type: 'string', pattern: '^-?title$' }),
          query('priceMin', { type: 'number' }),
        ],
        responses: {
          200: {
            description: 'A page.',
            headers: { ...common, ...header('Link') },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/BookList' } } },
          },
          ...refusals,
        },
      },
      post: {
        operationId: 'createBook',
        summary: 'Create a book',
        parameters: [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } }],
        requestBody: input,
        responses: {
          201: { description: 'Created.', headers: { ...common, ...header('Location') }, content: book },
          ...refusals,
          409: ref('Conflict'),
          422: ref('Conflict'),
        },
      },
    },
    '/books/{id}': {
      parameters: [id],
      get: {
        operationId: 'getBook',
        summary: 'Read a book',
        parameters: [{ name: 'If-None-Match', in: 'header', schema: { type: 'string' } }],
        responses: {
          200: { description: 'The book.', headers: { ...common, ...header('ETag') }, content: book },
          304: { description: 'Unchanged.', headers: common },
          ...refusals,
          404: ref('NotFound'),
        },
      },
      patch: {
        operationId: 'updateBook',
        summary: 'Change a book',
        parameters: [{ name: 'If-Match', in: 'header', schema: { type: 'string' } }],
        requestBody: input,
        responses: {
          200: { description: 'Changed.', headers: { ...common, ...header('ETag') }, content: book },
          ...refusals,
          404: ref('NotFound'),
          412: ref('Conflict'),
        },
      },
      delete: {
        operationId: 'deleteBook',
        summary: 'Delete a book',
        responses: { 204: { description: 'Deleted.', headers: common }, ...refusals, 404: ref('NotFound') },
      },
    },
  },
  components: {
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    responses: {
      Invalid: error('Invalid'),
      Unauthenticated: error('No token', header('WWW-Authenticate')),
      Forbidden: error('Not allowed'),
      NotFound: error('Not found'),
      Conflict: error('Conflict'),
      TooMany: error('Too many', header('Retry-After')),
    },
    schemas: {
      Error: {
        type: 'object',
        properties: {
          error: {
            type: 'object',
            properties: { code: { type: 'string', enum: ['NOT_FOUND'] }, message: { type: 'string' } },
          },
        },
      },
      Book: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          title: { type: 'string' },
          price: { type: 'number' },
          currency: { type: 'string' },
          version: { type: 'integer' },
          createdAt: { type: 'string', format: 'date-time' },
          updatedAt: { type: 'string', format: 'date-time' },
        },
      },
      BookInput: {
        type: 'object',
        properties: { title: { type: 'string' }, price: { type: 'number' } },
        additionalProperties: false,
      },
      BookList: {
        type: 'object',
        properties: {
          data: { type: 'array', items: { $ref: '#/components/schemas/Book' } },
          pagination: { type: 'object', properties: { total: { type: 'integer' } } },
        },
      },
    },
  },
}
