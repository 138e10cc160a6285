import type { Dispatcher, Pool } from 'undici'

export type { Dispatcher, Pool }

export interface PoolOptions {
  /** Most connections to one replica; beyond it requests wait, in order. */
  readonly connections: number
  readonly connectTimeoutMs: number
  /** Between two pieces of the answer's body. */
  readonly bodyTimeoutMs: number
  /** How long an idle connection is kept; 4,000. It must be shorter than what the server keeps it for. */
  readonly idleMs?: number
  /** Bytes of the headers of an answer; 16 KiB. */
  readonly maxHeaderBytes?: number
}

/** Connections to one origin, kept open between requests. The driver is loaded with the first of them. */
export async function openPool(origin: string, options: PoolOptions): Promise<Pool> {
  const { Pool } = await import('undici')
  return new Pool(origin, {
    connections: options.connections,
    // One request at a time on each: a second one behind it would share its fate.
    pipelining: 1,
    connect: { timeout: options.connectTimeoutMs },
    // Whoever sends has a deadline, which counts over all attempts.
    headersTimeout: 0,
    bodyTimeout: options.bodyTimeoutMs,
    ...(options.maxHeaderBytes !== undefined && { maxHeaderSize: options.maxHeaderBytes }),
    ...(options.idleMs !== undefined && { keepAliveTimeout: options.idleMs, keepAliveMaxTimeout: options.idleMs }),
  })
}
