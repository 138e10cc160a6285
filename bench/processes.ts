import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Usage } from './report-usage.ts'

/** Of the repository: the benchmark runs from dist/bench. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface ServerProcess {
  readonly url: string
  /** CPU-seconds that the process has used so far. */
  cpu(): Promise<number>
  /** Of memory that it has (RSS). */
  megabytes(): Promise<number>
  stop(): Promise<void>
}

export type Env = Readonly<Record<string, string>>

/** Runs a Node program to its end; a failure throws what it printed. */
export async function run(args: readonly string[], env: Env): Promise<void> {
  const child = start(args, env)
  const output = collect(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}:\n${output()}`)
}

export interface ServerOptions {
  /** Folder for a CPU profile. */
  readonly profile?: string | undefined
  /** The checkout whose programs run; this one, unless given. */
  readonly checkout?: string | undefined
}

/** Starts a server on a free port of loopback, and resolves when it answers requests. */
export async function startServer(
  args: readonly string[],
  env: Env,
  { profile, checkout }: ServerOptions = {},
): Promise<ServerProcess> {
  const port = await freePort()
  const flags = [
    '--import',
    './dist/bench/report-usage.js',
    ...(profile ? ['--cpu-prof', '--cpu-prof-dir', profile] : []),
  ]
  const child = start([...flags, ...args], { ...env, PORT: String(port) }, checkout)
  const output = collect(child)
  let ended = false
  const exit = once(child, 'exit').then(() => {
    ended = true
  })
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url))) {
    if (ended) throw new Error(`node ${args.join(' ')} did not start:\n${output()}`)
    await delay(50)
  }
  async function usage(): Promise<Usage> {
    if (ended) throw new Error(`node ${args.join(' ')} ended:\n${output()}`)
    child.send('usage')
    const [used] = (await once(child, 'message')) as [Usage]
    return used
  }
  return {
    url,
    async cpu() {
      const { user, system } = await usage()
      return (user + system) / 1e6
    },
    megabytes: async () => (await usage()).rss / 1e6,
    async stop() {
      child.kill('SIGTERM')
      await exit
    },
  }
}

export function start(args: readonly string[], env: Env = {}, checkout: string = ROOT): ChildProcess {
  return spawn(process.execPath, [...args], {
    cwd: checkout,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

const KEPT = 8_000

/** The end of what a child prints; read in any case, or a full pipe would stop it. */
function collect(child: ChildProcess): () => string {
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-KEPT)
  }
  child.stdout!.on('data', keep)
  child.stderr!.on('data', keep)
  return () => text
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/orders`).then(
    (response) => response.status < 500,
    () => false,
  )
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

/** Resolves with a path of this folder in dist. */
export function inDist(name: string): string {
  return join(ROOT, 'dist', 'bench', name)
}
