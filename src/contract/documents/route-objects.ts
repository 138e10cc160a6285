import type { Contract } from '../contract.ts'
import type { Operation } from '../operation.ts'
import type { ServedRoute } from '../served-route.ts'
import type { Draft } from './draft.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Reference, RequestBody, ResponseObject } from './openapi-types.ts'
import { byStatus, headerRefs, problemResponse, rateHeaders, sharedProblem } from './responses.ts'

/** What a route takes besides what its parameters say. */
export const ROUTE_SENTENCE =
  'Not part of the versioned API: it is the same in every version, and query parameters are its own.'

/** Of any bytes the schema says nothing (OpenAPI 3.1, 4.8.14.3); a form has names with texts. */
export function routeBody({ types, maxBytes }: NonNullable<ServedRoute['body']>): RequestBody {
  return {
    description: `At most ${maxBytes} bytes.`,
    required: false,
    content: Object.fromEntries(types.map((type) => [type, { schema: type === FORM ? FORM_SCHEMA : {} }])),
  }
}

const FORM = 'application/x-www-form-urlencoded'
const FORM_SCHEMA: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } }

/** What its handler answers by status, and each problem that it can have; of one status it may be either. */
export function routeResponses(
  contract: Contract,
  operation: Operation,
  draft: Draft,
): Record<string, ResponseObject | Reference> {
  const { shared, version } = draft
  const { answers } = operation.route!
  const problems = byStatus(contract, operation.facts.codes(version))
  const responses: Record<string, ResponseObject | Reference> = {}
  for (const [status, types] of Object.entries(answers)) {
    const codes = problems.get(Number(status))
    const problem = codes && problemResponse(contract, Number(status), codes, shared)
    const own = Object.fromEntries(types.map((type) => [type, { schema: {} }]))
    const content = { ...problem?.content, ...own }
    responses[status] = {
      description: ['Answered by its handler.', ...(problem ? [problem.description] : [])].join(' '),
      ...(codes && { 'x-lintel-codes': codes }),
      headers: problem?.headers ?? headerRefs(['X-Request-Id', ...rateHeaders(operation)], shared),
      ...(Object.keys(content).length > 0 && { content }),
    }
  }
  for (const [status, codes] of problems) responses[status] ??= sharedProblem(contract, status, codes, shared)
  return responses
}
