import type { Caller } from '../auth/caller.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Access } from '../observe/access-log.ts'
import type { RequestCounts } from '../observe/request-counts.ts'

/** What a gateway tells of each request: to the counters of `/metrics`, and to the access log. */
export function observer(
  write: ((access: Access) => void) | undefined,
  counts: RequestCounts | undefined,
): ((exchange: Exchange) => void) | undefined {
  if (write === undefined && counts === undefined) return undefined
  return (exchange) => {
    const { req, res, route } = exchange
    // As nginx says it: the client went away before its answer.
    const status = res.headersSent ? res.statusCode : 499
    const ms = performance.now() - exchange.startedMs
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

function nameOf(caller: Caller): string | undefined {
  if (caller.kind === 'user') return caller.id
  return caller.kind === 'service' ? caller.name : undefined
}
