import { HOP_BY_HOP } from '../http/hop-by-hop.ts'
import type { AnswerHeaders } from './remote.ts'

/** Drops the headers listed in `Connection` (RFC 9110 7.6.1); usually none. */
export function withoutNamed(headers: AnswerHeaders): AnswerHeaders {
  const { connection } = headers
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return headers
  const named = new Set(
    String(connection)
      .split(',')
      .map((one) => one.trim().toLowerCase()),
  )
  // Not the length: a message that lost it would be framed in another way than the one that was checked.
  named.delete('content-length')
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !named.has(name)))
}

/** Adds to `head`, names and values in turn, what of an upstream's headers passes on to the caller and `keep` wants. */
export function pushAnswerHead(head: string[], headers: AnswerHeaders, keep: (name: string) => boolean): void {
  for (const name in headers) {
    if (HOP_BY_HOP.has(name) || isOurs(name) || !keep(name)) continue
    const value = headers[name]!
    if (typeof value === 'string') head.push(name, value)
    else for (const one of value) head.push(name, one)
  }
}

/** What is the gateway's to say. */
function isOurs(name: string): boolean {
  return name === 'x-request-id' || name.startsWith('access-control-')
}

/** The first of its values. */
export function firstOf(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'object' ? value[0] : value
}
