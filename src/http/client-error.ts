import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { PROBLEMS } from '../contract/problem.ts'
import { envelope } from './problem-answer.ts'
import { REFUSALS } from './refusals.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

const LINGER_MS = 500
const answered = new WeakSet<Socket>()

/**
 * Answers what never became a request: bytes that are no HTTP, headers beyond the bound, a sender that is too slow.
 * There is no ServerResponse then, so the answer is written on the bare socket.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // The parser goes on failing on whatever else arrives.
  if (answered.has(socket)) return
  answered.add(socket)
  // The last answer is on its way out, and the end comes after it.
  if (socket.writableEnded) return
  // A connection opened ahead of need, and not used: a 408 would be taken for the answer to a request that comes later.
  const unused = socket.bytesRead === 0
  if (unused || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const underWay = (socket as { _httpMessage?: ServerResponse })._httpMessage
  if (underWay?.req.complete) {
    // What is broken came after a whole request: the answer to that one goes out, and ends the connection.
    if (!underWay.headersSent) underWay.setHeader('connection', 'close')
    underWay.once('close', () => socket.destroySoon())
    return
  }
  // Bytes in the middle of an answer would be read as a part of it.
  if (underWay?.headersSent) {
    socket.destroy()
    return
  }
  socket.end(textOf(error.code))
  // Not destroyed at once: closing with unread bytes resets the connection, and the client would not see the answer.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

/** For CONNECT, which is no request for anything here: there is no ServerResponse either. */
export function refuseConnect(socket: Socket): void {
  socket.on('error', () => {})
  socket.end(text('VALIDATION_ERROR', 'CONNECT is not supported: this server is not a proxy'))
}

function textOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return text('HEADERS_TOO_LARGE')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return text('REQUEST_TIMEOUT')
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return text('PAYLOAD_TOO_LARGE', 'The chunk extensions are too large')
  return text('VALIDATION_ERROR', 'The request is not valid HTTP/1.1 (RFC 9112)')
}

const STATUS_LINES: Record<number, string> = {
  400: '400 Bad Request',
  408: '408 Request Timeout',
  413: '413 Payload Too Large',
  431: '431 Request Header Fields Too Large',
}

const SECURITY_LINES = SECURITY_HEADERS.flatMap((name, i) =>
  i % 2 === 0 ? [`${name}: ${SECURITY_HEADERS[i + 1]}`] : [],
)

function text(code: string, message?: string): string {
  const spec = (PROBLEMS[code] ?? REFUSALS[code])!
  const requestId = newId('req')
  const body = envelope(new Problem(code, message), spec, requestId)
  return [
    `HTTP/1.1 ${STATUS_LINES[spec.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    ...SECURITY_LINES,
    `x-request-id: ${requestId}`,
    `date: ${new Date().toUTCString()}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
