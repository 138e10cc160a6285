import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { PROBLEMS } from '../contract/problem.ts'
import { breakBody } from './broken-body.ts'
import { envelope } from './problem-answer.ts'
import { REFUSALS } from './refusals.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

const LINGER_MS = 500
const answered = new WeakSet<Socket>()

/** An answer to what never became a request. */
export interface Refusal {
  readonly status: number
  readonly requestId: string
}

/**
 * Answers what never became a request: bytes that are no HTTP, headers beyond the bound, a sender that is too slow.
 * There is no ServerResponse then, so the answer is written to the socket itself, and `refused` is called with it. Where only the body
 * is broken there is a request, and its handler answers it.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  refused?: ((refusal: Refusal) => void) | undefined,
): void {
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
  // Null once an answer has gone out.
  const underWay = (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
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
  const problem = refusalOf(error.code)
  if (underWay !== undefined) {
    breakBody(underWay.req, problem)
    return
  }
  refuse(socket, problem, refused)
  // Not destroyed at once: closing with unread bytes resets the connection, and the client would not see the answer.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

/** For CONNECT, which is no request for anything here: there is no ServerResponse either. */
export function refuseConnect(socket: Socket, refused?: ((refusal: Refusal) => void) | undefined): void {
  socket.on('error', () => {})
  refuse(socket, new Problem('VALIDATION_ERROR', 'CONNECT is not supported: this server is not a proxy'), refused)
}

function refusalOf(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('HEADERS_TOO_LARGE')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('REQUEST_TIMEOUT')
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new Problem('PAYLOAD_TOO_LARGE', 'The chunk extensions are too large')
  if (code === 'HPE_INVALID_EOF_STATE') return new Problem('VALIDATION_ERROR', 'The request ended early')
  return new Problem('VALIDATION_ERROR', 'The request is not valid HTTP/1.1 (RFC 9112)')
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

function refuse(socket: Socket, problem: Problem, refused: ((refusal: Refusal) => void) | undefined): void {
  const spec = (PROBLEMS[problem.code] ?? REFUSALS[problem.code])!
  const requestId = newId('req')
  const body = envelope(problem, spec, requestId)
  const lines = [
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
  ]
  socket.end(lines.join('\r\n'))
  refused?.({ status: spec.status, requestId })
}
