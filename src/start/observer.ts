import type { Caller } from '../auth/caller.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Refusal } from '../http/client-error.ts'
import type { Access } from '../observe/access-log.ts'
import type { RequestCounts } from '../observe/request-counts.ts'
import type { Span, Tracer } from '../observe/span.ts'

/** What a gateway tells of each request: to the counters of `/metrics`, to the access log, and to its span, which ends here. */
export function observer(
  write: ((access: Access) => void) | undefined,
  counts: RequestCounts | undefined,
  tracer: Tracer | undefined,
): ((exchange: Exchange) => void) | undefined {
  if (write === undefined && counts === undefined && tracer === undefined) return undefined
  return (exchange) => {
    const { req, res, route } = exchange
    // As nginx says it: the client went away before its answer.
    const status = res.headersSent ? res.statusCode : 499
    const ms = performance.now() - exchange.startedMs
    if (exchange.requestSpan !== undefined) endSpan(exchange.requestSpan, status)
    counts?.add(route?.operation.id, status, ms)
    write?.({
      method: req.method!,
      template: route?.operation.path,
      status,
      ms,
      caller: nameOf(exchange.caller),
      requestId: exchange.requestId,
      traceId: exchange.trace.traceId,
    })
  }
}

/** The same of what never became a request: one each, and each has cost its client a connection. */
export function refusalObserver(
  write: ((access: Access) => void) | undefined,
  counts: RequestCounts | undefined,
): (refusal: Refusal) => void {
  return ({ status, requestId }) => {
    counts?.add(undefined, status, 0)
    write?.({
      method: undefined,
      template: undefined,
      status,
      ms: 0,
      caller: undefined,
      requestId,
      traceId: undefined,
    })
  }
}

/** A server's span has failed from 500 on; what is the client's mistake is none of its own. */
function endSpan(span: Span, status: number): void {
  span.set({ 'http.response.status_code': status })
  if (status >= 500) span.fail(`${status}`)
  span.end()
}

function nameOf(caller: Caller): string | undefined {
  if (caller.kind === 'user') return caller.id
  return caller.kind === 'service' ? caller.name : undefined
}
