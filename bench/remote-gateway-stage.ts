import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accessTokens } from '../services/users/contract.ts'
import { generateSigningKey, jwks } from '../src/auth/keys.ts'
import { visitorsOf } from './gateway-stage.ts'
import type { Options, Side } from './options.ts'
import { type ServerProcess, startServer } from './processes.ts'
import { type Stage, UNLIMITED } from './stage.ts'

/**
 * W4 remote: `lintel gateway` (verify, limit, route, forward) in front of a process that answers at once, against a proxy of
 * node:http and undici that only passes on. The upstream is the same one, and its CPU is nobody's.
 */
export async function openRemoteGateways({ sides, connections, profile, before }: Options): Promise<Stage> {
  const key = await generateSigningKey()
  const folder = await mkdtemp(join(tmpdir(), 'lt-bench-'))
  const started: ServerProcess[] = []
  const servers = new Map<Side, ServerProcess>()
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()))
    await rm(folder, { recursive: true })
  }
  const begin = async (...args: Parameters<typeof startServer>) => {
    const server = await startServer(...args)
    started.push(server)
    return server
  }
  try {
    await writeFile(join(folder, 'keys.json'), JSON.stringify(jwks([key])))
    await writeFile(join(folder, 'routes.json'), JSON.stringify({ routes: ROUTES }))
    const upstream = await begin(['dist/bench/raw-upstream.js'], {})
    const gateway = gatewayArgs(upstream.url, folder)
    const start: Record<Side, () => Promise<ServerProcess>> = {
      reference: () => begin(['dist/bench/reference/proxy.js'], { UPSTREAM: upstream.url }, { profile }),
      before: () => begin(gateway, { RATE_LIMIT_MAX: UNLIMITED }, { profile, checkout: before }),
      lintel: () => begin(gateway, { RATE_LIMIT_MAX: UNLIMITED }, { profile }),
    }
    for (const side of sides) servers.set(side, await start[side]())
  } catch (error) {
    await stop()
    throw error
  }
  const visitors = await visitorsOf(key, connections)
  const workloads = { 'W4 remote': { reference: visitors, before: visitors, lintel: visitors } }
  return { servers, workloads, compared: 'bodies', settle: async () => {}, stop }
}

const ROUTES = [{ method: 'GET', path: '/orders/{id}', upstream: 'orders', access: 'authenticated' }]

function gatewayArgs(upstream: string, folder: string): string[] {
  const files = ['--routes', join(folder, 'routes.json'), '--jwks', join(folder, 'keys.json')]
  return ['dist/src/cli/main.js', 'gateway', '--upstream', `orders=${upstream}`, ...files].concat(
    ...['--issuer', accessTokens.issuer, '--audience', accessTokens.audience],
  )
}
