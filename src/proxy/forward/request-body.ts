import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { Problem } from '../../base/errors.ts'
import { readBody } from '../../http/body.ts'
import { BROKEN, brokenBody } from '../../http/broken-body.ts'
import { expectsContinue, hasBody } from '../../http/framing.ts'

/** A request's body on its way to an upstream. */
export interface RequestBody {
  /** For one attempt. */
  open(): Readable | Uint8Array | undefined
  /** It is sent while it comes, as fast as the upstream reads. */
  readonly streams: boolean
  /** Whether another attempt can send all of it: it is kept here, or nothing of it was read yet. */
  readonly whole: boolean
  /** Why it could not be read to its end; this, and not what the upstream makes of it, is then what went wrong. */
  readonly failure: Problem | undefined
  /** The upstream waits for the caller, who has sent nothing more. */
  readonly starved: boolean
}

/** So much is read before it is sent: it can be sent again, and a slow sender holds no connection to the upstream. */
const KEPT_BYTES = 64 * 1024

/**
 * Small bodies are kept, the rest is streamed as fast as the upstream reads, with a bound: PAYLOAD_TOO_LARGE beyond `limit`,
 * at once where Content-Length says so. Of a streamed one `moved` is called whenever a piece has gone on, and `arrived` after the last.
 */
export function requestBody(
  req: IncomingMessage,
  res: ServerResponse,
  limit: number,
  moved: () => void,
  arrived: () => void,
): RequestBody | Promise<RequestBody> {
  if (!hasBody(req)) return NONE
  const length = req.headers['content-length']
  if (length !== undefined && Number(length) <= KEPT_BYTES) {
    const kept = readBody(req, res, limit)
    return kept.then((body) => ({ ...NONE, open: () => body }))
  }
  if (Number(length ?? 0) > limit) throw tooLarge(limit)
  return streamed(req, res, limit, moved, arrived)
}

const NONE: RequestBody = { open: () => undefined, streams: false, whole: true, failure: undefined, starved: false }

function streamed(
  req: IncomingMessage,
  res: ServerResponse,
  limit: number,
  moved: () => void,
  arrived: () => void,
): RequestBody {
  let begun = false
  /** Of more from the caller. */
  let waiting = false
  let size = 0
  let failure: Problem | undefined

  function open(): Readable {
    const fail = (problem: Problem) => {
      failure = problem
      body.destroy(problem)
    }
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) return fail(tooLarge(limit))
      moved()
      waiting = body.push(chunk)
      if (!waiting) req.pause()
    }
    const end = () => {
      body.push(null)
      moved()
      arrived()
    }
    const close = () => {
      if (!req.complete) fail(new Problem('VALIDATION_ERROR', 'The body ended early'))
    }
    let listening = false
    const body = new Readable({
      // Called when the upstream is there to take it: until then nothing is read.
      read() {
        if (!listening) {
          listening = true
          if (!begun && expectsContinue(req)) res.writeContinue()
          begun = true
          req.on('data', take).once('end', end).once(BROKEN, fail).once('close', close)
          const broken = brokenBody(req)
          if (broken !== undefined) fail(broken)
        }
        waiting = true
        req.resume()
      },
      destroy(error, done) {
        // What is left unread is for whoever answers.
        if (listening) req.off('data', take).off('end', end).off(BROKEN, fail).off('close', close).pause()
        done(error)
      },
    })
    return body
  }

  return {
    open,
    streams: true,
    get whole() {
      return !begun
    },
    get failure() {
      return failure
    },
    get starved() {
      return waiting && !req.complete
    },
  }
}

function tooLarge(limit: number): Problem {
  return new Problem('PAYLOAD_TOO_LARGE', `The body is larger than ${limit} bytes`)
}
