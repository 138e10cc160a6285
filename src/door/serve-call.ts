import { Problem } from '../base/errors.ts'
import type { Log, Reply } from '../call/call.ts'
import { withContext } from '../call/context.ts'
import { writeProblem, writeReplyHead } from '../call/reply-head.ts'
import { shownProblem } from '../http/problem-answer.ts'
import { watch } from '../resilience/watch.ts'
import type { Arrival } from './arrivals.ts'
import type { DoorAnswer } from './door-answer.ts'
import { DoorContext } from './door-context.ts'

export interface ServingOptions {
  readonly log: Log
  /** Told of every call when its answer has been handed over. */
  readonly observe?: ((operation: string, status: number, ms: number) => void) | undefined
}

/** Has the service do what is asked, and answers in any case. Never rejects. */
export async function serveCall(
  { head, behind }: Arrival & { kind: 'call' },
  body: Uint8Array | undefined,
  via: DoorAnswer,
  { log, observe }: ServingOptions,
): Promise<void> {
  const { operation } = head
  const { problems } = behind.contract
  const answer = (status: number, line: string, text: Reply['body']) => {
    via.answer(status, line, text)
    observe?.(operation, status, performance.now() - context.startedMs)
  }
  const tell = (error: unknown) => {
    // The caller is gone, and the service stopped for that: there is nobody to tell.
    if (context.abandoned) return
    const { problem, spec } = shownProblem(error, { operation, problems, log: context.late ? undefined : context.log })
    answer(spec.status, writeReplyHead({ problem: true }, context.rateLimits), writeProblem(problem))
  }
  const context = new DoorContext(head, {
    log,
    isAbandoned: () => via.isAbandoned(),
    answerLate: () => tell(new Problem('GATEWAY_TIMEOUT', 'The request took too long')),
  })
  watch.add(context)
  try {
    if (context.endIfLate()) return
    const { status, headers, body: text } = await behind.port(withContext(head, context, body))
    if (context.late) context.noteLate(operation, undefined)
    else answer(status, writeReplyHead({ headers }, context.rateLimits), text)
  } catch (error) {
    if (context.late) context.noteLate(operation, error)
    else tell(error)
  } finally {
    watch.delete(context)
  }
}
