import type { IncomingMessage } from 'node:http'

/** Up to 65535, or nothing after the colon. */
const PORT = String.raw`(?:6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[0-5]?\d{0,4})`
/** A name or an address, and a port: no user, no path, no space (RFC 9112 3.2, RFC 9110 4.2.1, 4.2.4). */
const FORM = String.raw`(?:\[[\da-f:.]+\]|[\w.~-]+)(?::${PORT})?`
const HOST = new RegExp(`^${FORM}$`, 'i')
const ORIGIN = new RegExp(`^https?://(${FORM})(?=/)`, 'i')
const SLASH = 47

/** Whether a `Host` header names a host. */
export function isHost(text: string): boolean {
  return HOST.test(text)
}

/**
 * What an absolute target begins with: `http://a:80` of `GET http://a:80/x`, as clients send it to proxies and a server must
 * take it (RFC 9112 3.2.2).
 */
export function originIn(target: string): string | undefined {
  return ORIGIN.exec(target)?.[0]
}

/** The host and port that a request is for: of an absolute target its own, whatever Host says (RFC 9112 3.2.2). */
export function hostOf({ url, headers }: IncomingMessage): string | undefined {
  if (url === undefined || url.charCodeAt(0) === SLASH) return headers.host
  return ORIGIN.exec(url)?.[1] ?? headers.host
}
