import { connect } from 'node:net'
import type { Heard, Job, Request, Visitor } from './load-process.ts'

/**
 * The same load at less than half of autocannon's cost (11 µs of CPU for an answer, not 27), which counts where the
 * servers share two cores with it. It knows no more of HTTP than these two servers need: an answer has a Content-Length.
 */
export async function loadOverSockets({ url, seconds, visitors }: Job, heard: Heard): Promise<void> {
  const endMs = performance.now() + seconds * 1000
  await Promise.all(visitors.map((visitor) => visit(new URL(url), visitor, endMs, heard)))
}

function visit(
  { hostname, port, host }: URL,
  { token, requests }: Visitor,
  endMs: number,
  heard: Heard,
): Promise<void> {
  const texts = requests.map((request) => Buffer.from(requestText(request, host, token)))
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    let turn = 0
    let sentMs = 0
    let head = Buffer.alloc(0)
    /** Bytes of the answer's body that are yet to come; -1 while its head is. */
    let missing = -1
    let status = 0

    const ask = () => {
      sentMs = performance.now()
      socket.write(texts[turn++ % texts.length]!)
    }
    const fail = () => {
      heard('error', 0)
      socket.destroy()
    }
    socket.on('connect', ask)
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
      if (nowMs < endMs) ask()
      else socket.destroy()
    })
  })
}

function requestText({ method, path, body }: Request, host: string, token: string): string {
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n`
  if (body === undefined) return `${head}\r\n`
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
