import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../base/errors.ts'
import { tooLarge } from './body.ts'
import { BROKEN, brokenBody } from './broken-body.ts'
import { expectsContinue, hasBody } from './framing.ts'

/**
 * The body as it comes, as fast as it is read, and at most `limit` bytes of it: PAYLOAD_TOO_LARGE beyond it, at once where
 * Content-Length says so; REQUEST_TIMEOUT or VALIDATION_ERROR where it comes too late or breaks off. For whoever reads it once.
 */
export function streamBody(req: IncomingMessage, res: ServerResponse, limit: number): AsyncIterable<Uint8Array> {
  if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  let begun = false
  return {
    [Symbol.asyncIterator]() {
      // Whoever tries again, elsewhere, would take the rest for the whole.
      if (begun) throw new Problem('SERVICE_UNAVAILABLE', 'Busy: send the body again', { retryAfterS: 1 })
      return pieces(req, res, limit, () => {
        begun = true
      })
    },
  }
}

async function* pieces(
  req: IncomingMessage,
  res: ServerResponse,
  limit: number,
  begin: () => void,
): AsyncGenerator<Uint8Array> {
  begin()
  if (!hasBody(req)) return
  const broken = brokenBody(req)
  if (broken !== undefined) throw broken
  // Only now is it known that somebody wants it (RFC 9110 10.1.1).
  if (expectsContinue(req) && !res.headersSent) res.writeContinue()
  let size = 0
  let failure: unknown
  let wake = () => {}
  const told = () => wake()
  const fail = (error: unknown) => {
    failure ??= error
    wake()
  }
  const closed = () => {
    if (!req.readableEnded) fail(new Problem('VALIDATION_ERROR', 'The body ended early'))
  }
  req.on('readable', told).on('end', told).once(BROKEN, fail).once('close', closed)
  try {
    for (;;) {
      if (failure !== undefined) throw failure
      const chunk: Buffer | null = req.read()
      if (chunk !== null) {
        size += chunk.length
        if (size > limit) throw tooLarge(limit)
        yield chunk
      } else if (req.readableEnded) return
      else if (req.destroyed) closed()
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    // What is left unread is for whoever answers.
    req.off('readable', told).off('end', told).off(BROKEN, fail).off('close', closed)
  }
}
