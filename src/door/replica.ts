import type { Socket } from 'node:net'
import { openPool, type Pool } from '../http/pool.ts'
import { type CircuitBreakerOptions, createCircuitBreaker } from '../resilience/circuit-breaker.ts'
import type { Balanced } from '../resilience/replicas.ts'
import { CALLS } from './door.ts'
import { type FramedCalls, openFramedCalls } from './framed/framed-calls.ts'
import { type Pipe, PROTOCOL } from './framed/frames.ts'
import type { GrpcConnection } from './grpc/grpc-call.ts'

/** Headers with a proof, by their names. */
export type Proven = Readonly<Record<string, string>>

/** One process of a service that runs elsewhere: the ways to it, and what the last calls have shown of it. */
export interface Replica extends Balanced {
  readonly url: URL
  readonly pool: Pool
  /** For routes, whose bodies and answers may stream for as long as a client likes: they take no connection from calls. */
  readonly streams: Pool
  /** Where calls go together, as far as they can. */
  readonly framed: FramedCalls
  /** Undefined where calls go over HTTP. */
  readonly grpc: GrpcConnection | undefined
  pending: number
  /** When it last answered a call, by `performance.now()`. */
  heardAtMs: number
  /** Hash of the contract that it was last seen to serve. */
  contract: string
  /** By `performance.now()`; until then no call goes there that can go elsewhere. */
  leavingUntilMs: number
  /** Why it takes no calls, as the log was last told; undefined: it does. */
  shortcoming: string | undefined
  /** When the log was told. */
  toldAtMs: number
  /** Cuts what is under way. */
  destroy(): Promise<void>
}

export interface ReplicaOptions {
  /** Hash of the contract that it is taken to serve until it says something else. */
  readonly contract: string
  readonly breaker: CircuitBreakerOptions
  readonly grpc: GrpcConnection | undefined
  /** The headers that prove who opens a connection there. */
  readonly proven: (replica: Pick<Replica, 'contract'>) => Proven
}

/** Shorter than the door keeps a connection for: it must be the caller that closes one that is idle. */
const IDLE_MS = 30_000
const POOL = {
  connections: 256,
  connectTimeoutMs: 1_000,
  bodyTimeoutMs: 30_000,
  idleMs: IDLE_MS,
  maxHeaderBytes: 128 * 1024,
}

/** Each route has a bound of its own (http/route-streams.ts); this is of all of them together. */
const MOST_STREAMS = 2_048

/** Nothing is sent before the first call. */
export async function openReplica(url: URL, { contract, breaker, grpc, proven }: ReplicaOptions): Promise<Replica> {
  const pool = await openPool(url.origin, POOL)
  // Apart: behind as many calls as there are connections it would wait for one of them to end, at the very time when frames are needed.
  const upgrades = await openPool(url.origin, { ...POOL, connections: 1 })
  const streams = await openPool(url.origin, { ...POOL, connections: MOST_STREAMS })
  const replica: Replica = {
    url,
    pool,
    streams,
    framed: openFramedCalls({
      open: (signal) => {
        const headers = proven(replica)
        return grpc === undefined
          ? upgraded(upgrades, doorPath(url, CALLS), { headers, signal })
          : grpc.exchange(headers, signal)
      },
      goingAway: () => leave(replica),
    }),
    grpc,
    breaker: createCircuitBreaker(breaker),
    pending: 0,
    heardAtMs: Number.NEGATIVE_INFINITY,
    contract,
    leavingUntilMs: 0,
    shortcoming: undefined,
    toldAtMs: Number.NEGATIVE_INFINITY,
    get leaving() {
      return replica.leavingUntilMs !== 0 && performance.now() < replica.leavingUntilMs
    },
    async destroy() {
      replica.framed.destroy()
      grpc?.destroy()
      await Promise.all([pool.destroy(), streams.destroy(), upgrades.destroy()])
    },
  }
  return replica
}

async function upgraded(
  pool: Pool,
  path: string,
  { headers, signal }: { readonly headers: Proven; readonly signal: AbortSignal },
): Promise<Pipe> {
  const { socket } = await pool.upgrade({ path, method: 'POST', headers: { ...headers }, protocol: PROTOCOL, signal })
  return (socket as Socket).setNoDelay(true)
}

/**
 * A door that drains says so in each answer, or on the connection. What is idle meanwhile it closes itself, perhaps while a call is
 * on its way: a write without a key would be lost. So it is not used, for longer than a drain usually takes.
 */
export function leave(replica: Replica): void {
  replica.leavingUntilMs = performance.now() + LEAVING_MS
}

const LEAVING_MS = 5_000

/** The path of the door, behind that of its URL. */
export function doorPath({ pathname }: URL, path: string): string {
  return pathname === '/' ? path : pathname.replace(/\/$/, '') + path
}
