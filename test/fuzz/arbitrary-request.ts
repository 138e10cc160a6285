import fc from 'fast-check'
import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'
import type { Parameter, RequestBody } from '../../src/contract/documents/openapi-types.ts'
import { nth, schemaValue } from './arbitrary-value.ts'
import { AS_IT_STANDS } from './as-it-stands.ts'
import type { Described, DescribedOperation } from './document.ts'
import { type Edit, edit } from './edit.ts'
import { Seen } from './known.ts'
import { BROKEN, STRANGE } from './strange.ts'

export const CALLERS = ['nobody', 'member', 'other', 'admin', 'garbage'] as const
const OFTEN = ['admin', 'admin', 'admin', 'admin', 'member', 'member'] as const
export type CallerName = (typeof CALLERS)[number]

/** A request as it is drawn: `Seen` stands in it for what only the moment of sending knows. */
export interface Draft {
  readonly operation: DescribedOperation
  readonly caller: CallerName
  /** A path that a Location named, or parameters by name. */
  readonly path: Seen | Readonly<Record<string, unknown>>
  readonly query: readonly (readonly [string, unknown])[]
  readonly headers: readonly (readonly [string, unknown])[]
  readonly body: DraftBody | undefined
  /** Ask the same by HEAD afterwards, and for the next page. */
  readonly again: boolean
}

export type DraftBody = {
  /** Content-Type; '' for none. */
  readonly type: string
  /** Sent without saying how long it is. */
  readonly chunked: boolean
} & (
  | {
      /** One that is `Seen` is the JSON text of a whole body. */
      readonly value: unknown
      /** What it repeats of the thing that it changes, in place of what the value has there. */
      readonly repeats: Readonly<Record<string, unknown>>
      readonly edits: readonly Edit[]
      readonly spelling: Spelling
    }
  // No JSON object, whatever it is.
  | { readonly broken: string | Uint8Array }
)

/** JSON may be written so that it looks otherwise and means the same. */
export type Spelling = 'usual' | 'odd'

/** Requests to any operation of a document: valid ones, and such with something wrong in one place or another. */
export function requestsOf(described: Described): fc.Arbitrary<Draft> {
  return fc.oneof(
    ...described.operations.map((operation) => ({
      weight: WEIGHTS[operation.method]!,
      arbitrary: requestOf(operation, described),
    })),
  )
}

/** A write has more to go wrong, and more should be made than deleted. */
const WEIGHTS: Record<string, number> = { POST: 4, PUT: 3, PATCH: 3, GET: 2, DELETE: 1 }

function requestOf(operation: DescribedOperation, described: Described): fc.Arbitrary<Draft> {
  return fc.record({
    operation: fc.constant(operation),
    caller: fc.constantFrom<CallerName>(...OFTEN, ...CALLERS),
    path: pathOf(operation, described),
    query: queryOf(operation, described),
    headers: headersOf(operation, described),
    body: bodyOf(operation, described),
    again: operation.method === 'GET' ? fc.nat(7).map((n) => n === 7) : fc.constant(false),
  })
}

function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: odd })
}

function pathOf({ parameters, template }: DescribedOperation, described: Described): fc.Arbitrary<Draft['path']> {
  const named = parameters.filter((one) => one.in === 'path')
  const params = (of: (one: Parameter) => fc.Arbitrary<unknown>) =>
    fc.record(Object.fromEntries(named.map((one) => [one.name, of(one)])), { noNullPrototype: true })
  const valid = params((one) => schemaValue(one.schema, described, one.name))
  if (named.length === 0) return valid
  const odd = params((one) => mostly(schemaValue(one.schema, described), oddTexts()))
  if (named.length === 1) return mostly(valid, odd)
  // Ids that belong together are seldom drawn together.
  const place = nth().chain((back) => valid.map((otherwise) => new Seen(template, back, otherwise)))
  return mostly<Draft['path']>(fc.oneof({ weight: 3, arbitrary: place }, { weight: 1, arbitrary: valid }), odd)
}

const IDS = ['usr', 'prd', 'crt', 'itm', 'ord', 'lin']

function oddTexts(): fc.Arbitrary<unknown> {
  const id = fc
    .tuple(fc.constantFrom(...IDS), nth())
    .map(([prefix, back]) => new Seen(prefix, back, `${prefix}_01h455vb4pex5vsknk084sn02q`))
  return fc.oneof(
    id,
    fc.constantFrom(
      'me',
      'ME',
      'usr_01h455vb4pex5vsknk084sn02',
      'usr_81h455vb4pex5vsknk084sn02q',
      'USR_01h455vb4pex5vsknk084sn02q',
      '01h455vb4pex5vsknk084sn02q',
    ),
    fc.constantFrom(...STRANGE),
    fc.string({ unit: 'binary' }),
  )
}

function queryOf({ parameters }: DescribedOperation, described: Described): fc.Arbitrary<Draft['query']> {
  const given = parameters.filter((one) => one.in === 'query')
  const pair = (one: Parameter) =>
    schemaValue(one.schema, described, ELSEWHERE[one.name] ?? one.name).map((value) => [one.name, value] as const)
  const some =
    given.length === 0
      ? fc.constant([])
      : fc.uniqueArray(fc.oneof(...given.map(pair)), { selector: ([name]) => name, maxLength: 4 })
  const names = [...given.map(({ name }) => name), 'version', 'extra', 'id', 'q', 'page', '']
  const texts = fc.oneof(
    oddTexts(),
    fc.constantFrom('0', '007', '1.0', '+1', '1e2', '99999999999999999999', '9', '1', '2', ','),
  )
  const odd = fc.array(fc.tuple(fc.constantFrom(...names), texts), { minLength: 1, maxLength: 2 })
  return mostly(
    fc.oneof(fc.constant([]), some),
    fc.tuple(some, odd).map(([a, b]) => [...a, ...b]),
  )
}

/** What a value is called in answers, where a request calls it otherwise. */
const ELSEWHERE: Record<string, string> = { cursor: 'nextCursor', 'If-Match': 'etag', 'If-None-Match': 'etag' }

const ACCEPTS = [
  '*/*',
  'application/json',
  'application/problem+json',
  'application/vnd.api+json;version=2',
  'application/json;version=1',
  'application/json;version=9',
  'application/json; foo="x;version=9"; version=2',
  'application/json;version=1;q=0.5, application/problem+json',
  'text/html',
  ';;,=',
]

/** What no operation takes: none of it may change an answer. */
const BESIDE: readonly (readonly [string, unknown])[] = [
  ['X-User-Id', new Seen('usr', 0, 'usr_1')],
  ['X-Roles', 'admin'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Forwarded-For', '10.0.0.1'],
  ['Cookie', 'session=1; session=2'],
  ['Range', 'bytes=0-1'],
  ['If-Modified-Since', 'Thu, 01 Jan 2099 00:00:00 GMT'],
]

function headersOf({ parameters }: DescribedOperation, described: Described): fc.Arbitrary<Draft['headers']> {
  const given = parameters.filter((one) => one.in === 'header')
  const pair = (one: Parameter) =>
    fc.oneof(...HEADERS[one.name]!(one.schema, described)).map((value) => [one.name, value] as const)
  const some = fc.uniqueArray(fc.oneof(...given.map(pair)), { selector: ([name]) => name, maxLength: 2 })
  const odd = fc.array(
    fc.oneof(
      fc.constantFrom(...ACCEPTS).map((value) => ['Accept', value] as const),
      fc.constantFrom(...BESIDE),
      fc.tuple(fc.constantFrom(...given.map(({ name }) => name)), fc.constantFrom(...STRANGE.filter(fitsHeader))),
    ),
    { minLength: 1, maxLength: 2 },
  )
  return mostly(
    fc.oneof(fc.constant([]), some),
    fc.tuple(some, odd).map(([a, b]) => [...a, ...b]),
  )
}

type HeaderValues = (schema: JsonSchema, described: Described) => fc.Arbitrary<unknown>[]

const tags: HeaderValues = (schema, described) => [
  nth().map((back) => new Seen('etag', back, '"1"')),
  fc.constantFrom('"1"', '*', 'W/"1"', '"1", "2"', '"999999999999999"'),
  schemaValue(schema, described),
]
const HEADERS: Record<string, HeaderValues> = {
  'X-Request-Id': (schema, described) => [schemaValue(schema, described)],
  // Few, so that they come again.
  'Idempotency-Key': (schema, described) => [fc.nat(9).map((n) => `key ${n}`), schemaValue(schema, described)],
  'If-Match': tags,
  'If-None-Match': tags,
}

/** What Node's client sends at all. */
function fitsHeader(text: string): boolean {
  return text.length <= 1000 && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}

function bodyOf(operation: DescribedOperation, described: Described): fc.Arbitrary<Draft['body']> {
  const { id, body, method, isRoute } = operation
  const none = fc.constant(undefined)
  const type = mostly(fc.constantFrom(...Object.keys(body?.content ?? JSON_TYPE)), fc.constantFrom(...TYPES))
  const chunked = fc.nat(9).map((n) => n === 9)
  const broken = fc.record({
    type,
    chunked,
    broken: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...BROKEN) }, fc.uint8Array({ minLength: 3 })),
  })
  if (!body) return fc.oneof({ weight: method === 'POST' ? 4 : 19, arbitrary: none }, { weight: 1, arbitrary: broken })
  if (isRoute)
    return fc.oneof(
      { weight: 4, arbitrary: formOf(body) },
      { weight: 1, arbitrary: none },
      { weight: 1, arbitrary: broken },
    )
  const { schema } = Object.values(body.content)[0]!
  const fresh = schemaValue(schema, described)
  // One that was taken before may be taken again, and what is wrong with it is then the edit's.
  const taken = fc.tuple(nth(), fresh).map(([back, otherwise]) => new Seen(id, back, otherwise))
  const value = fc.oneof({ weight: 3, arbitrary: fresh }, { weight: 1, arbitrary: taken })
  const repeats = repeatsOf(operation, schema, described)
  const spelling = fc.constantFrom<Spelling>('usual', 'usual', 'usual', 'odd')
  const usual = fc.record({
    type: fc.constantFrom(...Object.keys(body.content)),
    chunked,
    value,
    repeats,
    edits: fc.constant([]),
    spelling,
  })
  const edits = fc.array(edit(), { minLength: 1, maxLength: 3 })
  const edited = fc.record({ type, chunked, value, repeats, edits, spelling })
  return fc.oneof(
    { weight: 12, arbitrary: usual },
    { weight: 5, arbitrary: edited },
    { weight: 2, arbitrary: broken },
    { weight: 1, arbitrary: none },
  )
}

/** Of what a route takes the document says no more than the type: these are fields of forms. */
function formOf({ content }: RequestBody): fc.Arbitrary<Draft['body']> {
  const password = fc.constantFrom('a long enough password', 'short', 'ä & ö = ü', '')
  return fc.record({
    type: fc.constantFrom(...Object.keys(content)),
    chunked: fc.boolean(),
    broken: password.map((value) => String(new URLSearchParams({ password: value }))),
  })
}

/** Mostly nothing; else what a client has read (R-BODY-4), but for what it edits. Now and then a read-only field of it is made up. */
function repeatsOf(
  { readOnly }: DescribedOperation,
  schema: JsonSchema,
  described: Described,
): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const none = fc.constant({})
  const names = Object.keys(readOnly)
  if (names.length === 0) return none
  const standing = (some: string[]) => Object.fromEntries(some.map((name) => [name, AS_IT_STANDS]))
  const shown = Object.keys(described.look(schema).properties!)
  const most = fc.subarray(shown, { minLength: shown.length - 2 }).map(standing)
  const some = fc.subarray(shown, { minLength: 1 }).map(standing)
  const other = fc.oneof(
    ...names.map((name) => schemaValue(readOnly[name]!, described, name).map((value) => ({ [name]: value }))),
  )
  return fc.oneof(
    { weight: 7, arbitrary: none },
    { weight: 2, arbitrary: most },
    { weight: 2, arbitrary: some },
    { weight: 1, arbitrary: fc.tuple(fc.oneof(none, most, some), other).map(([a, b]) => ({ ...a, ...b })) },
  )
}

const JSON_TYPE = { 'application/json': {} }
const TYPES = [
  '',
  'application/json; charset=utf-8',
  'Application/JSON',
  'application/json; charset=latin1',
  'application/merge-patch+json',
  'text/plain',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  '/',
  'application/json, text/plain',
]
