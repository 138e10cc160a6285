import type { AddressInfo } from 'node:net'

/** Where a server listens: `http://127.0.0.1:3000`. */
export function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** Work that is done once, however often it is asked for. */
export function once<T>(work: (given?: T) => Promise<void>): (given?: T) => Promise<void> {
  let done: Promise<void> | undefined
  return (given) => (done ??= work(given))
}
