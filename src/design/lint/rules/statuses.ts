import { type ApiOperation, type ApiResponse, answers } from '../../openapi/document.ts'
import { children, fieldsOf } from '../../openapi/spot.ts'
import type { LintRule } from '../rule.ts'
import { isSecured, requirementsOf } from './security.ts'

export const statusRules: readonly LintRule[] = [
  {
    id: 'R-REST-4/known-status',
    severity: 'warn',
    reason: 'Clients, proxies and dashboards treat a status that nobody registered as they please.',
    hint: 'Use a status that is registered for what happened, such as 409, 412, 422 or 503.',
    check: ({ operations }, report) => {
      for (const { responses } of operations)
        for (const { status, spot } of responses)
          if (/^\d+$/.test(status) && !REGISTERED.has(Number(status)))
            report(spot, `has the status ${status}, which is not registered`)
    },
  },
  {
    id: 'R-REST-4/invalid-input',
    severity: 'warn',
    reason: 'Whatever takes input rejects some of it: clients must know how.',
    hint: 'Declare 400 (and 422 for what is valid but cannot be done).',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (takesInput(operation) && !answers(operation, 400) && !answers(operation, 422) && !hasDefault(operation))
          report(operation.spot, 'takes input and declares no 400')
    },
  },
  {
    id: 'R-REST-4/unauthenticated',
    severity: 'error',
    reason: 'Whoever needs credentials meets a token that has expired: 401 is what tells a client to renew it.',
    hint: 'Declare 401 with WWW-Authenticate.',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (isSecured(operation) && !answers(operation, 401) && !hasDefault(operation))
          report(operation.spot, 'needs credentials and declares no 401')
    },
  },
  {
    id: 'R-REST-4/forbidden',
    severity: 'warn',
    reason:
      'Where scopes, roles or owners decide, valid credentials may not be enough: 403 says that renewing them is no use.',
    hint: 'Declare 403.',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (asksForRights(operation) && !answers(operation, 403) && !hasDefault(operation))
          report(operation.spot, 'asks for scopes or roles and declares no 403')
    },
  },
  {
    id: 'R-REST-4/not-found',
    severity: 'error',
    reason: 'Every id may be one that does not exist, or no longer.',
    hint: 'Declare 404.',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (
          operation.path.template.includes('{') &&
          !answers(operation, 404) &&
          !answers(operation, 410) &&
          !hasDefault(operation)
        )
          report(operation.spot, 'has an id in its path and declares no 404')
    },
  },
  {
    id: 'R-REST-4/too-many',
    habit: 'hardly ever declares 429',
    places: ({ operations }) => operations.filter((one) => !isInfrastructure(one)).length,
    severity: 'warn',
    reason:
      'Every public API limits its callers: a client that does not expect 429 retries at once, and makes it worse.',
    hint: 'Declare 429 with Retry-After.',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (!isInfrastructure(operation) && !answers(operation, 429) && !hasDefault(operation))
          report(operation.spot, 'declares no 429')
    },
  },
  {
    id: 'R-REST-4/retry-after',
    severity: 'warn',
    reason: 'Without Retry-After clients guess, and come back together.',
    hint: 'Declare the header Retry-After on 429 and 503.',
    check: ({ operations }, report) => {
      for (const { responses } of operations)
        for (const { status, headers, spot } of responses)
          if ((status === '429' || status === '503') && !headers.has('retry-after'))
            report(spot, `has ${status} without Retry-After`)
    },
  },
  {
    id: 'R-REST-4/www-authenticate',
    severity: 'warn',
    reason: 'A 401 has to say which credentials would do (RFC 9110 15.5.2).',
    hint: 'Declare the header WWW-Authenticate on 401.',
    check: ({ operations }, report) => {
      for (const { responses } of operations)
        for (const { status, headers, spot } of responses)
          if (status === '401' && !headers.has('www-authenticate')) report(spot, 'has 401 without WWW-Authenticate')
    },
  },
  {
    id: 'R-REST-7/request-id',
    habit: 'hardly ever declares X-Request-Id',
    places: ({ operations }) => operations.flatMap(({ responses }) => responses).length,
    severity: 'warn',
    reason: 'An id of each request in its answer is what support and logs go by.',
    hint: 'Declare the header X-Request-Id on every answer.',
    check: ({ operations }, report) => {
      for (const { responses } of operations)
        for (const response of responses) if (!namesRequest(response)) report(response.spot, 'has no X-Request-Id')
    },
  },
]

function hasDefault({ responses }: ApiOperation): boolean {
  return responses.some(({ status }) => status === 'default')
}

function takesInput({ body, parameters }: ApiOperation): boolean {
  return body !== undefined || parameters.some((one) => one.in === 'query')
}

/** Scopes, or access that is said in words of ours. */
function asksForRights(operation: ApiOperation): boolean {
  const { 'x-lintel-access': access } = fieldsOf(operation.spot)
  if (typeof access === 'string')
    return isSecured(operation) && !/\bauthenticated\b/.test(access) && answersFor(operation, access)
  return (
    isSecured(operation) &&
    requirementsOf(operation).some((one) => children(one).some(([, scopes]) => children(scopes).length > 0))
  )
}

/** A list at the root shows owners their own rows: nobody is turned away. */
function answersFor({ path }: ApiOperation, access: string): boolean {
  return !access.includes('owner') || path.template.includes('{')
}

/** Health checks, keys and documents are not limited. */
function isInfrastructure({ path }: ApiOperation): boolean {
  return /^\/(\.well-known|health|healthz|metrics|ready|live)\b|\.(json|ya?ml)$/.test(path.template)
}

function namesRequest({ headers }: ApiResponse): boolean {
  return (
    ['x-request-id', 'request-id', 'x-correlation-id', 'traceparent'].some((name) => headers.has(name)) ||
    [...headers.keys()].some((name) => name.endsWith('request-id'))
  )
}

/** IANA, without those that are unassigned. */
const REGISTERED = new Set([
  100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 425,
  426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
])
