import { BlockList, isIP } from 'node:net'
import { Fault } from '../base/errors.ts'

/** Proxies whose `X-Forwarded-For` counts: addresses and networks such as `10.0.0.0/8,::1` (R-RATE-4). */
export function trustedProxies(list: string): BlockList {
  const trusted = new BlockList()
  for (const entry of list
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address)
    const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (family === 0 || (bits !== undefined && !(bits <= (family === 4 ? 32 : 128))))
      throw new Fault(
        'WRONG_SETTING',
        `TRUSTED_PROXIES has "${entry}": give addresses or networks such as 10.0.0.0/8, joined by commas`,
      )
    const kind = family === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) trusted.addAddress(address, kind)
    else trusted.addSubnet(address, bits, kind)
  }
  return trusted
}

/**
 * The address that a request came from: the nearest one in `X-Forwarded-For` that is no trusted proxy, where the peer is
 * one; what stands further out was written by a stranger.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: BlockList | undefined): string {
  let client = plainAddress(peer)
  if (!trusted || forwardedFor === undefined) return client
  const hops = forwardedFor.split(',').map((hop) => plainAddress(hop.trim()))
  while (isTrusted(client, trusted)) {
    const next = hops.pop()
    if (next === undefined || isIP(next) === 0) return client
    client = next
  }
  return client
}

/** What one client has as its own: an IPv4 address, or the /64 of an IPv6 one, of which any host has 2^64. */
export function limitKey(address: string): string {
  if (!address.includes(':') || isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::') as [string, string?]
  const groups = head === '' ? [] : head.split(':')
  const last = tail === '' ? [] : tail.split(':')
  const all = address.includes('::')
    ? [...groups, ...Array(Math.max(0, 8 - groups.length - last.length)).fill('0'), ...last]
    : groups
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** An IPv4 address in its IPv6 clothes is an IPv4 address. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped ? mapped[1]! : address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
}

/** Whether an address, as `plainAddress` has it, is a trusted proxy's. */
export function isTrusted(address: string, trusted: BlockList | undefined): boolean {
  const family = isIP(address)
  return trusted !== undefined && family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
