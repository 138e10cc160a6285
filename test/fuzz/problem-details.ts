import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'

/** R-BODY-5: an error as RFC 9457 has it, of which the document says no more than when it comes. */
export function problemDetails(status: number): JsonSchema {
  return {
    type: 'object',
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { const: status },
      detail: { type: 'string' },
      code: { type: 'string' },
      details: {
        type: 'array',
        items: {
          type: 'object',
          properties: { field: { type: 'string' }, message: { type: 'string' } },
          required: ['field', 'message'],
        },
      },
      requestId: { type: 'string' },
    },
    required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  }
}
