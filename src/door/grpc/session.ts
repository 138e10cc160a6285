import { type ClientHttp2Session, connect } from 'node:http2'
import { SESSION_WINDOW, STREAM_WINDOW } from './grpc-server.ts'

const CONNECT_TIMEOUT_MS = 1_000

/** A connection of HTTP/2 to an origin like `http://10.0.0.7:5001`; it ends where there is none after a second. */
export function openSession(origin: string): ClientHttp2Session {
  const session = connect(origin, { settings: { initialWindowSize: STREAM_WINDOW, enablePush: false } })
  session.on('error', () => {})
  const late = setTimeout(() => session.destroy(new ConnectTimeout(origin)), CONNECT_TIMEOUT_MS)
  session.once('connect', () => {
    clearTimeout(late)
    session.setLocalWindowSize(SESSION_WINDOW)
  })
  session.once('close', () => clearTimeout(late))
  return session
}

class ConnectTimeout extends Error {
  constructor(origin: string) {
    super(`no connection to ${origin} within ${CONNECT_TIMEOUT_MS} ms`)
  }
}
