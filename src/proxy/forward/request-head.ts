import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { BlockList, Socket } from 'node:net'
import type { UserCaller } from '../../auth/caller.ts'
import { type HeaderFilter, OURS } from '../../gateway/outside-headers.ts'
import type { ForwardedRequest } from '../../gateway/remote.ts'
import { endToEnd } from '../../http/hop-by-hop.ts'
import { hostOf } from '../../http/host.ts'
import { isTrusted, plainAddress } from '../../limits/client-address.ts'

/** Who asks, for the upstream; none of these is ever taken from outside. */
export const IDENTITY = { user: 'lintel-user-id', email: 'lintel-user-email', roles: 'lintel-user-roles' } as const

/** How many milliseconds are left for the answer. */
export const TIMEOUT = 'lintel-timeout-ms'

/**
 * The headers of a request as the upstream gets them, names and values in turn: what is end to end and not an identity, then
 * who asks, on whose behalf, and by which way, and the time that is left. Host is the upstream's own.
 */
export function requestHead(
  exchange: ForwardedRequest,
  trusted: BlockList | undefined,
  isDropped: HeaderFilter,
): (remainingMs: number) => string[] {
  const { req, requestId, caller } = exchange
  const head: string[] = []
  const viaProxy = trusted !== undefined && isTrusted(plainAddress(req.socket.remoteAddress ?? ''), trusted)
  endToEnd(req.rawHeaders, (name, value) => {
    if (OURS.has(name) || isDropped(name, viaProxy)) return
    head.push(name, value)
  })
  head.push('x-request-id', requestId)
  pushTrace(head, req)
  for (const part of viaProxy ? wayOf(req, true) : ownWayOf(req)) head.push(part)
  if (caller.kind === 'user') for (const part of identityOf(caller)) head.push(part)
  const at = head.push(TIMEOUT, '') - 1
  // Of several attempts one is under way at a time.
  return (remainingMs) => {
    head[at] = String(Math.ceil(remainingMs))
    return head
  }
}

/** The caller's, if it is one (W3C Trace Context); else a new one, not sampled: this gateway records nothing. */
function pushTrace(head: string[], { headers }: IncomingMessage): void {
  const given = headers.traceparent
  if (typeof given === 'string' && TRACEPARENT.test(given)) {
    head.push('traceparent', given)
    if (typeof headers.tracestate === 'string') head.push('tracestate', headers.tracestate)
    return
  }
  const ids = randomHex48()
  head.push('traceparent', `00-${ids.slice(0, 32)}-${ids.slice(32)}-00`)
}

const pool = Buffer.alloc(24 * 128)
let used = pool.length

/** 48 digits. Many are drawn at once: a call for each would take 2 µs. */
function randomHex48(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += 24
  return pool.toString('hex', used - 24, used)
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Of a connection, where its requests name one host: the same every time. */
const ways = new WeakMap<Socket, { readonly host: string | undefined; readonly way: readonly string[] }>()

function ownWayOf(req: IncomingMessage): readonly string[] {
  const known = ways.get(req.socket)
  const host = hostOf(req)
  if (known !== undefined && known.host === host) return known.way
  const way = wayOf(req, false)
  ways.set(req.socket, { host, way })
  return way
}

/** What a trusted proxy says of the way before it is passed on with that proxy added; what anybody else says is dropped. */
function wayOf(req: IncomingMessage, viaProxy: boolean): readonly string[] {
  const { headers, socket } = req
  const peer = plainAddress(socket.remoteAddress ?? '')
  const before = (name: string) => (viaProxy ? (headers[name] as string | undefined) : undefined)
  const proto = before('x-forwarded-proto') ?? ('encrypted' in socket ? 'https' : 'http')
  const host = before('x-forwarded-host') ?? hostOf(req)
  const hops = before('x-forwarded-for')
  const chain = before('forwarded')
  const node = peer.includes(':') ? `"[${peer}]"` : peer
  const own = `for=${node}${host === undefined ? '' : `;host=${quoted(host)}`};proto=${quoted(proto)}`
  return [
    ...['x-forwarded-for', hops === undefined ? peer : `${hops}, ${peer}`],
    ...(host === undefined ? [] : ['x-forwarded-host', host]),
    ...['x-forwarded-proto', proto],
    ...['forwarded', chain === undefined ? own : `${chain}, ${own}`],
  ]
}

/** Of a caller, who is one value for all requests with one token. */
const identities = new WeakMap<UserCaller, readonly string[]>()

function identityOf(caller: UserCaller): readonly string[] {
  const known = identities.get(caller)
  if (known !== undefined) return known
  const identity = [IDENTITY.user, headerText(caller.id)]
  if (caller.email !== '') identity.push(IDENTITY.email, headerText(caller.email))
  if (caller.roles.length > 0) identity.push(IDENTITY.roles, caller.roles.map(headerText).join(','))
  identities.set(caller, identity)
  return identity
}

function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** What no header can hold, and what would look like the end of a value, is percent-encoded as UTF-8. */
function headerText(text: string): string {
  return text.replace(/[^\x21-\x24\x26-\x2b\x2d-\x7e]/gu, percentEncoded)
}

function percentEncoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
