/** Headers that belong to one connection (RFC 9110 7.6.1), and those that the next connection gets anew. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Calls `keep` for each header, its name in lower case, that may pass on to the next connection. `raw`: names and values in turn. */
export function endToEnd(raw: readonly string[], keep: (name: string, value: string) => void): void {
  let named: Set<string> | undefined
  for (let i = 0; i < raw.length; i += 2)
    if (raw[i]!.length === 10 && raw[i]!.toLowerCase() === 'connection')
      for (const one of raw[i + 1]!.split(',')) {
        named ??= new Set()
        named.add(one.trim().toLowerCase())
      }
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (HOP_BY_HOP.has(name)) continue
    // Not the length: a message that lost it would be framed in another way than the one that was checked.
    if (named?.has(name) && name !== 'content-length') continue
    keep(name, raw[i + 1]!)
  }
}
