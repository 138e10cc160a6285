import { handled } from '../base/handled.ts'
import { dropStream, keepStream } from '../base/streams.ts'
import type { Call, Context, Reply } from '../call/call.ts'
import { CalledContext } from '../call/context.ts'
import { Deadline } from '../resilience/deadline.ts'
import type { RouteUnit, Unit } from './handler.ts'
import type { OperationPlan } from './operation-plan.ts'
import { type RouteAnswer, replyOfRoute } from './route-answer.ts'
import { ReceivedRequest } from './route-request.ts'
import type { unitRunner } from './unit.ts'

/** Has the handler of a route answer a request. What it has written has committed when this resolves; its answer may go on. */
export async function serveRoute(
  plan: OperationPlan,
  call: Call,
  params: Readonly<Record<string, string>>,
  inUnit: ReturnType<typeof unitRunner>,
): Promise<Reply> {
  const { context, raw } = call
  if (raw === undefined) throw new Error(`${call.operation} is a route: it is asked for by HTTP alone`)
  const { operation, handler } = plan
  const timeoutMs = operation.timeoutMs ?? USUAL_MS
  const request = new ReceivedRequest(call, raw, params)
  const run: RouteUnit['run'] = (work) => handled(inUnit(work, within(context, timeoutMs), plan))
  let body: RouteAnswer['body']
  let isOver = false
  const answer = async (unit: Unit): Promise<Reply> => {
    // Of an attempt before, whose transaction met another.
    dropStream(body)
    const given = (await handler!(request as never, Object.assign(unit, { run }))) as RouteAnswer | undefined
    const kept = keepStream(given?.body)
    body = kept
    // Nobody waits for a handler that is late.
    if (isOver) dropStream(body)
    return replyOfRoute(operation, given && { ...given, body: kept })
  }
  try {
    return await inUnit(answer, context, plan)
  } catch (error) {
    isOver = true
    dropStream(body)
    throw error
  }
}

const USUAL_MS = 10_000

/** The context of work that may go on when the answer's head is out: until nobody reads it, and for so long. */
function within(context: Context, timeoutMs: number): Context {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)])
  return new CalledContext(context, { deadline: Deadline.after(timeoutMs), signal })
}
