import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface TestNats {
  readonly url: string
  /** The folder of what it stores; to be changed while it is not running. */
  readonly store: string
  /** Ends the server with SIGKILL, as a crash does; what it has acknowledged is in its store. */
  kill(): Promise<void>
  /** Starts it again, at the same place and on the same store. */
  start(): Promise<void>
  /** Ends it, and takes its store away. */
  stop(): Promise<void>
}

/**
 * A NATS server with JetStream for tests, of `nats-server` from PATH, on a free port and a store of its own; `args` are
 * given to it too. Undefined where there is no nats-server; but with `CI` set that is an error, for then nothing may be left untested.
 */
export async function testNats(args: readonly string[] = ['-js']): Promise<TestNats | undefined> {
  const store = await mkdtemp(join(tmpdir(), 'lintel-nats-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const kill = async () => {
    const killed = child
    child = undefined
    if (!killed || killed.exitCode !== null || killed.signalCode !== null) return
    killed.kill('SIGKILL')
    await once(killed, 'close')
  }
  const start = async () => {
    child = await ready(['-a', '127.0.0.1', '-p', String(port), '-sd', store, ...args])
    child?.once('error', () => {})
  }
  const stop = async () => {
    await kill()
    await rm(store, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || process.env.CI) throw error
    return undefined
  }
  process.once('exit', () => child?.kill('SIGKILL'))
  return { url: `nats://127.0.0.1:${port}`, store, kill, start, stop }
}

/** Resolves when the server takes connections; rejects with what it said when it ends before. */
function ready(args: readonly string[]): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const said: string[] = []
    child.once('error', reject)
    child.once('close', () => reject(new Error(`nats-server ended:\n${said.join('\n')}`)))
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (said.length < 100) said.push(line)
      if (line.includes('Server is ready')) resolve(child)
    })
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
