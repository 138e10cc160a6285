import { isParameter, jsonOf, operationIdOf, successes } from '../../openapi/document.ts'
import { below, fieldsOf, has } from '../../openapi/spot.ts'
import type { LintRule } from '../rule.ts'

export const methodRules: readonly LintRule[] = [
  {
    id: 'R-REST-2/request-body',
    severity: 'error',
    reason:
      'A body on GET, HEAD or DELETE has no meaning (RFC 9110 9.3): proxies drop it, and some clients cannot send it.',
    hint: 'Move what it says into the path or the query, or use POST.',
    check: ({ operations }, report) => {
      for (const { method, body, spot } of operations)
        if (body && ['get', 'head', 'delete'].includes(method))
          report(below(spot, 'requestBody'), `gives ${method.toUpperCase()} a body`)
    },
  },
  {
    id: 'R-REST-2/patch-type',
    severity: 'warn',
    reason: 'What a PATCH means is said by its media type: JSON Merge Patch (RFC 7396) is what clients expect.',
    hint: 'Take application/merge-patch+json, application/json, or both.',
    check: ({ operations }, report) => {
      for (const { method, body, spot } of operations)
        if (
          method === 'patch' &&
          body &&
          body.content.length > 0 &&
          !body.content.some(({ type }) => PATCHES.test(type))
        )
          report(below(spot, 'requestBody'), `takes ${body.content.map(({ type }) => type).join(', ')} for PATCH`)
    },
  },
  {
    id: 'R-REST-2/answer',
    severity: 'warn',
    reason: 'GET is there to read something: without a body in the document no client knows what.',
    hint: 'Describe the content of the 200, or use 204 and another method.',
    check: ({ operations }, report) => {
      for (const { method, responses } of operations)
        for (const { status, content, spot } of responses)
          if (method === 'get' && status === '200' && content.length === 0) report(spot, 'is a GET without content')
    },
  },
  {
    id: 'R-REST-3/success-declared',
    severity: 'error',
    reason: 'Clients are generated from what success looks like.',
    hint: 'Declare the status of success: 200, 201 with Location, 202 or 204.',
    check: ({ operations }, report) => {
      for (const { responses, spot } of operations)
        if (!responses.some(({ status }) => /^[123]|^default$/.test(status))) report(spot, 'declares no success')
    },
  },
  {
    id: 'R-REST-3/success-status',
    severity: 'error',
    reason:
      'Clients and proxies act on the status alone: 201 says that there is something new, 204 that no body follows.',
    hint: 'GET 200; POST to a collection 201 (202 where it is done later); PUT and PATCH 200; DELETE 204; an operation below a thing 200, 201, 202 or 204.',
    check: ({ operations, paths }, report) => {
      const members = new Set(
        paths
          .filter(({ segments }) => isParameter(segments.at(-1) ?? ''))
          .map(({ template }) => template.slice(0, template.lastIndexOf('/'))),
      )
      for (const operation of operations) {
        const { method, path } = operation
        const isMember = isParameter(path.segments.at(-1) ?? '')
        const creates = !isMember && members.has(path.template) && isCreate(operation)
        const allowed = statusesOf(method, isMember, creates)
        // A route of a contract declares what its handler sends.
        if (!allowed || fieldsOf(operation.spot)['x-lintel-route'] === true) continue
        for (const { status, spot } of successes(operation))
          if (status !== '2XX' && !allowed.includes(status))
            report(spot, `answers ${method.toUpperCase()} with ${status}: expected ${inWords(allowed)}`)
      }
    },
  },
  {
    id: 'R-REST-3/location',
    severity: 'error',
    reason: 'Location is how a client learns where the new thing is (RFC 9110 15.3.2).',
    hint: 'Declare the header Location on the 201.',
    check: ({ operations }, report) => {
      for (const { responses } of operations)
        for (const { status, headers, spot } of responses)
          if (status === '201' && !headers.has('location')) report(spot, 'has 201 without a Location header')
    },
  },
  {
    id: 'R-REST-3/no-content',
    severity: 'error',
    reason: '204 and 304 end with their headers: a body would be read as the next answer.',
    hint: 'Remove the content, or answer 200.',
    check: ({ operations }, report) => {
      for (const { responses } of operations)
        for (const { status, content, spot } of responses)
          if (
            (status === '204' || status === '304') &&
            content.some(({ schema }) => schema && Object.keys(fieldsOf(schema)).length > 0)
          )
            report(spot, `has ${status} with content`)
    },
  },
  {
    id: 'R-REST-5/created-by-put',
    severity: 'warn',
    reason: 'Ids are made by the server: a PUT that may also create hides typing mistakes in ids.',
    hint: 'Create with POST to the collection; answer PUT to an unknown id with 404.',
    check: ({ operations }, report) => {
      for (const { method, responses } of operations)
        for (const { status, spot } of responses)
          if (method === 'put' && status === '201') report(spot, 'creates with PUT')
    },
  },
]

const PATCHES = /^application\/((merge-patch\+|json-patch\+)?json|.+\+json)(;|$)/

function statusesOf(method: string, isMember: boolean, creates: boolean): string[] | undefined {
  switch (method) {
    case 'get':
    case 'head':
      return ['200', '202', '206']
    case 'post':
      return creates ? ['201', '202'] : ['200', '201', '202', '204']
    case 'put':
      return isMember ? ['200', '201', '202'] : ['200', '201', '202', '204']
    case 'patch':
      return isMember ? ['200', '202'] : ['200', '202', '204']
    case 'delete':
      return ['202', '204']
    default:
      return undefined
  }
}

/** Not a search, and not a batch: what is named so, and what answers with a list, makes nothing. */
function isCreate(operation: Parameters<typeof operationIdOf>[0]): boolean {
  if (operation.method !== 'post') return false
  if (/search|query|find|batch|bulk|list/i.test(operationIdOf(operation) ?? '')) return false
  return !successes(operation).some(({ content }) => {
    const json = jsonOf(content)
    return json !== undefined && (fieldsOf(json).type === 'array' || has(json, 'items'))
  })
}

function inWords(statuses: readonly string[]): string {
  return statuses.length === 1 ? statuses[0]! : `${statuses.slice(0, -1).join(', ')} or ${statuses.at(-1)}`
}
