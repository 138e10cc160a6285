import type { IncomingMessage } from 'node:http'
import type { BlockList, Socket } from 'node:net'
import type { UserCaller } from '../../auth/caller.ts'
import { TIMEOUT_HEADER, timeoutText } from '../../call/timeout-header.ts'
import { type HeaderFilter, OURS } from '../../gateway/outside-headers.ts'
import type { ForwardedRequest } from '../../gateway/remote.ts'
import { endToEnd } from '../../http/hop-by-hop.ts'
import { hostOf } from '../../http/host.ts'
import { isTrusted, plainAddress } from '../../limits/client-address.ts'
import { writeTraceparent } from '../../observe/trace.ts'

/** Who asks, for the upstream; none of these is ever taken from outside. */
export const IDENTITY = { user: 'lintel-user-id', email: 'lintel-user-email', roles: 'lintel-user-roles' } as const

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
  pushTrace(head, exchange)
  for (const part of viaProxy ? wayOf(req, true) : ownWayOf(req)) head.push(part)
  if (caller.kind === 'user') for (const part of identityOf(caller)) head.push(part)
  const at = head.push(TIMEOUT_HEADER, '') - 1
  // Of several attempts one is under way at a time.
  return (remainingMs) => {
    head[at] = timeoutText(remainingMs)
    return head
  }
}

/**
 * The request's trace, which its line in the log has too. What the caller sent is passed on as it is where this gateway adds no
 * span to the trace: an id of its own would be a parent that nobody ever finds.
 */
function pushTrace(head: string[], { req, trace }: ForwardedRequest): void {
  const given = req.headers.traceparent
  const isCallers = trace.spanId === undefined && typeof given === 'string' && given.slice(3, 35) === trace.traceId
  head.push('traceparent', isCallers ? given : writeTraceparent(trace))
  if (trace.state !== undefined) head.push('tracestate', trace.state)
}

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
