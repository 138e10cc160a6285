import { Problem } from '../base/errors.ts'
import { dropStream } from '../base/streams.ts'
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
  /** Of a route: its body, where it is read as it comes. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined
  /** Of a route: sends an answer that is made as it is read. Undefined where none can be carried. */
  readonly sendStream?: SendStream | undefined
}

export type SendStream = (
  context: DoorContext,
  reply: { readonly status: number; readonly line: string; readonly stream: NonNullable<Reply['stream']> },
) => Promise<void>

/** Has the service do what is asked, and answers in any case. Never rejects. */
export async function serveCall(
  { head, behind }: Arrival & { kind: 'call' },
  body: Uint8Array | undefined,
  via: DoorAnswer,
  { log, observe, stream: given, sendStream }: ServingOptions,
): Promise<void> {
  const { operation } = head
  const { problems } = behind.contract
  const answered = (status: number) => observe?.(operation, status, performance.now() - context.startedMs)
  const answer = (status: number, line: string, text: Reply['body']) => {
    via.answer(status, line, text)
    answered(status)
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
    const call = withContext(head, context, body)
    const reply = await behind.port(given === undefined ? call : { ...call, raw: { ...call.raw!, stream: given } })
    const { status, headers, cookies, body: text, stream } = reply
    if (context.late) {
      dropStream(stream)
      context.noteLate(operation, undefined)
    } else if (stream === undefined || head.method === 'HEAD') {
      dropStream(stream)
      answer(status, writeReplyHead({ headers, cookies }, context.rateLimits), text)
    } else {
      // Its deadline was for the head.
      watch.delete(context)
      const line = writeReplyHead({ headers, cookies, streams: true }, context.rateLimits)
      await sendStream!(context, { status, line, stream })
      answered(status)
    }
  } catch (error) {
    if (context.late) context.noteLate(operation, error)
    else tell(error)
  } finally {
    watch.delete(context)
  }
}
