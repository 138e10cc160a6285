import type { Contract } from '../contract.ts'
import type { FieldSpec } from '../fields.ts'
import type { Operation } from '../operation.ts'
import type { Draft } from './draft.ts'
import { exampleAnswer, exampleId } from './examples.ts'
import { answerSchema, type JsonSchema } from './json-schema.ts'
import type { Header, Reference, ResponseObject } from './openapi-types.ts'
import { capital, pascalCase, schemaName } from './schema-names.ts'
import type { Shared } from './shared.ts'

type Responses = Record<string, ResponseObject | Reference>

/** Every answer of an operation in one version, by status: success, not modified, and each problem that it can have. */
export function responsesOf(
  contract: Contract,
  operation: Operation,
  shown: Readonly<Record<string, FieldSpec>> | undefined,
  draft: Draft,
): Responses {
  const { shared, version } = draft
  const headers = successHeaders(operation, draft)
  const responses: Responses = { [operation.status]: success(operation, shown, headers, draft) }
  if (operation.facts.answersNotModified) {
    const { ETag, 'Cache-Control': cacheControl, 'X-Request-Id': id, 'API-Version': of } = headers
    responses[304] = shared.add('responses', 'NotModified', {
      description: 'Nothing has changed since If-None-Match; no body.',
      headers: { ETag: ETag!, 'Cache-Control': cacheControl!, 'X-Request-Id': id!, 'API-Version': of! },
    })
  }
  for (const [status, codes] of byStatus(contract, operation.facts.codes(version)))
    responses[status] = sharedProblem(contract, status, codes, shared)
  return responses
}

function success(
  operation: Operation,
  shown: Readonly<Record<string, FieldSpec>> | undefined,
  headers: Record<string, Reference>,
  { shared, names, operationIds }: Draft,
): ResponseObject | Reference {
  const { id, status, service, verb, shows } = operation
  if (!shown || status === 204) {
    const none = { description: status === 204 ? 'Done; no body.' : 'Done.', headers }
    return status === 204 ? shared.add('responses', 'Done', none) : none
  }
  const one = exampleAnswer(shown)
  const answer = (schema: JsonSchema, description: string, example: object | undefined = one): ResponseObject => ({
    description,
    headers,
    content: { 'application/json': { schema, ...(example && { example }) } },
  })
  const key = operation.key ?? shows?.key
  const name = key === undefined ? `${capital(operationIds.get(id)!)}Answer` : schemaName(names, service, key)
  const whole = shared.add('schemas', name, answerSchema(shown, shared.idRef))
  switch (verb) {
    case 'create':
      return shared.add('responses', `${name}Created`, answer(whole, 'Created.'))
    case 'replace':
    case 'update':
      return shared.add('responses', `${name}Changed`, answer(whole, 'Changed.'))
    case 'get':
      return shared.add('responses', name, answer(whole, 'All of it, or the `fields` asked for.'))
    case 'list': {
      const list = shared.add('schemas', `${name}List`, listSchema(whole, shared))
      const page = one && {
        data: [one],
        pagination: { total: 1, page: 1, limit: 20, hasMore: false, nextCursor: null },
      }
      return shared.add(
        'responses',
        `${name}List`,
        answer(list, 'A page of the list; of each the `fields` asked for.', page),
      )
    }
    default:
      return answer(whole, 'Done.')
  }
}

/** R-PAGE-3 and R-PAGE-6. */
function listSchema(member: JsonSchema, shared: Shared): JsonSchema {
  const pagination = shared.add('schemas', 'Pagination', {
    type: 'object',
    properties: {
      total: { type: ['integer', 'null'], minimum: 0, description: 'How many rows there are; null with `count=none`.' },
      totalIsEstimate: { type: 'boolean', description: 'Whether `total` is an estimate.' },
      page: { type: 'integer', minimum: 1, description: 'In page mode only.' },
      limit: { type: 'integer', minimum: 1, maximum: 100 },
      hasMore: { type: 'boolean' },
      nextCursor: { type: ['string', 'null'], description: 'For `cursor`; null on the last page.' },
    },
    required: ['total', 'limit', 'hasMore', 'nextCursor'],
    unevaluatedProperties: false,
  })
  return {
    type: 'object',
    properties: { data: { type: 'array', items: member, maxItems: 100 }, pagination },
    required: ['data', 'pagination'],
    unevaluatedProperties: false,
  }
}

function successHeaders(operation: Operation, { deprecated, sunset, shared }: Draft): Record<string, Reference> {
  const { verb, facts, shows } = operation
  const resource = operation.resource ?? shows?.resource
  const names: (keyof typeof HEADERS)[] = ['X-Request-Id', 'API-Version']
  const hasVersion = resource?.versioned && verb !== 'list' && verb !== 'delete'
  if (hasVersion || facts.answersNotModified) names.push('ETag')
  if (operation.status === 201 && resource) names.push('Location')
  if (verb === 'list') names.push('Link')
  if (operation.method === 'GET') names.push('Cache-Control')
  if (facts.keepsAnswers) names.push('Idempotency-Replayed')
  if (deprecated !== undefined) names.push('Deprecation')
  if (sunset !== undefined) names.push('Sunset')
  return headerRefs([...names, ...rateHeaders(operation)], shared)
}

export function rateHeaders({ facts }: Operation): (keyof typeof HEADERS)[] {
  return facts.buckets === 'none' ? [] : ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset']
}

const RATE_HEADERS = [
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit',
  'RateLimit-Policy',
] as const

export function headerRefs(names: readonly (keyof typeof HEADERS)[], shared: Shared): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, shared.add('headers', name, HEADERS[name])]))
}

export function byStatus(contract: Contract, codes: readonly string[]): Map<number, string[]> {
  const statuses = new Map<number, string[]>()
  for (const code of codes) {
    const { status } = contract.problems[code]!
    statuses.set(status, [...(statuses.get(status) ?? []), code])
  }
  return new Map([...statuses].sort(([a], [b]) => a - b))
}

/** The same, told once for all operations that have these codes. */
export function sharedProblem(contract: Contract, status: number, codes: readonly string[], shared: Shared): Reference {
  const name = codes.map((code) => pascalCase(code.toLowerCase().replaceAll('_', '-'))).join('Or')
  return shared.add('responses', name, problemResponse(contract, status, codes, shared))
}

/** In the shape that arrives by default. Any other is said in words, in the document's introduction. */
export function problemResponse(
  contract: Contract,
  status: number,
  codes: readonly string[],
  shared: Shared,
): ResponseObject {
  const names: (keyof typeof HEADERS)[] = ['X-Request-Id']
  if (status === 401) names.push('WWW-Authenticate')
  if (status === 429) names.push(...RATE_HEADERS)
  if (status === 429 || status === 503 || codes.includes('IDEMPOTENCY_IN_PROGRESS')) names.push('Retry-After')
  return {
    description: codes.map((one) => `\`${one}\`: ${contract.problems[one]!.message}.`).join(' '),
    'x-lintel-codes': codes,
    headers: headerRefs(names, shared),
    content: {
      'application/json': {
        schema: shared.add('schemas', 'ErrorResponse', ERROR_RESPONSE),
        example: {
          error: { code: codes[0]!, message: contract.problems[codes[0]!]!.message, requestId: exampleId('req') },
        },
      },
    },
  }
}

/** R-BODY-5. `code` is no enum: a client that was made of this document must be able to read codes that came later. */
const ERROR_RESPONSE: JsonSchema = {
  type: 'object',
  description: 'Every error, whatever its status.',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', description: 'Stable; what programs go by.', examples: ['VALIDATION_ERROR'] },
        message: { type: 'string', description: 'For people.', examples: ['The request is not valid'] },
        details: {
          type: 'array',
          description: 'Every field at fault; only where one is.',
          items: {
            type: 'object',
            properties: {
              field: { type: 'string', description: 'Path of the field.', examples: ['items[0].quantity'] },
              message: { type: 'string', examples: ['must be at least 1'] },
            },
            required: ['field', 'message'],
          },
        },
        requestId: { type: 'string', description: 'As in X-Request-Id.', examples: [exampleId('req')] },
      },
      required: ['code', 'message', 'requestId'],
    },
  },
  required: ['error'],
}

const HEADERS = {
  'X-Request-Id': {
    description: "The caller's, or a new one.",
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
  },
  'API-Version': { description: 'The version that answered.', required: true, schema: { type: 'integer', minimum: 1 } },
  ETag: {
    description:
      'The version of what was shown, for If-Match and If-None-Match; of a list a weak tag, for If-None-Match alone.',
    required: true,
    schema: { type: 'string', examples: ['"3"'] },
  },
  'Cache-Control': {
    description:
      'How long it may be kept; with `no-cache` for as long as the server says 304. `public` without credentials, else `private`.',
    required: true,
    schema: { type: 'string', examples: ['private, no-cache'] },
  },
  Location: { description: 'Where it can be read.', required: true, schema: { type: 'string' } },
  Link: {
    description: 'Pages of this list (RFC 8288): first, next, prev.',
    required: true,
    schema: { type: 'string' },
  },
  'Idempotency-Replayed': {
    description: '`true` on the repeat of an answer that was given before.',
    schema: { type: 'string', enum: ['true'] },
  },
  Deprecation: { description: 'Since when this version is deprecated (RFC 9745).', schema: { type: 'string' } },
  Sunset: { description: 'When this version ends (RFC 8594).', schema: { type: 'string' } },
  'X-RateLimit-Limit': { description: 'Requests in a full bucket.', schema: { type: 'integer', minimum: 0 } },
  'X-RateLimit-Remaining': { description: 'Requests left.', schema: { type: 'integer', minimum: 0 } },
  'X-RateLimit-Reset': { description: 'When the bucket is full again, in Unix seconds.', schema: { type: 'integer' } },
  RateLimit: {
    description: 'Of each bucket what is left, and after how many seconds it is full again (IETF draft).',
    schema: { type: 'string', examples: ['"default";r=99;t=1'] },
  },
  'RateLimit-Policy': {
    description: 'Of each bucket how much it holds, and in how many seconds that flows back (IETF draft).',
    schema: { type: 'string', examples: ['"default";q=100;w=60'] },
  },
  'WWW-Authenticate': { description: 'Which credentials to send.', schema: { type: 'string', examples: ['Bearer'] } },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
} as const satisfies Record<string, Header>
