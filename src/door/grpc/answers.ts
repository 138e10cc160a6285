import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Problem } from '../../base/errors.ts'
import type { Call, Context, Reply } from '../../call/call.ts'
import { type CallHead, REPLY_HEADER } from '../../call/call-head.ts'
import { withContext } from '../../call/context.ts'
import { writeProblem, writeReplyHead } from '../../call/reply-head.ts'
import type { Greeting } from '../greeting.ts'
import { respondWith } from './rpc-stream.ts'
import { CODES, codeOf, statusDetails } from './status.ts'
import { readTyped, type TypedRpc, writeTyped } from './typed-calls.ts'

/** How the message of an rpc is read, and how it is answered. */
export interface Answering {
  read(head: CallHead, message: Uint8Array, context: Context): Call
  reply(reply: Reply, context: Context): void
  problem(shown: ShownProblem, context: Context): void
}

export interface ShownProblem {
  readonly problem: Problem
  readonly message: string
  readonly status: number
}

/** Content type of the calls of Lintel itself: the message is the JSON body, and the call stands in the metadata. */
export const LINTEL_TYPE = 'application/grpc+lintel'
export const PROTO_TYPE = 'application/grpc+proto'
/** The HTTP status of a reply, in its metadata. */
export const STATUS_HEADER = 'lintel-status'
/** The rpc that stays open: its messages are frames, of many calls and of their answers. */
export const EXCHANGE = '/lintel.v1.Calls/Exchange'
/** What its answer begins with where it is taken, as that of HTTP does. */
export const TAKEN = '101'

/** For Lintel's own client, which gets back what the HTTP door would give it: the same status, line and body. */
export function lintelAnswering(stream: ServerHttp2Stream): Answering {
  const answer = (status: number, line: string, body: Reply['body'], code: number) => {
    const headers = { 'content-type': LINTEL_TYPE, [STATUS_HEADER]: String(status), [REPLY_HEADER]: line }
    respondWith(stream, headers, typeof body === 'string' ? Buffer.from(body) : (body ?? NOTHING), { code })
  }
  return {
    read: (head, message, context) => withContext(head, context, head.digest === undefined ? undefined : message),
    reply: ({ status, headers, body }, { rateLimits }) =>
      answer(status, writeReplyHead({ headers }, rateLimits), body, CODES.OK),
    problem: ({ problem, status }, { rateLimits }) =>
      answer(
        status,
        writeReplyHead({ problem: true }, rateLimits),
        writeProblem(problem),
        codeOf(problem.code, status),
      ),
  }
}

/** What the HTTP door says with 421: the caller compares, and comes again where the two go together. */
export function greet(stream: ServerHttp2Stream, greeting: Greeting): void {
  const line = writeReplyHead({ greeting: true })
  const headers = { 'content-type': LINTEL_TYPE, [STATUS_HEADER]: '421', [REPLY_HEADER]: line }
  respondWith(stream, headers, Buffer.from(JSON.stringify(greeting)), { code: CODES.FAILED_PRECONDITION })
}

const NOTHING = new Uint8Array()

/** For clients that have the `.proto`: headers of the reply are metadata, and a problem is a google.rpc.Status. */
export function typedAnswering(stream: ServerHttp2Stream, rpc: TypedRpc): Answering {
  const head = (status: number, { requestId }: Context, headers: Reply['headers'] = {}): OutgoingHttpHeaders => ({
    'content-type': PROTO_TYPE,
    [STATUS_HEADER]: String(status),
    'x-request-id': requestId,
    ...headers,
  })
  return {
    read: ({ operation }, message, context) => ({ ...readTyped(rpc, message), operation, context }),
    reply: (reply, context) =>
      respondWith(stream, head(reply.status, context, reply.headers), writeTyped(rpc, reply), { code: CODES.OK }),
    problem({ problem, message, status }, context) {
      const code = codeOf(problem.code, status)
      const { details, retryAfterS } = problem
      const shown = { code: problem.code, message, requestId: context.requestId, details, retryAfterS }
      const trailers = { 'lintel-code': problem.code, 'grpc-status-details-bin': statusDetails(code, shown) }
      respondWith(stream, head(status, context, problem.headers), undefined, { code, message, trailers })
    },
  }
}
