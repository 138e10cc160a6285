import { type ApiContent, type ApiResponse, isJson } from '../../openapi/document.ts'
import type { Spot } from '../../openapi/spot.ts'
import type { LintedDocument, LintRule } from '../rule.ts'

export const errorRules: readonly LintRule[] = [
  {
    id: 'R-BODY-5/error-body',
    severity: 'warn',
    reason: 'A status says what kind of thing went wrong; only a body says which, and which field.',
    hint: 'Describe a JSON body for 4xx and 5xx.',
    check: (document, report) => {
      for (const { status, content, spot } of errorsOf(document))
        if (content.length === 0) report(spot, `has ${status} without a body`)
    },
  },
  {
    id: 'R-BODY-5/envelope',
    severity: 'error',
    reason:
      'Programs go by a stable code and people by a message: an error without both is handled by comparing texts.',
    hint: 'Use {"error":{"code","message","details","requestId"}}, or RFC 9457 (application/problem+json).',
    check: (document, report) => {
      for (const [schema, responses] of errorSchemas(document))
        if (envelopeOf(document, schema) === undefined)
          report(schema, `is an error without a code and a message (${responses[0]!.status})`)
    },
  },
  {
    id: 'R-BODY-5/one-envelope',
    severity: 'error',
    reason: 'A client reads errors in one place of its code: each further shape is a special case.',
    hint: 'Use one shape for every error of the API.',
    check: (document, report) => {
      const byShape = new Map<string, Spot[]>()
      let uses = new Map<string, number>()
      for (const [schema, responses] of errorSchemas(document)) {
        const shape = shapeOf(document, schema)
        byShape.set(shape, [...(byShape.get(shape) ?? []), schema])
        uses = uses.set(shape, (uses.get(shape) ?? 0) + responses.length)
      }
      const [usual] = [...uses].sort(([, a], [, b]) => b - a)[0] ?? ['']
      for (const [shape, schemas] of byShape)
        if (shape !== usual)
          for (const schema of schemas) report(schema, `has errors of {${shape}}; most have {${usual}}`)
    },
  },
  {
    id: 'R-BODY-6/code',
    severity: 'warn',
    reason: 'A code in UPPER_SNAKE is taken for a constant, and is left alone when somebody improves the wording.',
    hint: 'Write codes like OUT_OF_STOCK.',
    check: (document, report) => {
      for (const [schema] of errorSchemas(document)) {
        const code = envelopeOf(document, schema)?.code
        const known = code === undefined ? undefined : document.schemas.keyword(code, 'enum')
        const wrong = (Array.isArray(known) ? known : []).find(
          (one) => typeof one === 'string' && !/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(one),
        )
        if (code !== undefined && wrong !== undefined) report(code, `has the code "${wrong}"`)
      }
    },
  },
]

function errorsOf({ operations }: LintedDocument): ApiResponse[] {
  return operations
    .filter(({ method }) => method !== 'head')
    .flatMap(({ responses }) => responses.filter(({ status }) => /^[45]/.test(status)))
}

/** The schemas of JSON errors, but those of RFC 9457 beside another, with the responses that have them. */
function errorSchemas(document: LintedDocument): Map<Spot, ApiResponse[]> {
  const byValue = new Map<unknown, { spot: Spot; responses: ApiResponse[] }>()
  for (const response of errorsOf(document)) {
    const schema = errorJson(response.content)?.schema
    if (schema === undefined) continue
    const spot = document.references.resolve(schema)
    const known = byValue.get(spot.value) ?? { spot, responses: [] }
    known.responses.push(response)
    byValue.set(spot.value, known)
  }
  return new Map([...byValue.values()].map(({ spot, responses }) => [spot, responses]))
}

function errorJson(content: readonly ApiContent[]): ApiContent | undefined {
  return content.find((one) => isJson(one) && one.type !== 'application/problem+json') ?? content.find(isJson)
}

/** Where an error has its code, if it has one and a message. */
function envelopeOf(document: LintedDocument, schema: Spot): { code: Spot } | undefined {
  const { flat } = document.schemas
  const top = flat(schema).properties
  const error = top.get('error')
  const candidates = [top, ...(error ? [flat(error).properties] : []), ...listsIn(document, top)]
  for (const members of candidates) {
    const code = find(members, /^(code|type|error|errorCode|error_code|status_?code|slug|name|reason)$/)
    const message = find(
      members,
      /^(message|title|detail|error_description|description|error_?message|msg|reason|error)$/,
    )
    if (code && message && code !== message) return { code }
  }
  return undefined
}

/** Members of errors that come as a list: `{"errors":[{"code","message"}]}`. */
function listsIn({ schemas }: LintedDocument, top: ReadonlyMap<string, Spot>): ReadonlyMap<string, Spot>[] {
  const errors = top.get('errors')
  const items = errors && schemas.flat(errors).items
  return items ? [schemas.flat(items).properties] : []
}

function find(members: ReadonlyMap<string, Spot>, name: RegExp): Spot | undefined {
  return [...members].find(([one]) => name.test(one))?.[1]
}

function shapeOf({ schemas }: LintedDocument, schema: Spot): string {
  const { properties, types } = schemas.flat(schema)
  if (properties.size === 0) return [...types].join(' or ') || 'anything'
  return [...properties.keys()].sort().join(', ')
}
