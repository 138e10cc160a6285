import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { plainAddress } from '../limits/client-address.ts'
import { headerFilter } from './outside-headers.ts'

/** What a server between says of who asks, from where, or what. */
const isOfProxies = headerFilter()

/**
 * Whether a request was made on this machine, for this machine (R-OPS-4). A loopback peer alone proves nothing: a proxy or a
 * tunnel beside the system has one too, and a page whose host name was rebound to 127.0.0.1 sends its own name as `Host`.
 */
export function isFromThisMachine({ socket, headers, url }: IncomingMessage): boolean {
  const { host, origin } = headers
  if (!isLoopback(socket.remoteAddress ?? '') || host === undefined || !isLoopbackHost(host)) return false
  // In absolute form the URL names the host, and `Host` counts for nothing (RFC 9112 3.2.2).
  if (!url?.startsWith('/')) return false
  // A browser says which page asks; CORS_ORIGINS may let that page read answers, but not these.
  if (origin !== undefined && origin !== `http://${host}`) return false
  if (headers['sec-fetch-site'] === 'cross-site') return false
  for (const name in headers) if (name === 'via' || isOfProxies(name, false)) return false
  return true
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Also of an IPv4 address in its IPv6 clothes. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  const family = isIP(plain)
  return family !== 0 && LOOPBACK.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/** `localhost` or a loopback address, with any port or none: as `Host` has it. */
function isLoopbackHost(host: string): boolean {
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host) ?? []
  return name.toLowerCase() === 'localhost' || isLoopback(name)
}
