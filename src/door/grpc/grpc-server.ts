import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Log } from '../../call/call.ts'

export interface GrpcServer {
  /** Takes a connection that begins with HTTP/2's preface. */
  take(socket: Socket): void
  /** Asks every client to begin no more rpcs, and waits for those under way; gives the number of connections that were cut. */
  close(options: { timeoutMs: number }): Promise<number>
}

/** Window of a stream and of a connection: with HTTP/2's 64 KiB an answer of 16 MiB would wait for 256 round trips. */
export const STREAM_WINDOW = 1024 * 1024
export const SESSION_WINDOW = 16 * 1024 * 1024

/** HTTP/2 as gRPC speaks it between processes, with bounds on what a connection may hold. */
export function createGrpcServer(
  handle: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  { log }: { log: Log },
): GrpcServer {
  const server = createServer({
    settings: { maxConcurrentStreams: 1024, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 65_536 },
    // Megabytes; beyond it new streams are rejected.
    maxSessionMemory: 256,
  })
  const sessions = new Set<ServerHttp2Session>()
  let closing = false
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(SESSION_WINDOW)
    session.once('close', () => sessions.delete(session))
    if (closing) session.close()
  })
  // What a peer sends that is no HTTP/2 ends its connection, and nothing else.
  server.on('sessionError', (err) => log.debug({ err }, 'a gRPC connection ended'))
  server.on('stream', handle)

  return {
    take: (socket) => void server.emit('connection', socket),
    async close({ timeoutMs }) {
      closing = true
      const closed = Promise.all([...sessions].map(closedOf))
      let cut = 0
      const deadline = setTimeout(() => {
        cut = sessions.size
        for (const session of sessions) session.destroy()
      }, timeoutMs)
      await closed
      clearTimeout(deadline)
      return cut
    },
  }
}

function closedOf(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    session.once('close', resolve)
    session.close()
  })
}
