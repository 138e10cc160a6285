import type { IncomingMessage, ServerResponse } from 'node:http'
import { REPLY_HEADER } from '../call/call-head.ts'
import { logFailure } from '../call/failure-log.ts'
import type { Operation } from '../contract/operation.ts'
import { streamBody } from '../http/body-stream.ts'
import { respondStream } from '../http/respond-stream.ts'
import type { Asking, RouteStreams } from '../http/route-streams.ts'
import type { ServingOptions } from './serve-call.ts'

/** How the call of a route is carried that came as a request of its own: its body as it comes, its answer as it is made. */
export function carryingRoute(
  operation: Operation,
  asking: Asking,
  req: IncomingMessage,
  res: ServerResponse,
  streams: RouteStreams,
): Pick<ServingOptions, 'stream' | 'sendStream'> {
  const { body } = operation.route!
  streams.check(operation, asking)
  return {
    stream: body?.streamed ? streamBody(req, res, body.maxBytes) : undefined,
    async sendStream(context, { status, line, stream }) {
      const streaming = { ...asking, res, signal: context.signal, endStream: () => context.endStream() }
      try {
        await streams.send(operation, streaming, stream, (body) =>
          respondStream(req, res, status, [REPLY_HEADER, line], body),
        )
      } catch (error) {
        // Else it is the caller who went away.
        if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE')
          logFailure(context.log, operation.id, error, undefined)
      }
    },
  }
}
