import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { hasBody } from './framing.ts'
import { untilBodyIsIn } from './respond.ts'

export interface StreamOptions {
  readonly coding?: NodeJS.ReadWriteStream | undefined
  /** A client that takes nothing for so long is cut: what it asked for holds a connection to somewhere else; 60,000. */
  readonly stalledMs?: number
}

/**
 * Sends an answer as fast as its client reads it, piece by piece, through `coding` where one is given. `headers` are names and
 * values in turn. Rejects when the body breaks off; the connection is then cut, as nothing else tells the client (RFC 9112 8).
 */
export async function respondStream(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: string[],
  body: Readable,
  { coding, stalledMs = 60_000 }: StreamOptions = {},
): Promise<void> {
  if (res.destroyed || res.headersSent) {
    body.destroy()
    return
  }
  // An upstream may answer before it has read all: what the client still sends is then no request.
  const unread = hasBody(req) && !req.complete
  try {
    res.writeHead(status, unread ? [...headers, 'connection', 'close'] : headers)
  } catch (error) {
    body.destroy()
    throw error
  }
  // The first piece takes the head with it. Where it is yet to be made, as of events, the client wants the head now.
  if (body.readableLength === 0) res.flushHeaders()
  res.setTimeout(stalledMs, () => res.destroy())
  try {
    if (coding) await pipeline(body, coding, res, { end: !unread })
    else await pipeline(body, res, { end: !unread })
  } catch (error) {
    res.destroy()
    throw error
  }
  if (!unread) return
  await untilBodyIsIn(req)
  res.end()
}
