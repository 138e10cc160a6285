import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { newId } from '../../src/base/ids.ts'
import type { Answer } from './get-order.ts'
import { type Head, invalid, Refusal } from './refusal.ts'

type Route = (request: IncomingMessage, head: Head) => Promise<Answer>

/** Answers each request on this port of loopback with what `route` gives or throws. */
export function listen(port: number, route: Route): void {
  const options = { keepAliveTimeout: 72_000 }
  createServer(options, (request, response) => void serve(request, response, route)).listen(port, '127.0.0.1')
  process.once('SIGTERM', () => process.exit(0))
}

/** Of every answer; what browsers heed, as Lintel sends it. */
const CONSTANT = [
  ...['x-content-type-options', 'nosniff', 'x-frame-options', 'DENY', 'referrer-policy', 'no-referrer'],
  ...['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ...['strict-transport-security', 'max-age=31536000', 'api-version', '1'],
]

async function serve(request: IncomingMessage, response: ServerResponse, route: Route): Promise<void> {
  const given = request.headers['x-request-id']
  const requestId = typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newId('req')
  const head = ['x-request-id', requestId, ...CONSTANT]
  try {
    send(response, await route(request, head), head)
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error)
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'INTERNAL_ERROR', 'Something went wrong')
    const { status, code, message } = refusal
    head.push(...refusal.head)
    send(response, { status, json: JSON.stringify({ error: { code, message, requestId } }) }, head)
  }
}

/** Head and body in one write: end(body) alone would send an empty piece behind them, by a dearer system call. */
function send(response: ServerResponse, { status, json }: Answer, head: Head): void {
  if (json !== undefined) {
    head.push('content-type', 'application/json; charset=utf-8', 'content-length', `${Buffer.byteLength(json)}`)
    response.writeHead(status, head).write(json)
    response.socket?.uncork()
  } else response.writeHead(status, head)
  response.end()
}

const LARGEST_BODY = 1_048_576

export function readJson(request: IncomingMessage): Promise<unknown> {
  if (request.headers['content-type'] !== 'application/json')
    throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'The Content-Type must be application/json')
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > LARGEST_BODY) reject(new Refusal(413, 'PAYLOAD_TOO_LARGE', 'Send less'))
      else chunks.push(chunk)
    })
    request.on('error', reject)
    request.on('end', () => {
      try {
        resolve(JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()))
      } catch {
        reject(invalid('body', 'is no JSON'))
      }
    })
  })
}

export function allow(request: IncomingMessage, method: string): void {
  if (request.method !== method) throw new Refusal(405, 'METHOD_NOT_ALLOWED', 'Not here', ['allow', method])
}
