import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { readEmail } from '../../src/base/email.ts'
import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'
import type {
  Header,
  OpenApiDocument,
  Parameter,
  Reference,
  RequestBody,
  ResponseObject,
} from '../../src/contract/documents/openapi-types.ts'

/** An OpenAPI document as a client reads it: operations with nothing left to look up, and what judges values. */
export interface Described {
  /** What stands before every path: `/v1`. */
  readonly base: string
  readonly operations: readonly DescribedOperation[]
  /** The schema that a reference points to; any other as it is. */
  look(schema: JsonSchema): JsonSchema
  /** What is wrong with a value; empty when it keeps to the schema. */
  faults(schema: JsonSchema, value: unknown): string[]
}

export interface DescribedOperation {
  readonly id: string
  readonly method: string
  /** `/users/{id}`. */
  readonly template: string
  /** It takes and answers bytes, and any query. */
  readonly isRoute: boolean
  readonly parameters: readonly Parameter[]
  readonly body: RequestBody | undefined
  /** Fields that its body may only have as they stand. */
  readonly readOnly: Readonly<Record<string, JsonSchema>>
  readonly responses: Readonly<Record<string, DescribedResponse>>
}

export interface DescribedResponse extends Omit<ResponseObject, 'headers'> {
  readonly headers: Readonly<Record<string, Header>>
}

export function describedBy(document: OpenApiDocument): Described {
  const at = <T>(value: T | Reference): T =>
    isReference(value)
      ? (value.$ref
          .slice(2)
          .split('/')
          .reduce<any>((part, step) => part[step], document) as T)
      : value
  const response = (one: ResponseObject): DescribedResponse => ({
    ...one,
    headers: Object.fromEntries(Object.entries(one.headers ?? {}).map(([name, header]) => [name, at(header)])),
  })
  const operations = Object.entries(document.paths).flatMap(([template, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: operation['x-lintel-operation'],
      method: method.toUpperCase(),
      template,
      isRoute: operation['x-lintel-route'] === true,
      parameters: operation.parameters.map((parameter) => at(parameter)),
      body: operation.requestBody,
      readOnly: readOnlyOf(operation.requestBody, at),
      responses: Object.fromEntries(
        Object.entries(operation.responses).map(([status, one]) => [status, response(at(one))]),
      ),
    })),
  )
  const base = document.servers[0]!.url
  return { base: base === '/' ? '' : base, operations, look: at, faults: judge(document) }
}

function readOnlyOf(body: RequestBody | undefined, look: Described['look']): DescribedOperation['readOnly'] {
  const [media] = Object.values(body?.content ?? {})
  const properties = media ? (look(media.schema).properties ?? {}) : {}
  return Object.fromEntries(Object.entries(properties).filter(([, { readOnly }]) => readOnly))
}

function isReference(value: unknown): value is Reference {
  return typeof (value as Reference).$ref === 'string'
}

/** Each schema is compiled once, when it is first asked. */
function judge({ components }: OpenApiDocument): Described['faults'] {
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    // The document has a pattern for addresses; how long their parts may be is the format's (RFC 5321 4.5.3.1).
    formats: {
      email: (text: string) => readEmail(text) !== undefined,
      'date-time': isTime,
      date: (text: string) => isTime(`${text}T00:00:00Z`),
    },
    keywords: [
      { keyword: 'x-lintel-decimals', type: 'number', validate: (most: number, it: number) => decimalsOf(it) <= most },
      'x-lintel-default',
      'x-lintel-only',
      'x-lintel-transitions',
      'components',
    ],
  })
  ajv.addSchema({ $id: 'document', components })
  const compiled = new Map<string, ValidateFunction>()
  return (schema, value) => {
    const text = JSON.stringify(schema)
    let validate = compiled.get(text)
    if (!validate) {
      validate = ajv.compile(JSON.parse(text.replaceAll('"$ref":"#/', '"$ref":"document#/')))
      compiled.set(text, validate)
    }
    if (validate(value)) return []
    return validate.errors!.map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`)
  }
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-]([01]\d|2[0-3]):([0-5]\d))$/

/** RFC 3339, without what it leaves to the taste of implementations: leap seconds, the year 0, endless fractions. */
function isTime(text: string): boolean {
  const match = TIME.exec(text)
  if (!match) return false
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const days = [
    31,
    year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
    31,
    30,
    31,
    30,
    31,
    31,
    30,
    31,
    30,
    31,
  ]
  const known = month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1]!
  return known && hour < 24 && minute < 60 && second < 60 && inFourDigits(Date.parse(text.toUpperCase()))
}

function inFourDigits(ms: number): boolean {
  return ms >= Date.parse('0001-01-01T00:00:00Z') && ms <= Date.parse('9999-12-31T23:59:59.999Z')
}

/** By the number's shortest text: 1e-7 has seven. */
function decimalsOf(value: number): number {
  const [, fraction = '', exponent = '0'] = /^-?\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!
  return Math.max(0, fraction.length - Number(exponent))
}
