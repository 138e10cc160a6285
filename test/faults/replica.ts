import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DIED, type Point } from './points.ts'
import { freePort } from './servers.ts'

/** One process of the whole system, which is started again whenever it ends. */
export interface Replica {
  readonly url: string
  /** Whether it answers. */
  readonly up: boolean
  /** `kill -9`; false when there was nothing to kill. */
  kill(): boolean
  /** Arms a process that has a point to die at, or disarms it. */
  toggle(): void
  /** Stops the process, or lets it go on (SIGSTOP, SIGCONT). */
  pause(): void
  resume(): void
  /** Resolves when it answers. */
  ready(): Promise<void>
  stop(): Promise<void>
}

export interface ReplicaOptions {
  readonly env: Readonly<Record<string, string>>
  /** More of the environment of the process that is started next: a point to die at. */
  arm(): Readonly<Record<string, string>>
  /** Told of each death that was meant: at a point, or by `kill`. */
  died(at: Point | undefined): void
  /** Told of each that was not, with its last words. A start may fail while PostgreSQL is away. */
  ended?(words: string): void
}

const built = extname(import.meta.filename) === '.js'
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const root = here(built ? '../../../' : '../../')
const COMMAND = built
  ? ['--import', here('die.js'), here('../../src/cli/main.js'), '--system', here('system.js'), 'start']
  : [
      '--conditions=lintel-source',
      ...['--import', here('../source/register.mjs'), '--import', here('die.ts')],
      ...[here('../../src/cli/main.ts'), '--system', here('system.ts'), 'start'],
    ]

export async function replica(options: ReplicaOptions): Promise<Replica> {
  const port = await freePort()
  let child: ChildProcess
  let up = false
  let killed = false
  let stopping = false
  let ended!: Promise<void>
  let heard: (() => void)[] = []

  function launch(): void {
    killed = false
    let words = ''
    child = spawn(process.execPath, COMMAND, {
      cwd: root,
      env: {
        ...inherited(),
        // It migrates at the start.
        NODE_ENV: 'development',
        PORT: String(port),
        LOG_LEVEL: 'warn',
        START_TIMEOUT: '60',
        RATE_LIMIT_MAX: '1000000',
        RATE_LIMIT_AUTH_MAX: '1000000',
        ...options.env,
        ...options.arm(),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const hear = (chunk: Buffer) => {
      words = (words + chunk).slice(-4_000)
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    const mine = child
    void answering(mine)
    ended = new Promise((resolve) => {
      child.once('close', () => {
        up = false
        const at = words.includes(DIED) ? (words.split(DIED).at(-1)!.split('\n')[0] as Point) : undefined
        if (at || killed) options.died(at)
        else if (!stopping) options.ended?.(words)
        if (!stopping) launch()
        resolve()
      })
    })
  }

  /** Asks until the process answers, or is there no longer. */
  async function answering(mine: ChildProcess): Promise<void> {
    while (mine === child && mine.exitCode === null && mine.signalCode === null) {
      const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)
      await answer?.body?.cancel()
      if (answer && mine === child) {
        up = true
        for (const tell of heard) tell()
        heard = []
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  launch()
  return {
    url: `http://127.0.0.1:${port}`,
    get up() {
      return up
    },
    kill() {
      if (killed || child.exitCode !== null || child.signalCode !== null) return false
      killed = true
      return child.kill('SIGKILL')
    },
    toggle: () => void child.kill('SIGUSR2'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    ready: () => (up ? Promise.resolve() : new Promise((resolve) => heard.push(resolve))),
    async stop() {
      stopping = true
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** What a user's shell has; no settings of ours. */
function inherited(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, XDG_CACHE_HOME } = process.env
  return Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR, XDG_CACHE_HOME }).filter(([, value]) => value))
}
