import type { IncomingMessage } from 'node:http'

/**
 * The host and port that a request is for: of an absolute target (`GET http://a/x`) its own, whatever Host says
 * (RFC 9112 3.2.2).
 */
export function hostOf({ url, headers }: IncomingMessage): string | undefined {
  if (url === undefined || url.charCodeAt(0) === SLASH) return headers.host
  return ABSOLUTE.exec(url)?.[1] ?? headers.host
}

const SLASH = 47
const ABSOLUTE = /^https?:\/\/([^/?#]+)/i
