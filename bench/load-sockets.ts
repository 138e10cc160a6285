import { connect } from 'node:net'
import type { Heard, Job, Request, Visitor } from './load-job.ts'

/**
 * The same load at less than half of autocannon's cost (11 µs of CPU for an answer, not 27), which counts where the
 * servers share two cores with it. It knows no more of HTTP than these two servers need: an answer has a Content-Length.
 */
export async function loadOverSockets(
  { url, seconds, visitors, everyMs, sinceSent = false }: Job,
  heard: Heard,
): Promise<void> {
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  const visits = visitors.map((visitor, i) => {
    // Spread over the time that lies between two questions of one visitor.
    const pace = everyMs === undefined ? undefined : { everyMs, firstMs: startMs + (everyMs * i) / visitors.length }
    return visit(new URL(url), visitor, { endMs, pace, sinceSent }, heard)
  })
  await Promise.all(visits)
}

interface Times {
  readonly endMs: number
  readonly pace: { readonly everyMs: number; readonly firstMs: number } | undefined
  readonly sinceSent: boolean
}

function visit(
  { hostname, port, host }: URL,
  visitor: Visitor,
  { endMs, pace, sinceSent }: Times,
  heard: Heard,
): Promise<void> {
  const texts = visitor.requests.map((request) => Buffer.from(requestText(request, host, visitor)))
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    let turn = 0
    let sentMs = 0
    let dueMs = pace?.firstMs ?? 0
    let head = Buffer.alloc(0)
    /** Bytes of the answer's body that are yet to come; -1 while its head is. */
    let missing = -1
    let status = 0

    const ask = () => {
      sentMs = performance.now()
      socket.write(texts[turn++ % texts.length]!)
    }
    /** What should have been asked while an answer was awaited has waited since then, and its time says so. */
    const askWhenDue = () => {
      const lateMs = performance.now() - dueMs
      if (lateMs < 0) setTimeout(ask, -lateMs)
      else {
        ask()
        if (!sinceSent) sentMs = dueMs
      }
      dueMs += pace!.everyMs
    }
    const fail = () => {
      heard('error', 0)
      socket.destroy()
    }
    socket.on('connect', () => {
      dueMs = Math.max(dueMs, performance.now())
      if (pace) askWhenDue()
      else ask()
    })
    socket.on('error', fail)
    socket.on('end', fail)
    socket.on('close', () => resolve())
    socket.on('data', (chunk) => {
      if (missing < 0) {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        const text = head.toString('latin1', 0, end)
        const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
        if (length === undefined) return fail()
        status = Number(text.slice(9, 12))
        missing = Number(length) - (head.length - end - 4)
        head = head.subarray(0, 0)
      } else missing -= chunk.length
      if (missing > 0) return
      missing = -1
      const nowMs = performance.now()
      heard(status, nowMs - sentMs)
      if (nowMs >= endMs || (pace && dueMs >= endMs)) socket.destroy()
      else if (pace) askWhenDue()
      else ask()
    })
  })
}

function requestText({ method, path, body }: Request, host: string, { token, noCache }: Visitor): string {
  const who = `${token === undefined ? '' : `authorization: Bearer ${token}\r\n`}${noCache ? 'cache-control: no-cache\r\n' : ''}`
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${who}`
  if (body === undefined) return `${head}\r\n`
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
