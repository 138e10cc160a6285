import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request as it came. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Reply = (response: ServerResponse, request: Seen) => void

/** A server that gives one reply after the other, the last one for ever, until the test is over. */
export async function answering(...replies: Reply[]) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const one = { method: request.method!, url: request.url!, headers: request.headers, body }
    seen.push(one)
    replies[Math.min(seen.length, replies.length) - 1]!(response, one)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let closed: Promise<unknown> | undefined
  const close = async () => {
    if (closed === undefined) {
      closed = once(server, 'close')
      server.closeAllConnections()
      server.close()
    }
    await closed
  }
  onTestFinished(close)
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
export const problem = (status: number, code: string, headers?: Record<string, string>) =>
  json(status, { error: { code, message: `It is ${code}`, requestId: 'r-1' } }, headers)
export const text =
  (status: number, body: string): Reply =>
  (response) =>
    response.writeHead(status).end(body)
export const hangUp: Reply = (response) => response.destroy()
export const silence: Reply = () => {}
