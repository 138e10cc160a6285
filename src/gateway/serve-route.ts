import { Problem } from '../base/errors.ts'
import { dropStream } from '../base/streams.ts'
import type { RawRequest } from '../call/call.ts'
import { isOneOf, type ServedRoute } from '../contract/served-route.ts'
import { readBody } from '../http/body.ts'
import { streamBody } from '../http/body-stream.ts'
import { hasBody } from '../http/framing.ts'
import { createRouteStreams } from '../http/route-streams.ts'
import { watch } from '../resilience/watch.ts'
import { reachOf } from '../service/access.ts'
import type { Exchange } from './exchange.ts'
import type { LoadShedder } from './load-shedder.ts'
import { headerFilter, isPassable } from './outside-headers.ts'
import type { Sending } from './sending.ts'

export interface RouteServingOptions {
  readonly shedder: LoadShedder
  readonly sending: Sending
  readonly requestTimeoutMs: number
  /** How long a body that is not streamed may take to arrive; as long as the server lets it without one. */
  readonly bodyTimeoutMs: number | undefined
  readonly answerLate: (exchange: Exchange) => void
  readonly noteLate: (exchange: Exchange, error: unknown) => void
}

export interface RouteServing {
  /** Answers a request of a route; what it rejects with is still to be answered. */
  serve(exchange: Exchange): Promise<void>
  /** Ends what has no end of its own, from now on too. */
  drain(): void
}

/** The way of a request of a route, when it is known who asks, and counted. */
export function createRouteServing(options: RouteServingOptions): RouteServing {
  const { shedder, sending, requestTimeoutMs, bodyTimeoutMs, answerLate, noteLate } = options
  const open = createRouteStreams()

  async function serve(exchange: Exchange): Promise<void> {
    const { operation, port } = exchange.route!
    const route = operation.route!
    open.check(operation, exchange)
    exchange.reach = reachOf(operation, exchange.caller, exchange.params)
    if (exchange.reach === 'none') throw new Problem('FORBIDDEN')
    exchange.raw = await readRequest(exchange, route, bodyTimeoutMs)
    // A body that streams takes as long as its sender likes: that says nothing of the service.
    const streams = exchange.raw.stream !== undefined
    if (!streams) shedder.enter(exchange)
    exchange.begin(operation.timeoutMs ?? requestTimeoutMs, answerLate)
    watch.add(exchange)
    const asking = streams ? open.during(operation, exchange, () => port!(exchange)) : port!(exchange)
    const reply = await asking.finally(() => watch.delete(exchange))
    if (exchange.late) {
      dropStream(reply.stream)
      return noteLate(exchange, undefined)
    }
    // From here on it takes as long as its client reads: that is no queue.
    shedder.leave(exchange, reply.status)
    if (reply.stream === undefined || exchange.req.method === 'HEAD') {
      dropStream(reply.stream)
      return sending.raw(exchange, reply)
    }
    await open.send(operation, exchange, reply.stream, (stream) => sending.rawStream(exchange, reply, stream))
  }

  return { serve, drain: open.drain }
}

async function readRequest(
  exchange: Exchange,
  { body }: ServedRoute,
  bodyTimeoutMs: number | undefined,
): Promise<RawRequest> {
  const { req, res, contentType } = exchange
  const raw = { url: req.url!, headers: headersOf(exchange) }
  const { method } = req
  const isBodiless = body === undefined || method === 'GET' || method === 'HEAD' || method === 'DELETE'
  if (!hasBody(req)) return raw
  if (isBodiless) throw new Problem('VALIDATION_ERROR', `${method} requests of this path must not have a body`)
  if (contentType === undefined ? !body.types.includes('*/*') : !isOneOf(contentType, body.types))
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', `Send ${body.types.join(' or ')}`, {
      headers: { accept: body.types.join(', ') },
    })
  const coding = req.headers['content-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'The body must be sent without Content-Encoding', {
      headers: { 'accept-encoding': 'identity' },
    })
  if (body.streamed) return { ...raw, stream: streamBody(req, res, body.maxBytes) }
  exchange.body = await readBody(req, res, body.maxBytes, bodyTimeoutMs)
  return raw
}

const isDropped = headerFilter()

function headersOf({ req, route }: Exchange): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in req.headers) {
    // What a handler is asked for by: signatures are made over it.
    const isAsked = name === 'host' || isPassable(name)
    if (!isAsked || isDropped(name, false)) continue
    if (name === 'authorization' && route!.operation.facts.readsToken) continue
    const value = req.headers[name]
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return headers
}
