import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'
import type { Header } from '../../src/contract/documents/openapi-types.ts'
import type { Described, DescribedResponse } from './document.ts'
import { problemDetails } from './problem-details.ts'
import { othersIn } from './read-only.ts'
import type { Answer, Sent } from './sent.ts'
import { verdictOn } from './verdict.ts'

/** Everything in which an answer, or that this request got it, differs from what the document says; nothing else is known here. */
export function faultsOf(sent: Sent, answer: Answer, described: Described): string[] {
  const { status, headers } = answer
  if (status >= 500) return [`status ${status}: a request must not bring the system down`]
  const id = headers['x-request-id']
  if (id === undefined) return ['there is no X-Request-Id']
  if (saysNothing(sent, answer)) return []
  const faults = sameId(sent, answer, id)
  const response = sent.operation.responses[status]
  if (!response) return [...faults, `status ${status} (${codeIn(answer)}) is not documented`]
  faults.push(
    ...headerFaults(answer, response, described),
    ...dueFaults(answer),
    ...bodyFaults(sent, answer, response, described),
  )
  faults.push(...verdictFaults(sent, answer, described))
  return faults
}

/** R-REST-7, R-BODY-5: the caller's own id, where it is one; in an error's body too. */
function sameId({ headers }: Sent, { json }: Answer, id: string): string[] {
  const own = headers['x-request-id']
  const faults =
    own !== undefined && /^[A-Za-z0-9._-]{1,64}$/.test(own) && own !== id ? [`X-Request-Id is ${id}, not ${own}`] : []
  const { error, requestId = error?.requestId } = (json ?? {}) as { error?: { requestId?: string }; requestId?: string }
  return requestId === undefined || requestId === id
    ? faults
    : [...faults, `requestId is ${requestId}, X-Request-Id ${id}`]
}

/** An address beyond 8 KiB is refused before anybody knows which operation it means, so no operation documents it. */
function saysNothing({ url }: Sent, { status }: Answer): boolean {
  return (status === 414 || status === 431) && url.length > 8 * 1024
}

function headerFaults({ headers }: Answer, response: DescribedResponse, described: Described): string[] {
  return Object.entries(response.headers).flatMap(([name, { required, schema }]: [string, Header]) => {
    const text = headers[name.toLowerCase()]
    if (text === undefined) return required ? [`the header ${name} is missing`] : []
    const value = described.look(schema).type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text
    return described.faults(schema, value).map((fault) => `header ${name} "${text}": ${fault}`)
  })
}

/** R-REST-4: headers that a refusal owes its reader. */
function dueFaults(answer: Answer): string[] {
  const { status, headers } = answer
  const later = status === 429 || status === 503 || codeIn(answer) === 'IDEMPOTENCY_IN_PROGRESS'
  const due = [...(later ? ['retry-after'] : []), ...(status === 401 ? ['www-authenticate'] : [])]
  return due.filter((name) => headers[name] === undefined).map((name) => `the header ${name} is missing`)
}

function bodyFaults(sent: Sent, answer: Answer, response: DescribedResponse, described: Described): string[] {
  const { headers } = sent
  const { headers: got, text, json, status } = answer
  if (!response.content) return text === '' ? [] : [`status ${status} has a body, and the document none`]
  const type = got['content-type']?.split(';')[0]
  const codes = response['x-lintel-codes']
  const isDetails = type === PROBLEM && codes !== undefined
  const media = isDetails ? { schema: problemDetails(status) } : type === undefined ? undefined : response.content[type]
  if (!media) return [`content type ${type} of status ${status} is not documented`]
  if (headers.accept === PROBLEM && codes && type === 'application/json')
    return [`content type ${type} where ${headers.accept} was asked for`]
  if (!type!.endsWith('json')) return lengthFaults(answer)
  if (json === undefined) return ['the body is no JSON']
  const faults = [...lengthFaults(answer), ...described.faults(asAsked(media.schema, sent, status, described), json)]
  if (codes && !codes.includes(codeIn(answer) as string)) faults.push(`${codeIn(answer)} is none of ${codes}`)
  if (status === 200 && faults.length === 0) faults.push(...fieldsFaults(sent, json))
  return faults.map((fault) => `body of ${status}: ${fault}`)
}

function lengthFaults({ headers, text }: Answer): string[] {
  const length = headers['content-length']
  return Number(length) === Buffer.byteLength(text) ? [] : [`Content-Length is ${length}`]
}

const PROBLEM = 'application/problem+json'

/** R-FIELDS-1: the document describes the whole. With `fields` a part is right: which, another check says. */
function asAsked(schema: JsonSchema, sent: Sent, status: number, described: Described): JsonSchema {
  if (status !== 200 || !fieldsOf(sent)) return schema
  const { properties, ...rest } = described.look(schema)
  const { data, ...others } = properties ?? {}
  if (!data?.items) return { ...rest, properties: properties!, required: ['id'] }
  return { ...rest, properties: { data: { ...data, items: asAsked(data.items, sent, status, described) }, ...others } }
}

/** A part has what was asked for, and its id. */
function fieldsFaults(sent: Sent, json: unknown): string[] {
  const fields = fieldsOf(sent)
  if (!fields) return []
  const { data = [json] } = json as { data?: unknown[] }
  const asked = [...new Set(['id', ...fields])].sort().join()
  const odd = data.find(
    (one) =>
      Object.keys(one as object)
        .sort()
        .join() !== asked,
  )
  return odd === undefined ? [] : [`it has ${Object.keys(odd as object)}, and ${asked} were asked for`]
}

function fieldsOf({ query }: Sent): string[] | undefined {
  const given = query.filter(([name]) => name === 'fields').flatMap(([, text]) => text.split(','))
  return given.length === 0 ? undefined : given
}

/** What the document calls invalid is done by nobody; what it calls valid is not called invalid. */
function verdictFaults(sent: Sent, answer: Answer, described: Described): string[] {
  const { status } = answer
  const verdict = verdictOn(sent, described)
  if (verdict.says === 'invalid' && status < 400)
    return [`status ${status} for what is invalid by the document: ${verdict.why}`]
  const refused = status === 400 || status === 413 || status === 415
  if (verdict.says === 'valid' && refused && !isBeyond(sent, answer, described))
    return [`status ${status} (${codeIn(answer)}) for what is valid by the document`]
  return []
}

/** What is refused with 400 by rules that a JSON Schema cannot hold: the operations, and each fault as its field and message. */
const BEYOND: readonly { readonly why: string; readonly operations: RegExp; readonly fault: RegExp }[] = [
  {
    why: 'page goes only so deep with limit, and not with cursor',
    operations: /\.list(All)?$/,
    fault: /^page (reaches deeper|cannot be combined with cursor)/,
  },
  {
    why: 'a password is long enough and no common one, and whoever is no admin needs one',
    operations: /^users\.(users\.(create|replace|update)|resetPassword)$/,
    fault: /^password (must have at (least 8|most 128) characters|is too common a password|is required)/,
  },
  {
    why: "a user's own change of email or password needs the password they have",
    operations: /^users\.users\.(replace|update)$/,
    fault: /^currentPassword is (wrong|required to change)/,
  },
  {
    why: 'an order is of a cart or of items',
    operations: /^orders\.orders\.create$/,
    fault: /^items (is required unless cartId is given|cannot be combined with cartId)/,
  },
  {
    why: 'quantities of one product add up in a cart',
    operations: /^orders\.cartItems\.create$/,
    fault: /^quantity .* including what is already in the cart$/,
  },
]

function isBeyond(sent: Sent, answer: Answer, described: Described): boolean {
  const { code, details = [] } = errorIn(answer)
  // Only the list that made a cursor knows whether it is one.
  if (code === 'INVALID_CURSOR') return true
  const known = BEYOND.filter((one) => one.operations.test(sent.operation.id))
  const isKnown = ({ field, message }: Fault) => known.some(({ fault }) => fault.test(`${field} ${message}`))
  // R-BODY-4, R-BODY-5: a read-only field with another value than it has, and with it every other such.
  const others = othersIn(sent, described)
  const isOther = ({ field, message }: Fault) =>
    others.includes(field) && message === 'is read-only and differs from the current value'
  const named = details.filter(isOther).length
  if (named > 0 && named !== others.length) return false
  return code === 'VALIDATION_ERROR' && details.length > 0 && details.every((fault) => isKnown(fault) || isOther(fault))
}

interface Fault {
  readonly field: string
  readonly message: string
}

interface ErrorShown {
  readonly code?: string
  readonly details?: readonly Fault[]
}

/** In either form (R-BODY-5). */
function errorIn({ json }: Answer): ErrorShown {
  const { error, ...rest } = (json ?? {}) as { error?: ErrorShown } & ErrorShown
  return error ?? rest
}

export function codeIn(answer: Answer): string | undefined {
  return errorIn(answer).code
}
