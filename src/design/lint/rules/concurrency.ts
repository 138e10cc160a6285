import { type ApiOperation, answers, isParameter, jsonOf, parameterOf, successes } from '../../openapi/document.ts'
import { fieldsOf } from '../../openapi/spot.ts'
import type { LintedDocument, LintRule } from '../rule.ts'

export const concurrencyRules: readonly LintRule[] = [
  {
    id: 'R-LOCK-1/etag',
    severity: 'warn',
    reason: 'The version of what was read is what a later change is made conditional upon.',
    hint: 'Declare the header ETag on the 200 of a resource that has a version.',
    check: (document, report) => {
      for (const { operation, version } of reads(document)) {
        const success = operation.responses.find(({ status }) => status === '200')
        if (success && version && !success.headers.has('etag'))
          report(success.spot, 'shows a version without an ETag header')
      }
    },
  },
  {
    id: 'R-LOCK-2/conditional',
    habit: 'changes things unconditionally',
    places: (document) => changes(document).length,
    severity: 'warn',
    reason: 'Two people who edit the same thing overwrite each other in silence.',
    hint: 'Take If-Match on PUT and PATCH, or `version` in their bodies.',
    check: (document, report) => {
      for (const operation of changes(document))
        if (!takesIfMatch(operation) && !takesVersion(document, operation))
          report(operation.spot, 'changes a thing unconditionally')
    },
  },
  {
    id: 'R-LOCK-2/conflict',
    severity: 'warn',
    reason: 'Whoever makes a change conditional has to know how a refusal looks.',
    hint: 'Declare 412 for If-Match, 409 for `version` in the body.',
    check: (document, report) => {
      for (const operation of document.operations) {
        if (takesIfMatch(operation) && !answers(operation, 412))
          report(operation.spot, 'takes If-Match and declares no 412')
        if (isChange(operation) && takesVersion(document, operation) && !answers(operation, 409))
          report(operation.spot, 'takes a version and declares no 409')
      }
    },
  },
  {
    id: 'R-LOCK-3/not-modified',
    severity: 'warn',
    reason: 'If-None-Match saves the body of what has not changed.',
    hint: 'Declare 304 where If-None-Match is taken.',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (
          operation.method === 'get' &&
          parameterOf(operation, 'header', /^if-none-match$/i) &&
          !answers(operation, 304)
        )
          report(operation.spot, 'takes If-None-Match and declares no 304')
    },
  },
  {
    id: 'R-IDEM-1/key',
    habit: 'takes no Idempotency-Key',
    places: ({ operations }) => operations.filter(makesSomething).length,
    severity: 'warn',
    reason: 'An answer may be lost on its way: without a key the client cannot repeat a POST without doing it twice.',
    hint: 'Take the header Idempotency-Key on POST.',
    check: ({ operations }, report) => {
      for (const operation of operations)
        if (makesSomething(operation) && !parameterOf(operation, 'header', KEY))
          report(operation.spot, 'is a POST that cannot be repeated safely')
    },
  },
  {
    id: 'R-IDEM-2/conflict',
    severity: 'warn',
    reason: 'A key that is used for another request, or while the first still runs, is refused: clients must know how.',
    hint: 'Declare 409 (still running) and 422 (another request) where Idempotency-Key is taken.',
    check: ({ operations }, report) => {
      for (const operation of operations) {
        if (!parameterOf(operation, 'header', KEY)) continue
        const missing = [409, 422].filter((status) => !answers(operation, status))
        if (missing.length > 0) report(operation.spot, `takes Idempotency-Key and declares no ${missing.join(' and ')}`)
      }
    },
  },
]

const KEY = /^(x-)?idempotency-key$/i

function reads(document: LintedDocument) {
  return document.operations
    .filter(({ method, path }) => method === 'get' && isParameter(path.segments.at(-1) ?? ''))
    .map((operation) => {
      const schema = jsonOf(operation.responses.find(({ status }) => status === '200')?.content)
      const version = schema && document.schemas.flat(schema).properties.get('version')
      return { operation, version: version !== undefined && document.schemas.flat(version).types.has('integer') }
    })
}

function isChange({ method, path }: ApiOperation): boolean {
  return (method === 'put' || method === 'patch') && isParameter(path.segments.at(-1) ?? '')
}

/** Of things that can be read. What is known by a token in its path is used once. */
function changes({ operations }: LintedDocument): ApiOperation[] {
  const readable = new Set(
    operations
      .filter((one) => one.method === 'get' && successes(one).some(({ content }) => jsonOf(content)))
      .map(({ path }) => path.template),
  )
  return operations.filter((one) => isChange(one) && readable.has(one.path.template))
}

function takesIfMatch(operation: ApiOperation): boolean {
  return parameterOf(operation, 'header', /^if-match$/i) !== undefined
}

function takesVersion({ schemas }: LintedDocument, { body }: ApiOperation): boolean {
  const json = jsonOf(body?.content)
  return json !== undefined && schemas.flat(json).properties.has('version')
}

/** Not signing in, which is meant to be done anew, nor what only reads. */
function makesSomething(operation: ApiOperation): boolean {
  const { method, path, spot } = operation
  if (method !== 'post' || /\/(auth|oauth2?|login|logout|tokens?|sessions?|search|query)(\/|$)/.test(path.template))
    return false
  // A route of the contract answers for itself, pages and files among them.
  if (fieldsOf(spot)['x-lintel-route'] === true) return false
  return successes(operation).some(({ content }) => content.length === 0 || jsonOf(content))
}
