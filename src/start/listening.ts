import type { AddressInfo } from 'node:net'
import type { Log } from '../observe/log.ts'

/** Where a server listens: `http://127.0.0.1:3000`. */
export function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
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
