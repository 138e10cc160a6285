import type { AddressInfo } from 'node:net'
import type { Log } from '../observe/log.ts'

/** Where a server listens: `http://127.0.0.1:3000`. */
export function urlOf({ address, family, port }: AddressInfo, scheme = 'http'): string {
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** The same as it can be opened on this machine: all addresses at once (`HOST=0.0.0.0`, `::`) are none. */
export function openable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

/** Work that is done once, however often it is asked for. */
export function once<T>(work: (given?: T) => Promise<void>): (given?: T) => Promise<void> {
  let done: Promise<void> | undefined
  return (given) => (done ??= work(given))
}

/** Takes every step, one after another: one that fails is logged, and keeps no other from being taken. */
export async function endInOrder(log: Log, steps: readonly (() => unknown)[]): Promise<void> {
  for (const step of steps)
    try {
      await step()
    } catch (error) {
      log.error(error, 'while stopping')
    }
}
