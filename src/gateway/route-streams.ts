import { Readable } from 'node:stream'
import { Problem } from '../base/errors.ts'
import type { Operation } from '../contract/operation.ts'
import type { Exchange } from './exchange.ts'

/** Answers of routes that are being made as they are read. */
export interface RouteStreams {
  /** Throws SERVICE_UNAVAILABLE where there are as many as a route may have, or where one without an end could only be cut. */
  check(operation: Operation): void
  /** Sends one by `send`; it ends with its client. */
  send(
    exchange: Exchange,
    stream: AsyncIterable<string | Uint8Array>,
    send: (stream: Readable) => Promise<void>,
  ): Promise<void>
  drain(): void
}

/** Of each route, in each process: every one holds a connection, and what its handler holds. */
const MAX_STREAMS = 1_000

export function createRouteStreams(): RouteStreams {
  const open = new Map<Operation, Set<Exchange>>()
  let draining = false

  return {
    check(operation) {
      if (draining && operation.route!.isEndless) throw busy('The server is stopping')
      if ((open.get(operation)?.size ?? 0) >= MAX_STREAMS) throw busy('Too many streams of this route are open')
    },
    async send(exchange, stream, send) {
      const { operation } = exchange.route!
      const all = open.get(operation) ?? new Set()
      open.set(operation, all)
      all.add(exchange)
      // It may wait for something that is long in coming: who has gone must be heard of meanwhile.
      const leave = () => exchange.endStream()
      exchange.res.once('close', leave)
      if (exchange.res.destroyed || (draining && operation.route!.isEndless)) leave()
      try {
        await send(Readable.from(stream, { objectMode: false }))
      } finally {
        exchange.res.off('close', leave)
        leave()
        all.delete(exchange)
      }
    },
    drain() {
      draining = true
      for (const [{ route }, all] of open) if (route!.isEndless) for (const one of all) one.endStream()
    },
  }
}

function busy(message: string): Problem {
  return new Problem('SERVICE_UNAVAILABLE', message, { retryAfterS: 1 })
}
