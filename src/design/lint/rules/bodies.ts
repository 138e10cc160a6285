import { type ApiOperation, isJson, isParameter, jsonOf, successes } from '../../openapi/document.ts'
import { formatOf } from '../../openapi/schemas.ts'
import type { Spot } from '../../openapi/spot.ts'
import type { LintedDocument, LintRule } from '../rule.ts'

export const bodyRules: readonly LintRule[] = [
  {
    id: 'R-BODY-1/opaque-id',
    severity: 'warn',
    reason:
      'Numbers that count up can be guessed and overflow in some clients; a text with a prefix says of what it is the id.',
    hint: 'Make ids strings: ord_01j9….',
    check: ({ properties, schemas }, report) => {
      for (const { name, spot } of properties) {
        const { types } = schemas.flat(spot)
        if (name === 'id' && (types.has('integer') || types.has('number'))) report(spot, 'is an id that is a number')
      }
    },
  },
  {
    id: 'R-BODY-2/time-format',
    severity: 'warn',
    reason: 'A time without a format is read in as many ways as there are clients.',
    hint: 'Use type: string, format: date-time (RFC 3339, UTC).',
    check: ({ properties, schemas }, report) => {
      for (const { name, spot } of properties) {
        if (!/[a-z0-9]At$|_at$|^timestamp$/.test(name)) continue
        const { types, properties: members } = schemas.flat(spot)
        if (members.size > 0 || types.has('array') || types.has('boolean')) continue
        if (types.has('integer') || types.has('number')) report(spot, `has the time "${name}" as a number`)
        else if (types.has('string') && !/^date/.test(formatOf(schemas, spot) ?? ''))
          report(spot, `has the time "${name}" without format: date-time`)
      }
    },
  },
  {
    id: 'R-BODY-2/created-updated',
    severity: 'warn',
    reason: 'When a thing was made and last changed is asked of every resource sooner or later.',
    hint: 'Give resources createdAt and updatedAt.',
    check: (document, report) => {
      for (const operation of itemReads(document)) {
        const { schema, flat } = answerOf(document, operation) ?? {}
        if (!schema || !flat?.properties.has('id')) continue
        const missing = (['created', 'updated'] as const).filter(
          (word) => ![...flat.properties.keys()].some((name) => TIMES[word].test(name)),
        )
        if (missing.length > 0)
          report(document.references.resolve(schema), `lacks ${missing.map((one) => `${one}At`).join(' and ')}`)
      }
    },
  },
  {
    id: 'R-BODY-3/currency',
    severity: 'warn',
    reason: 'An amount without a currency is a number.',
    hint: 'Put `currency` (ISO 4217) beside the amount, or in what it belongs to.',
    check: (document, report) => {
      for (const operation of document.operations) {
        if (belongsToPriced(document, operation)) continue
        for (const { content } of successes(operation)) {
          const json = jsonOf(content)
          const { amounts, hasCurrency } = json ? moneyIn(document, json) : NO_MONEY
          if (!hasCurrency)
            for (const { name, spot } of amounts) report(spot, `has the amount "${name}" and no currency`)
        }
      }
    },
  },
  {
    id: 'R-BODY-3/exact-money',
    severity: 'error',
    reason: 'A binary fraction of 32 bits cannot hold 0.10, nor amounts above 167,772.16 to the cent.',
    hint: 'Use type: number with multipleOf: 0.01 and no format, or whole cents.',
    check: ({ properties, schemas }, report) => {
      for (const { name, spot } of properties)
        if (isAmount(name) && formatOf(schemas, spot) === 'float') report(spot, `has the amount "${name}" as a float`)
    },
  },
  {
    id: 'R-BODY-4/closed-request',
    habit: 'takes members that it does not name',
    places: ({ operations }) => operations.filter(({ body }) => jsonOf(body?.content)).length,
    severity: 'warn',
    reason: 'A misspelt member that is ignored is a change that the caller believes was made.',
    hint: 'Say additionalProperties: false (or unevaluatedProperties: false) on request bodies, and reject what is unknown.',
    check: ({ operations, schemas, references }, report) => {
      const seen = new Set<unknown>()
      for (const { body } of operations) {
        const json = jsonOf(body?.content)
        if (json === undefined) continue
        const at = references.resolve(json)
        const { properties, closed } = schemas.flat(json)
        if (properties.size === 0 || closed || seen.has(at.value)) continue
        seen.add(at.value)
        report(at, 'takes members that it does not name')
      }
    },
  },
  {
    id: 'R-BODY-4/typed',
    severity: 'warn',
    reason: 'A property that may be anything is checked by nobody, and generated as `any`.',
    hint: 'Say its type, its known values (enum), or where it is described ($ref).',
    check: ({ properties, schemas }, report) => {
      for (const { name, spot } of properties)
        if (typeof spot.value === 'object' && !schemas.flat(spot).says)
          report(spot, `has the property "${name}" without a type`)
    },
  },
  {
    id: 'R-BODY-7/schema',
    severity: 'warn',
    reason: 'What has no schema may be anything: nothing keeps a field inside that should not leave.',
    hint: 'Give the JSON of every success a schema.',
    check: ({ operations, schemas }, report) => {
      for (const operation of operations)
        for (const { content, status, spot } of successes(operation))
          for (const one of content)
            if (isJson(one) && (one.schema === undefined || !schemas.flat(one.schema).says))
              report(spot, `has ${status} with JSON of no schema`)
    },
  },
  {
    id: 'R-BODY-7/secret',
    severity: 'error',
    reason: 'A password, or its hash, never leaves a service.',
    hint: 'Remove it from answers, or mark it writeOnly.',
    check: ({ properties, schemas }, report) => {
      for (const { name, spot, use } of properties) {
        if (
          use === 'answer' &&
          SECRET.test(name) &&
          schemas.keyword(spot, 'writeOnly') !== true &&
          !schemas.flat(spot).types.has('boolean')
        )
          report(spot, `shows "${name}"`)
      }
    },
  },
]

const TIMES = {
  created: /^(created|creation|insert|registered|issued|started|date)/i,
  updated: /^(updated|modified|changed|last_?(update|modif|change))/i,
}
const SECRET = /^(password|passwd|pwd|(password|pwd)[_-]?hash|hashed[_-]?password)$/i
const AMOUNT = /(^|_)(price|amount|fee|salary|balance|subtotal)$|[a-z](Price|Amount|Fee|Salary|Balance)$/

function isAmount(name: string): boolean {
  return AMOUNT.test(name)
}

function itemReads({ operations }: LintedDocument): ApiOperation[] {
  return operations.filter(({ method, path }) => method === 'get' && isParameter(path.segments.at(-1) ?? ''))
}

function answerOf({ schemas }: LintedDocument, operation: ApiOperation) {
  const schema = jsonOf(operation.responses.find(({ status }) => status === '200')?.content)
  return schema && { schema, flat: schemas.flat(schema) }
}

const NO_MONEY = { amounts: [] as { name: string; spot: Spot }[], hasCurrency: false }

function moneyIn({ schemas, references }: LintedDocument, root: Spot) {
  const amounts: { name: string; spot: Spot }[] = []
  let hasCurrency = false
  const seen = new Set<unknown>()
  const left = [root]
  for (let schema = left.pop(); schema !== undefined; schema = left.pop()) {
    const at = references.resolve(schema)
    if (typeof at.value !== 'object' || at.value === null || seen.has(at.value)) continue
    seen.add(at.value)
    const { properties, items } = schemas.flat(at)
    for (const [name, spot] of properties) {
      const { types } = schemas.flat(spot)
      if (/currency/i.test(name)) hasCurrency = true
      if (isAmount(name) && (types.has('number') || types.has('integer'))) amounts.push({ name, spot })
      left.push(spot)
    }
    if (items) left.push(items)
  }
  return { amounts, hasCurrency }
}

/** What lies below a thing with a currency is in that currency. */
function belongsToPriced(document: LintedDocument, { path }: ApiOperation): boolean {
  const shape = shapeOf(path.template)
  return itemReads(document).some((parent) => {
    if (!shape.startsWith(`${shapeOf(parent.path.template)}/`)) return false
    return answerOf(document, parent)?.flat.properties.has('currency') ?? false
  })
}

function shapeOf(template: string): string {
  return template.replace(/\{[^{}]*\}/g, '{}')
}
