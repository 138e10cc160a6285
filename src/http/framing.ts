import type { IncomingMessage } from 'node:http'
import { Problem } from '../base/errors.ts'

/**
 * Refuses what two servers in a row could read in two ways (R-GW-4). Node's parser refuses Content-Length beside
 * Transfer-Encoding, two lengths and bare line ends by itself; this is what it lets through.
 */
export function checkFraming(req: IncomingMessage): void {
  const raw = req.rawHeaders
  let hosts = 0
  let authorizations = 0
  for (let i = 0; i < raw.length; i += 2) {
    // Node keeps the first of these and drops the rest in silence. Lengths first: names are fresh strings.
    const name = raw[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations++
  }
  if (hosts > 1) throw refusal('There are two Host headers')
  // RFC 9112 3.2 asks it of HTTP/1.1 only; old health probes speak 1.0 without one.
  if (hosts === 0 && req.httpVersion !== '1.0') throw refusal('The Host header is missing')
  if (authorizations > 1) throw refusal('There are two Authorization headers')
  const coding = req.headers['transfer-encoding']
  if (coding === undefined) return
  // RFC 9112 6.1: an HTTP/1.0 message with a transfer coding has faulty framing.
  if (req.httpVersion === '1.0') throw refusal('HTTP/1.0 knows no Transfer-Encoding')
  if (coding.toLowerCase() !== 'chunked') throw refusal('Transfer-Encoding may only be chunked')
}

/** Whether the request has a body, going by its head alone. `Content-Length: 0` is none. */
export function hasBody(req: IncomingMessage): boolean {
  const { headers } = req
  if (headers['transfer-encoding'] !== undefined) return true
  return headers['content-length'] !== undefined && Number(headers['content-length']) > 0
}

/** Whether the client waits for a `100 Continue` before it sends its body. Of HTTP/1.0 it means nothing (RFC 9110 10.1.1). */
export function expectsContinue({ headers, httpVersionMinor }: IncomingMessage): boolean {
  return headers.expect !== undefined && httpVersionMinor > 0 && headers.expect.toLowerCase() === '100-continue'
}

function refusal(message: string): Problem {
  return new Problem('VALIDATION_ERROR', message)
}
