import type { IncomingMessage } from 'node:http'
import { Problem } from '../base/errors.ts'
import { isHost } from './host.ts'

/**
 * Refuses what two servers in a row could read in two ways (R-GW-4). Node's parser refuses Content-Length beside
 * Transfer-Encoding, two lengths and bare line ends by itself; this is what it lets through.
 */
export function checkFraming(req: IncomingMessage): void {
  const { headers, rawHeaders: raw } = req
  // Browsers send others of these lengths with every GET: Accept-Encoding, Accept-Language, Cache-Control.
  const typed = headers['content-type'] !== undefined
  const authorized = headers.authorization !== undefined
  const keyed = headers['idempotency-key'] !== undefined
  let hosts = 0
  let types = 0
  let authorizations = 0
  let keys = 0
  for (let i = 0; i < raw.length; i += 2) {
    // Of fields that stand once (RFC 9110 5.3), Node keeps the first and drops the rest in silence, or joins them by commas.
    // Lengths first: names are fresh strings.
    const name = raw[i]!
    // RFC 9112 5.1. The parser of Node 20.19 takes all but the names that matter to itself, and none at all (NaN) for a name.
    if (!(name.charCodeAt(name.length - 1) > SPACE))
      throw refusal('A header has an empty name or a space before the colon')
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
    else if (typed && name.length === 12 && name.toLowerCase() === 'content-type') types++
    else if (authorized && name.length === 13 && name.toLowerCase() === 'authorization') authorizations++
    else if (keyed && name.length === 15 && name.toLowerCase() === 'idempotency-key') keys++
  }
  if (hosts > 1) throw refusal('The Host header is given twice')
  if (types > 1) throw refusal('The Content-Type header is given twice')
  if (authorizations > 1) throw refusal('The Authorization header is given twice')
  if (keys > 1) throw refusal('The Idempotency-Key header is given twice')
  // RFC 9112 3.2 asks it of HTTP/1.1 only; old health probes speak 1.0 without one.
  if (hosts === 0 && req.httpVersion !== '1.0') throw refusal('The Host header is missing')
  const { host } = headers
  if (hosts === 1 && host !== knownHost) {
    if (!isHost(host ?? '')) throw refusal('The Host header is not a valid host')
    knownHost = host
  }
  const coding = headers['transfer-encoding']
  if (coding === undefined) return
  // RFC 9112 6.1: an HTTP/1.0 message with a transfer coding has faulty framing.
  if (req.httpVersion === '1.0') throw refusal('Transfer-Encoding is not allowed in HTTP/1.0')
  if (coding.toLowerCase() !== 'chunked') throw refusal('Transfer-Encoding must be chunked')
}

const SPACE = 32

/** The last one that was right: nearly every request names it again. */
let knownHost: string | undefined

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
