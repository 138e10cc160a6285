import { Agent, request } from 'node:http'
import type { CallerName, Draft, Spelling } from './arbitrary-request.ts'
import { AS_IT_STANDS, isObject } from './as-it-stands.ts'
import type { Described, DescribedOperation } from './document.ts'
import { edited } from './edit.ts'
import { type Known, lookUp, Seen } from './known.ts'

/** A request as it goes out, with what was meant by it. */
export interface Sent {
  readonly operation: DescribedOperation
  readonly caller: CallerName
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly params: Readonly<Record<string, string>>
  readonly query: readonly (readonly [string, string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: SentBody | undefined
  /** What it changes, as its caller was shown it just before; undefined where nobody looked, or it was not shown. */
  readonly stands?: unknown
}

export interface SentBody {
  readonly bytes: Uint8Array
  readonly chunked: boolean
  /** Undefined for what is no JSON object. */
  readonly json: { readonly value: unknown } | undefined
}

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** Undefined where the text is no JSON. */
  readonly json: unknown
}

/** Settles a draft: everything known looked up, everything written as it goes over the wire. */
export function settle(
  draft: Draft,
  described: Described,
  known: Known,
  token: string | undefined,
  stands?: unknown,
): Sent {
  const { operation, caller } = draft
  const { path, params } = pathOf(draft, known)
  const query = draft.query.flatMap(([name, value]) => queryPairs(operation, name, lookUp(value, known, caller)))
  const body = bodyOf(draft, known, stands)
  const headers: Record<string, string> = token === undefined ? {} : { authorization: token }
  for (const [name, value] of draft.headers) headers[name.toLowerCase()] = String(lookUp(value, known, caller))
  if (draft.body?.type) headers['content-type'] = draft.body.type
  const url = urlOf(described.base + path, query)
  return { operation, caller, method: operation.method, url, params, query, headers, body, stands }
}

export function urlOf(path: string, query: Sent['query']): string {
  const search = query.map(([name, value]) => `${percent(name)}=${percent(value)}`).join('&')
  return search === '' ? path : `${path}?${search}`
}

function pathOf({ path, operation, caller }: Draft, known: Known): { path: string; params: Record<string, string> } {
  const found = path instanceof Seen ? (lookUp(path, known, caller) as string | object) : path
  if (typeof found === 'string') return { path: found, params: paramsIn(operation.template, found)! }
  const params = Object.fromEntries(
    Object.entries(found).map(([name, value]) => [name, String(lookUp(value, known, caller))]),
  )
  return { path: operation.template.replace(/\{(\w+)\}/g, (_, name: string) => percent(params[name]!)), params }
}

/** What stands at the parameters of a template; undefined where the path is not of it. */
export function paramsIn(template: string, path: string): Record<string, string> | undefined {
  const pattern = template.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  const groups = new RegExp(`^${pattern}$`).exec(path)
  return groups === null ? undefined : { ...groups.groups }
}

/** Members of a list by repetition where the document has it so, and now and then elsewhere; else joined by commas. */
function queryPairs({ parameters }: DescribedOperation, name: string, value: unknown): (readonly [string, string])[] {
  const { explode } = parameters.find((one) => one.in === 'query' && one.name === name) ?? {}
  const repeats = Array.isArray(value) && value.length > 0 && (explode !== false || value.length === 2)
  return repeats ? value.map((one) => [name, queryText(one)] as const) : [[name, queryText(value)]]
}

/** Digits without an exponent. */
function queryText(value: unknown): string {
  if (Array.isArray(value)) return value.map(queryText).join(',')
  if (typeof value === 'number' && String(value).includes('e')) return value.toFixed(10).replace(/\.?0+$/, '')
  return String(value)
}

function percent(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    // Half a surrogate pair, as a careless client would write it.
    return '%ED%A0%80'
  }
}

function bodyOf({ body, caller, operation }: Draft, known: Known, stands: unknown): SentBody | undefined {
  if (!body) return undefined
  const { chunked } = body
  if ('broken' in body) return { bytes: Buffer.from(body.broken as string), chunked, json: undefined }
  const drawn = lookUp(body.value, known, caller)
  const whole = body.value instanceof Seen && typeof drawn === 'string' ? JSON.parse(drawn) : drawn
  const repeated = Object.entries(body.repeats).flatMap(([name, repeats]): [string, unknown][] => {
    if (repeats !== AS_IT_STANDS) return [[name, lookUp(repeats, known, caller)]]
    if (!isObject(stands) || !Object.hasOwn(stands, name)) return []
    const isTime = operation.readOnly[name]?.format === 'date-time'
    return [[name, isTime && body.spelling === 'odd' ? String(stands[name]).replace('Z', '+00:00') : stands[name]]]
  })
  const value = body.edits.reduce<unknown>(edited, { ...(whole as object), ...Object.fromEntries(repeated) })
  return value === undefined ? undefined : { bytes: Buffer.from(spelt(value, body.spelling)), chunked, json: { value } }
}

/** Oddly: every character escaped, whole numbers with a fraction and an exponent, space wherever there may be some. */
function spelt(value: unknown, spelling: Spelling): string {
  if (spelling === 'usual') return JSON.stringify(value)
  const inner = (one: unknown) => ` ${spelt(one, spelling)}\t`
  if (typeof value === 'string')
    return `"${[...Array(value.length).keys()].map((i) => `\\u${value.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
  if (typeof value === 'number' && Number.isSafeInteger(value)) return `${Object.is(value, -0) ? '-0' : value}.0E+0`
  if (Array.isArray(value)) return `[${value.map(inner).join()}]\r\n`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, member]) => `${inner(name)}:${inner(member)}`)
    .join()}}\n`
}

type Sendable = Pick<Sent, 'method' | 'url' | 'headers' | 'body'>

/** One connection: answers come in the order of the requests, and a run can be had again by its seed. */
const agent = new Agent({ keepAlive: true })
const TIMEOUT_MS = 8_000

/** Sends it; throws where no whole answer has come after some seconds. */
export function send(origin: string, { method, url, headers, body }: Sendable): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  const framing = body && (body.chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': body.bytes.length })
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new Error(`no answer: ${error.message}`))
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const asking = request(
      { hostname, port, method, path: url, agent, signal, headers: { ...headers, ...framing } },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk) => chunks.push(chunk))
        answer.on('error', fail)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({
            status: answer.statusCode!,
            headers: answer.headers as Answer['headers'],
            text,
            json: parsed(text),
          })
        })
      },
    )
    asking.on('error', fail)
    asking.end(body?.bytes)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The request for a shell. */
export function curl(origin: string, { method, url, headers, body }: Sendable): string {
  const parts = [`curl -i -X ${method} ${quoted(origin + url)}`]
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (body?.chunked) parts.push(`-H 'transfer-encoding: chunked'`)
  if (body) parts.push(`--data-binary ${quoted(body.bytes.subarray(0, MOST_SHOWN))}`)
  if (body && body.bytes.length > MOST_SHOWN) parts.push(`# of ${body.bytes.length} bytes`)
  return parts.join(' ')
}

const MOST_SHOWN = 4000

function quoted(text: string | Uint8Array): string {
  const escaped = [...Buffer.from(text as string)].map((byte) => {
    const char = String.fromCharCode(byte)
    if (byte < 32 || byte > 126) return `\\x${byte.toString(16).padStart(2, '0')}`
    return char === "'" || char === '\\' ? `\\${char}` : char
  })
  return `$'${escaped.join('')}'`
}
