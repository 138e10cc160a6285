import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

/** A server for tests that is a child of this process, on a free port and a folder of its own. */
export interface ChildServer {
  readonly port: number
  readonly folder: string
  /** Ends the server with SIGKILL, as a crash does. */
  kill(): Promise<void>
  /** Starts it again, at the same place and on the same folder. */
  start(): Promise<void>
  /** Stops its process (SIGSTOP), and returns when it has: connections stay, and nothing answers. */
  freeze(): void
  thaw(): void
  /** Ends it, and takes its folder away. */
  stop(): Promise<void>
}

export interface ChildServerOptions {
  /** The first of them that is on PATH is started. */
  readonly programs: readonly string[]
  args(at: { readonly port: number; readonly folder: string }): readonly string[]
  /** Where the server says that it takes connections, and a part of that line. */
  readonly ready: { readonly on: 'stdout' | 'stderr'; readonly line: string }
}

/** Undefined where no such program is on PATH; but with `CI` set that is an error, for then nothing may be left untested. */
export async function childServer({ programs, args, ready }: ChildServerOptions): Promise<ChildServer | undefined> {
  const folder = await mkdtemp(join(tmpdir(), `lintel-${programs[0]}-`))
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
    child = await firstOf(programs, args({ port, folder }), ready)
    child.once('error', () => {})
  }
  const stop = async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    if (!isMissing(error) || process.env.CI) throw error
    return undefined
  }
  process.once('exit', () => child?.kill('SIGKILL'))
  const signal = (name: NodeJS.Signals) => void child?.kill(name)
  const freeze = () => {
    signal('SIGSTOP')
    // Its threads stop one after another, and until then they answer.
    for (const untilMs = performance.now() + 1_000; performance.now() < untilMs && !isStopped(child?.pid); );
  }
  return { port, folder, kill, start, freeze, thaw: () => signal('SIGCONT'), stop }
}

/** Whether all threads are; taken to be so where there is no /proc. */
function isStopped(pid: number | undefined): boolean {
  const threads = `/proc/${pid}/task`
  if (!existsSync(threads)) return true
  return readdirSync(threads).every((thread) =>
    /^ [Tt] /.test(readFileSync(join(threads, thread, 'stat'), 'utf8').replace(/.*\)/, '')),
  )
}

type Ready = ChildServerOptions['ready']

async function firstOf([program, ...others]: readonly string[], args: readonly string[], ready: Ready) {
  try {
    return await started(program!, args, ready)
  } catch (error) {
    if (!isMissing(error) || others.length === 0) throw error
    return firstOf(others, args, ready)
  }
}

/** Resolves when the server takes connections; rejects with what it said when it ends before. */
function started(program: string, args: readonly string[], { on, line }: Ready): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const said: string[] = []
    child.once('error', reject)
    child.once('close', () => reject(new Error(`${program} ended:\n${said.join('\n')}`)))
    child.stdout.resume()
    child.stderr.resume()
    createInterface({ input: child[on] }).on('line', (text) => {
      if (said.length < 100) said.push(text)
      if (text.includes(line)) resolve(child)
    })
  })
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
