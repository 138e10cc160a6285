import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../base/errors.ts'
import { BROKEN, breakBody, brokenBody } from './broken-body.ts'
import { expectsContinue } from './framing.ts'

/**
 * The body's bytes, at most `limit` of them: PAYLOAD_TOO_LARGE beyond it, at once where Content-Length says so; REQUEST_TIMEOUT or
 * VALIDATION_ERROR when it comes too late or is not HTTP. The rest of a refused body is left to `respond`, which sees to it that the client can read the answer.
 */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  limit: number,
  timeoutMs?: number,
): Promise<Uint8Array> {
  const broken = brokenBody(req)
  if (broken !== undefined) throw broken
  if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  // The client waits to hear that its body is wanted (RFC 9110 10.1.1): everything before this step could still refuse it.
  if (expectsContinue(req)) res.writeContinue()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) {
        req.off('data', take)
        reject(tooLarge(limit))
      } else chunks.push(chunk)
    }
    req.on('data', take)
    const late = timeoutMs === undefined ? undefined : setTimeout(() => breakBody(req, tooLate()), timeoutMs)
    // Each comes once: `once` would only cost more.
    req.on('end', () => {
      clearTimeout(late)
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
    })
    // After `end` these change nothing.
    req.on(BROKEN, reject)
    req.on('close', () => {
      clearTimeout(late)
      // To make a Problem costs its stack.
      if (!req.readableEnded) reject(new Problem('VALIDATION_ERROR', 'The body ended early'))
    })
  })
}

export function tooLarge(limit: number): Problem {
  return new Problem('PAYLOAD_TOO_LARGE', `The body is larger than ${limit} bytes`)
}

function tooLate(): Problem {
  return new Problem('REQUEST_TIMEOUT', 'The body took too long to arrive')
}
