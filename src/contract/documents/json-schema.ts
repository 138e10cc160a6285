import { EMAIL_PATTERN } from '../../base/email.ts'
import type { FieldSpec, Transitions } from '../fields.ts'
import { exampleId, exampleOf } from './examples.ts'

/** JSON Schema 2020-12, as far as contracts need it. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly readOnly?: boolean
  readonly examples?: readonly unknown[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly unevaluatedProperties?: boolean
  readonly anyOf?: readonly JsonSchema[]
  /** How many decimals a number may have. `multipleOf: 0.01` says so too, but 0.07 / 0.01 is no whole number in floats. */
  readonly 'x-lintel-decimals'?: number
  /** What is taken where a request leaves it out. The keyword `default` says so too, and makes generators of clients require it. */
  readonly 'x-lintel-default'?: unknown
  /** Roles that may give another value than the default, and change it later. */
  readonly 'x-lintel-only'?: readonly string[]
  /** Of a state, by each: those that may follow it, with who may make the transition. */
  readonly 'x-lintel-transitions'?: Transitions
}

/** A whole body, a part of one (merge patch), or what comes back. */
export type Use = 'request' | 'patch' | 'answer'
/** `$ref` of the schema of ids with this prefix; undefined to write the schema out. */
export type IdRef = (prefix: string) => string | undefined
type Specs = Readonly<Record<string, FieldSpec>>

/** Schema of a body. With `patch` nothing is required, also in nested objects, and no default is filled in. */
export function bodySchema(specs: Specs, use: 'request' | 'patch', idRef: IdRef = writtenOut): JsonSchema {
  return objectSchema(specs, use, idRef, (spec) => !spec.optional)
}

/** Schema of the body of a change, in which read-only fields may stand as they were read (R-BODY-4). */
export function changeSchema(specs: Specs, use: 'request' | 'patch', idRef: IdRef = writtenOut): JsonSchema {
  const schema = bodySchema(specs, use, idRef)
  const readOnly = Object.entries(specs)
    .filter(([, { server, hidden }]) => server && !hidden)
    .map(([name, spec]) => [name, { ...valueSchema(spec, 'answer', idRef), readOnly: true }])
  return { ...schema, properties: { ...schema.properties, ...Object.fromEntries(readOnly) } }
}

/** Schema of an answer: every field is there, also in nested objects, and null where it is absent (R-BODY-7). */
export function answerSchema(specs: Specs, idRef: IdRef = writtenOut): JsonSchema {
  return objectSchema(specs, 'answer', idRef, () => true)
}

function objectSchema(specs: Specs, use: Use, idRef: IdRef, isRequired: (spec: FieldSpec) => boolean): JsonSchema {
  const given = Object.entries(specs).filter(([, spec]) =>
    use === 'answer' ? !spec.inputOnly && !spec.hidden : !spec.server && !spec.hidden,
  )
  const required = use === 'patch' ? [] : given.filter(([, spec]) => isRequired(spec)).map(([name]) => name)
  return {
    type: 'object',
    properties: Object.fromEntries(given.map(([name, spec]) => [name, memberSchema(name, spec, use, idRef)])),
    ...(required.length > 0 && { required }),
    // Both say that there is nothing else (R-BODY-4, R-BODY-7). Client generators make the first a refusal of every field
    // that a later release adds to its answers; the second is left to validators.
    ...(use === 'answer' ? { unevaluatedProperties: false } : { additionalProperties: false }),
  }
}

function memberSchema(name: string, spec: FieldSpec, use: Use, idRef: IdRef): JsonSchema {
  const example = exampleOf(name, spec)
  return { ...valueSchema(spec, use, idRef), ...(example !== undefined && { examples: [example] }) }
}

/** Schema of one value. */
export function valueSchema(spec: FieldSpec, use: Use, idRef: IdRef = writtenOut): JsonSchema {
  const schema = kinds[spec.kind](spec, use, idRef)
  const notes = notesOf(spec.description, statesHint(spec), ...(use === 'answer' ? [] : hints(spec, use)))
  return {
    ...(spec.nullable ? orNull(schema) : schema),
    ...(notes !== '' && { description: notes }),
    ...(use === 'request' && spec.default !== undefined && { 'x-lintel-default': spec.default }),
    ...(use !== 'answer' && spec.only && { 'x-lintel-only': spec.only }),
    ...(spec.transitions && { 'x-lintel-transitions': spec.transitions }),
  }
}

/** A TypeID of this type: 128 bits in 26 characters, so the first of them is at most 7. */
export function idPattern(prefix: string): string {
  return `${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}`
}

export function idSchema(prefix: string): JsonSchema {
  return { type: 'string', pattern: `^${idPattern(prefix)}$`, examples: [exampleId(prefix)] }
}

const kinds: Record<FieldSpec['kind'], (spec: FieldSpec, use: Use, idRef: IdRef) => JsonSchema> = {
  text: (spec, use) => ({
    type: 'string',
    ...(spec.min ? { minLength: spec.min } : {}),
    ...limit('maxLength', spec.max),
    ...textPattern(spec, use),
  }),
  email: (spec, use) => ({
    type: 'string',
    format: 'email',
    ...limit('maxLength', spec.max),
    ...(use !== 'answer' && { pattern: EMAIL_PATTERN }),
  }),
  integer: (spec) => ({ type: 'integer', ...limit('minimum', spec.min), ...limit('maximum', spec.max) }),
  decimal: numberSchema,
  money: numberSchema,
  boolean: () => ({ type: 'boolean' }),
  time: () => ({ type: 'string', format: 'date-time' }),
  id: (spec, _, idRef) => {
    const $ref = idRef(spec.prefix!)
    return $ref === undefined ? idSchema(spec.prefix!) : { $ref }
  },
  oneOf: (spec) => ({ type: 'string', enum: spec.values! }),
  list: (spec, use, idRef) => ({
    type: 'array',
    // A list is replaced as a whole (RFC 7396), so its members are never parts.
    items: valueSchema(spec.of!, use === 'patch' ? 'request' : use, idRef),
    ...(spec.min ? { minItems: spec.min } : {}),
    ...limit('maxItems', spec.max),
  }),
  object: (spec, use, idRef) => objectSchema(spec.fields!, use, idRef, (inner) => use === 'answer' || !inner.optional),
}

function numberSchema(spec: FieldSpec): JsonSchema {
  return {
    type: 'number',
    ...limit('minimum', spec.min),
    ...limit('maximum', spec.max),
    ...limit('x-lintel-decimals', spec.scale),
  }
}

/** A text takes any character but NUL (R-BODY-4), which a reader of the document could not guess. */
const NO_NUL = '^[^\\x00]*$'

function textPattern(spec: FieldSpec, use: Use): { pattern?: string } {
  const pattern = spec.pattern && portablePattern(spec.pattern)
  if (pattern !== undefined) return { pattern }
  return use === 'answer' ? {} : { pattern: NO_NUL }
}

/** JSON Schema reads patterns with the flag `u` and no other; one that means something else then is left to its hint. */
function portablePattern({ source, flags }: RegExp): string | undefined {
  if (/[imsv]/.test(flags)) return undefined
  try {
    new RegExp(source, 'u')
    return source
  } catch {
    return undefined
  }
}

function limit<K extends string>(name: K, value: number | undefined): { [N in K]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [N in K]?: number })
}

function orNull(schema: JsonSchema): JsonSchema {
  if (schema.$ref !== undefined) return { anyOf: [schema, { type: 'null' }] }
  return {
    ...schema,
    type: [schema.type as string, 'null'],
    ...(schema.enum && { enum: [...schema.enum, null] }),
  }
}

function hints(spec: FieldSpec, use: 'request' | 'patch'): (string | undefined)[] {
  return [
    use === 'request' && spec.default !== undefined ? defaultHint(spec.default) : undefined,
    spec.patternHint && `Must be ${spec.patternHint}.`,
    spec.scale === undefined ? undefined : `At most ${spec.scale} decimals.`,
    spec.only && onlyHint(spec.only, spec.default !== undefined),
  ]
}

function defaultHint(value: unknown): string {
  if (value === '') return 'Empty by default.'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\` by default.`
}

/** `Begins as pending; then pending to paid (admin) or cancelled (owner, admin), paid to shipped (admin).` */
function statesHint({ transitions, initial }: FieldSpec): string | undefined {
  if (transitions === undefined) return undefined
  const ways = Object.entries(transitions).flatMap(([from, next]) => {
    const to = Object.entries(next).map(
      ([state, rule]) =>
        `\`${state}\` (${rule
          .split('|')
          .map((term) => term.trim())
          .join(', ')})`,
    )
    return to.length === 0 ? [] : [`\`${from}\` to ${to.join(' or ')}`]
  })
  return `Begins as \`${initial}\`${ways.length === 0 ? '' : `; then ${ways.join(', ')}`}.`
}

function onlyHint(roles: readonly string[], hasDefault: boolean): string {
  const who = roles.map((role) => `\`${role}\``).join(' or ')
  return `Only ${who} may give ${hasDefault ? 'another value than the default' : 'it'}, or change it.`
}

function notesOf(...notes: (string | undefined)[]): string {
  return notes
    .filter((note) => note !== undefined)
    .map((note) => (/[.!?]$/.test(note) ? note : `${note}.`))
    .join(' ')
}

function writtenOut(): undefined {
  return undefined
}
