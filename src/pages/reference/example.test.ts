import { expect, test } from 'vitest'
import { exampleOf } from './example.ts'
import { resolverOf } from './resolve.ts'

const resolve = resolverOf({
  schemas: { Id: { type: 'string', pattern: '^ord_', examples: ['ord_01h455vb4pex5vsknk084sn02q'] } },
  parameters: {},
  headers: {},
  responses: {},
  securitySchemes: {},
})
const id = { $ref: '#/components/schemas/Id' }

test('an example has what is required, by the examples of the document or by type', () => {
  const schema = {
    type: 'object',
    properties: {
      orderId: id,
      note: { type: 'string' },
      lines: { type: 'array', items: { type: 'object', properties: { quantity: { type: 'integer', minimum: 2 } } } },
      email: { type: 'string', format: 'email' },
      name: { type: 'string', examples: ['Ann'] },
      status: { enum: ['open', 'closed'] },
      share: { type: 'number', minimum: 0, maximum: 0.5 },
      parent: { anyOf: [id, { type: 'null' }] },
    },
    required: ['orderId', 'lines', 'email', 'name', 'status', 'share', 'parent'],
  }
  expect(exampleOf(schema, resolve)).toEqual({
    orderId: 'ord_01h455vb4pex5vsknk084sn02q',
    lines: [{ quantity: 2 }],
    email: 'ann@example.com',
    name: 'Ann',
    status: 'open',
    share: 0.5,
    parent: 'ord_01h455vb4pex5vsknk084sn02q',
  })
})

test('where nothing is required it has all that may be written, but what only some roles may', () => {
  const properties = {
    id: { ...id, readOnly: true },
    title: { type: 'string', minLength: 6 },
    done: { type: ['boolean', 'null'] },
    price: { type: 'number', 'x-lintel-only': ['admin'] },
  }
  expect(exampleOf({ type: 'object', properties }, resolve)).toEqual({ title: 'text..', done: false })
})
