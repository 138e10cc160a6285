import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import { dropStream } from '../base/streams.ts'
import type { Operation } from '../contract/operation.ts'
import { untilAborted } from './until-aborted.ts'

/** Who has asked. */
export interface Asking {
  readonly caller: Caller
  readonly address?: string | undefined
}

/** A request whose body, or answer, goes as it is read. */
export interface Streaming extends Asking {
  readonly res: ServerResponse
  /** Aborts when it is to end. */
  readonly signal: AbortSignal
  /** Aborts that signal. */
  endStream(): void
}

/** Requests of routes whose bodies, or answers, go as they are read: none is work in flight, so they are bounded by number. */
export interface RouteStreams {
  /**
   * Throws RATE_LIMITED where the user, else the address, has as many under way as one may have; SERVICE_UNAVAILABLE where all together
   * have, or where one without an end could only be cut.
   */
  check(operation: Operation, asking: Asking): void
  /** Counts one whose body streams too, while `work` goes on. */
  during<T>(operation: Operation, streaming: Streaming, work: () => Promise<T>): Promise<T>
  /**
   * Sends one by `send`. It ends when nobody reads it any more, whatever it waits for then; and where it has no end of its own, with the
   * token by which it was asked for.
   */
  send(
    operation: Operation,
    streaming: Streaming,
    stream: AsyncIterable<string | Uint8Array>,
    send: (stream: Readable) => Promise<void>,
  ): Promise<void>
  /** Ends those that have no end of their own, from now on too. */
  drain(): void
}

/** Of each method of a route, in each process: every one holds a connection, and what its handler holds. */
const MAX_STREAMS = 1_000
/** So that one client alone does not keep all others out. */
const MAX_OF_ONE = 100

export function createRouteStreams(): RouteStreams {
  const open = new Map<Operation, Set<Streaming>>()
  let draining = false

  async function during<T>(operation: Operation, streaming: Streaming, work: () => Promise<T>): Promise<T> {
    const all = open.get(operation) ?? new Set()
    open.set(operation, all)
    all.add(streaming)
    try {
      return await work()
    } finally {
      all.delete(streaming)
    }
  }

  return {
    during,
    check(operation, asking) {
      if (draining && operation.route!.isEndless) throw busy('The server is stopping')
      const all = open.get(operation)
      if (all === undefined || all.size < MAX_OF_ONE) return
      if (all.size >= MAX_STREAMS) throw busy('Too many streams of this route are open')
      const own = whose(asking)
      let count = 0
      for (const one of all) if (whose(one) === own) count++
      if (count >= MAX_OF_ONE)
        throw new Problem('RATE_LIMITED', `You have ${count} streams of this route open`, { retryAfterS: 1 })
    },
    async send(operation, streaming, stream, send) {
      const { res, signal } = streaming
      const leave = () => streaming.endStream()
      res.once('close', leave)
      if (res.destroyed || (draining && operation.route!.isEndless)) leave()
      const { isEndless } = operation.route!
      const expiry = isEndless ? whenExpired(streaming, leave) : undefined
      const sending = () => send(Readable.from(untilAborted(stream, signal), { objectMode: false }))
      await during(operation, streaming, sending).finally(() => {
        clearTimeout(expiry)
        res.off('close', leave)
        leave()
        // Where none of it was asked for, nothing else tells it.
        dropStream(stream)
      })
    },
    drain() {
      draining = true
      for (const [{ route }, all] of open) if (route!.isEndless) for (const one of all) one.endStream()
    },
  }
}

function whenExpired({ caller }: Asking, end: () => void): NodeJS.Timeout | undefined {
  if (caller.kind !== 'user') return undefined
  return setTimeout(end, Math.min(caller.expiresAtMs - Date.now(), LONGEST_MS)).unref()
}

/** Longer ones a timer cannot wait (Node would not wait at all). */
const LONGEST_MS = 2 ** 31 - 1

function whose({ caller, address }: Asking): string | undefined {
  return caller.kind === 'user' ? caller.id : address
}

function busy(message: string): Problem {
  return new Problem('SERVICE_UNAVAILABLE', message, { retryAfterS: 1 })
}
