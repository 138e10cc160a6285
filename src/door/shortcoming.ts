import { REPLY_HEADER } from '../call/call-head.ts'
import { type Answered, ENDED, type Failed } from './awaited.ts'

/** What keeps a replica from taking calls: a sentence without its subject, as where it is stands in the log alone. */
export interface Shortcoming {
  readonly what: string
  /**
   * What has to be changed before a call can succeed there: the URL that leads to it from here; or the replica, of which there may
   * be others. Undefined: it may be away for a while.
   */
  readonly wrong?: 'url' | 'replica'
}

/** Undefined where a door has answered. */
export function shortcomingIn(service: string, outcome: Answered | Failed): Shortcoming | undefined {
  if (outcome.kind !== 'answered') return unanswered(outcome.cause)
  const { status, headers } = outcome
  if (headers[REPLY_HEADER] !== undefined) return undefined
  if (status === 401) return REFUSED
  return { what: `is no internal door of the ${service} service: it answered with status ${status}`, wrong: 'url' }
}

const REFUSED: Shortcoming = {
  what: 'refused the proof: LINTEL_INTERNAL_KEY must be the same there, and the clocks no more than 30 s apart',
  wrong: 'replica',
}
export const TLS_ONLY: Shortcoming = { what: 'speaks TLS: its URL has to begin with https://', wrong: 'url' }
export const NOT_HTTP: Shortcoming = { what: 'does not speak HTTP', wrong: 'url' }
const AWAY: Shortcoming = { what: 'cannot be reached' }
const SLOW: Shortcoming = { what: 'did not answer in time' }

function unanswered(cause: unknown): Shortcoming {
  if (cause === ENDED) return SLOW
  const code = codeOf(cause)
  if (CERTIFICATE.test(code)) return { what: `has a certificate that is not accepted (${code})`, wrong: 'replica' }
  if (TLS.test(code)) return { what: `does not speak TLS, as https:// in its URL means (${code})`, wrong: 'url' }
  return isNoHttp(cause) ? NOT_HTTP : AWAY
}

const CERTIFICATE = /CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/
const TLS = /^EPROTO$|^ERR_SSL_/
/** An answer that is cut short is another matter. */
function isNoHttp(cause: unknown): boolean {
  return (cause as Error).name === 'HTTPParserError' && codeOf(cause) !== 'HPE_INVALID_EOF_STATE'
}

/** It took the connection, and ended it without a byte: Redis does so when it sees a POST, and a balancer with nothing behind it. */
export function isClosedUnanswered(outcome: Answered | Failed): boolean {
  return outcome.kind === 'lost' && codeOf(outcome.cause) === 'UND_ERR_SOCKET'
}

function codeOf(cause: unknown): string {
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/** What is there is not what was expected: nothing was done. */
export class Misfit extends Error {}
