import { generateSigningKey, jwks, type SigningKey } from '../src/auth/keys.ts'
import { newId } from '../src/base/ids.ts'
import type { Visitor } from './load-job.ts'
import type { Options, Side } from './options.ts'
import { type ServerProcess, startServer } from './processes.ts'
import { type Stage, UNLIMITED } from './stage.ts'
import { get, tokenOf } from './workloads.ts'

/** How many things each visitor asks for in turn. */
const THINGS = 50

/** W4: the gateway alone, in one process with a service that answers at once; no database is near. */
export async function openGateways({ sides, connections, profile, before }: Options): Promise<Stage> {
  const key = await generateSigningKey()
  const env = { JWKS: JSON.stringify(jwks([key])), RATE_LIMIT_MAX: UNLIMITED }
  const servers = new Map<Side, ServerProcess>()
  const stop = async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()))
  }
  try {
    for (const side of sides)
      servers.set(
        side,
        await startServer([PROGRAMS[side]], env, { profile, checkout: side === 'before' ? before : undefined }),
      )
  } catch (error) {
    await stop()
    throw error
  }
  const visitors = await visitorsOf(key, connections)
  const workloads = { W4: { reference: visitors, before: visitors, lintel: visitors } }
  return { servers, workloads, compared: 'answers', settle: async () => {}, stop }
}

/** A user for each connection, who asks for one order after another. */
export function visitorsOf(key: SigningKey, connections: number): Promise<Visitor[]> {
  const visiting = Array.from({ length: connections }, async (): Promise<Visitor> => {
    const user = { id: newId('usr'), email: 'visitor@bench.example', roles: ['member'], sid: newId('ses') }
    const requests = Array.from({ length: THINGS }, () => get(`/orders/${newId('ord')}`))
    return { token: await tokenOf(key, user), requests }
  })
  return Promise.all(visiting)
}

const PROGRAMS: Record<Side, string> = {
  reference: 'dist/bench/reference/gateway.js',
  before: 'dist/bench/gateway-alone.js',
  lintel: 'dist/bench/gateway-alone.js',
}
