import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { Contract } from '../contract/contract.ts'
import { recorded, type Span, type Tracer } from '../observe/span.ts'
import type { Call, Port, Reply } from './call.ts'

type Called = Pick<Contract, 'name' | 'problems'>

/** The port of a service, each call of which is a span: part of the caller's, be that here or in another process. */
export function tracedService(port: Port, service: Called, tracer: Tracer): Port {
  return (call) => {
    const { operation, context } = call
    const attributes = { 'lintel.service': service.name, 'lintel.request_id': context.requestId }
    const span =
      context.span === undefined
        ? tracer.root(operation, 'server', context.trace, attributes)
        : context.span.child(operation, 'internal', attributes)
    return during(span, port, call, service)
  }
}

/** A port to another service, each call of which is a span of the caller's. Its id is what the other process hears of. */
export function tracedCalls(port: Port, service: Called): Port {
  return (call) => {
    const span = call.context.span?.child(call.operation, 'client', { 'peer.service': service.name })
    return span === undefined ? port(call) : during(span, port, call, service)
  }
}

/** A context carries one call at a time: what is done meanwhile is part of this span. */
async function during(span: Span, port: Port, call: Call, service: Called): Promise<Reply> {
  const { context } = call
  const { span: outer } = context
  context.span = span
  try {
    return await recorded(
      span,
      () => port(call),
      (error) => statusOf(error, service) >= 500,
    )
  } finally {
    context.span = outer
  }
}

/** What is the caller's mistake is no failure of the service. */
function statusOf(error: unknown, { problems }: Called): number {
  if (error instanceof CallProblem) return error.status
  return (error instanceof Problem ? problems[error.code]?.status : undefined) ?? 500
}
