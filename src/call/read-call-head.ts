import type { FieldFault } from '../base/errors.ts'
import { isRequestId } from '../base/ids.ts'
import { CALL_HEADER, type CallHead } from './call-head.ts'

/**
 * The head of a call, or what is wrong with it. Its proof is known to be good by then: whoever sent it has the key and is told,
 * and the service may rely on every member.
 */
export function readCallHead(line: string): CallHead | FieldFault {
  let given: unknown
  try {
    given = JSON.parse(line)
  } catch {
    return { field: CALL_HEADER, message: 'must be JSON' }
  }
  if (!isObject(given)) return { field: CALL_HEADER, message: 'must be a JSON object' }
  // A client that has the `.proto` says what it asks in its message.
  const head = given.path === undefined && given.params === undefined ? { ...UNASKED, ...given } : given
  for (const [name, isRight, expected] of CHECKS)
    if (!isRight(head[name])) return { field: name, message: `must be ${expected}` }
  return head as unknown as CallHead
}

/** Whether it is for an rpc whose message says what is asked: it names no method. */
export function isUnasked({ method }: CallHead): boolean {
  return method === ''
}

const UNASKED = { method: '', version: 1, params: [], query: [], path: '' }

type Check = readonly [isRight: (value: unknown) => boolean, expected: string]

const METHODS: ReadonlySet<unknown> = new Set(['', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

const isText = (value: unknown) => typeof value === 'string'
const TEXT: Check = [isText, 'a string']
const OPTIONAL_TEXT: Check = [(value) => value === undefined || isText(value), 'a string, or absent']

const MEMBERS: Readonly<Record<keyof CallHead, Check>> = {
  to: TEXT,
  from: TEXT,
  contract: OPTIONAL_TEXT,
  atMs: [Number.isFinite, 'a time in milliseconds'],
  digest: OPTIONAL_TEXT,
  raw: [(value) => value === undefined || isRaw(value), 'a URL and headers, or absent'],
  requestId: [isRequestId, '1 to 64 letters, digits, dots, hyphens or underscores'],
  traceparent: OPTIONAL_TEXT,
  tracestate: OPTIONAL_TEXT,
  caller: [(value) => value === undefined || isCaller(value), 'a user or a service, or absent'],
  actor: OPTIONAL_TEXT,
  address: OPTIONAL_TEXT,
  remainingMs: [(value) => value === undefined || Number.isFinite(value), 'a number of milliseconds, or absent'],
  operation: TEXT,
  method: [(value) => METHODS.has(value), 'GET, HEAD, POST, PUT, PATCH or DELETE'],
  version: [(value) => Number.isSafeInteger(value) && Number(value) >= 1, 'a whole number from 1'],
  params: [isTexts, 'a list of strings'],
  query: [(value) => Array.isArray(value) && value.every(isPair), 'a list of pairs of strings'],
  path: TEXT,
  contentType: OPTIONAL_TEXT,
  ifMatch: OPTIONAL_TEXT,
  ifNoneMatch: OPTIONAL_TEXT,
  idempotencyKey: OPTIONAL_TEXT,
  noCache: [(value) => value === undefined || typeof value === 'boolean', 'true or false, or absent'],
}

const CHECKS = Object.entries(MEMBERS).map(([name, [isRight, expected]]) => [name, isRight, expected] as const)

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}

/** A name, a value, and the pieces between its commas where it has some. */
function isPair(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2 || value.length > 3) return false
  const [name, text, pieces] = value
  return isText(name) && isText(text) && (pieces === undefined || isTexts(pieces))
}

function isRaw(value: unknown): boolean {
  if (!isObject(value) || !isText(value.url) || !isObject(value.headers)) return false
  return Object.values(value.headers).every(isText)
}

function isCaller(value: unknown): boolean {
  if (!isObject(value)) return false
  const { kind, id, email, roles, sid, name, issuedAtMs, expiresAtMs } = value
  if (kind === 'service') return isText(name)
  if (kind !== 'user') return kind === 'anonymous'
  const isTimed = Number.isFinite(issuedAtMs) && Number.isFinite(expiresAtMs)
  return isText(id) && isText(email) && isText(sid) && isTexts(roles) && isTimed
}
