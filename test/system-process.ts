import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach } from 'vitest'
import { processesNaming } from '../src/embedded/processes.ts'
import { built, builtFile } from './built.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
// By its path: processes run in other folders too.
const EARLY = join(repository, 'src/cli/early-signals.cjs')
const NODE = [
  process.execPath,
  '--require',
  EARLY,
  '--conditions=lintel-source',
  '--import',
  new URL('./source/register.mjs', import.meta.url).href,
]

/** The same of what is built, where nothing is in TypeScript that it loads. */
const builtLintel = (maps: boolean) => [
  process.execPath,
  '--require',
  EARLY,
  '--conditions=lintel-source',
  ...(maps ? ['--enable-source-maps'] : []),
  join(built(), 'src/cli/main.js'),
]

/** What of the repository can be run. */
const PROGRAMS = {
  npm: ['npm', 'start'],
  lintel: [...NODE, join(repository, 'src/cli/main.ts')],
  import: [...NODE, join(repository, 'examples/northwind/import.ts')],
} as const

const UNLIMITED = { RATE_LIMIT_MAX: '1000000', RATE_LIMIT_AUTH_MAX: '1000000' }

/** `npm start` decides by itself; of the rest a test that is not about it says so. */
const MODES = { npm: {}, lintel: { NODE_ENV: 'development' }, import: {} }

/** One of them, or any other command line. */
export type Program = keyof typeof PROGRAMS | readonly string[]

export interface LaunchOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What is piped in. */
  readonly input?: string
  /** The user and group to run as, which root alone can choose. */
  readonly uid?: number
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Of this test file. They are in process groups of their own: a run of tests that is given up would leave them behind. */
const living = new Set<SystemProcess>()
const abandon = () => {
  for (const one of living) one.signalGroup('SIGKILL')
}
process.once('exit', abandon)
// A signal that nothing listens to ends this process without `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    abandon()
    process.kill(process.pid, signal)
  })

/** A process of the system as users run it, with an environment of its own and in a process group of its own. */
export class SystemProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly lines: string[] = []
  stderr = ''
  #over = false
  #heard = new Set<() => void>()

  constructor(program: Program, { args = [], env = {}, cwd = repository, input, uid }: LaunchOptions) {
    const mode = typeof program === 'string' ? MODES[program] : {}
    const quick = program === 'lintel' && cwd === repository ? builtLine(args) : undefined
    const [command, ...given] = quick ?? [...(typeof program === 'string' ? PROGRAMS[program] : program), ...args]
    this.child = spawn(command!, given, {
      cwd,
      ...(uid !== undefined && { uid, gid: uid }),
      env: { ...inherited(), PORT: '0', ...UNLIMITED, ...mode, ...env },
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    living.add(this)
    this.child.stdin?.end(input)
    const lines = createInterface({ input: this.child.stdout! })
    lines.on('line', (line) => {
      this.lines.push(line)
      this.#tell()
    })
    this.child.stderr!.on('data', (chunk) => {
      this.stderr += chunk
    })
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.#over = true
      living.delete(this)
      this.#tell()
      // What npm itself has to say is none of ours.
      const stderr = this.stderr.replace(/^npm .*\n/gm, '')
      return { code, signal, stdout: this.lines.join('\n'), stderr }
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  /** The first line, from the beginning, that matches; rejects when the process ends without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.lines) {
        const match = pattern.exec(line)
        if (match) return match
      }
      if (this.#over) throw new Error(`it ended without ${pattern}:\n${this.lines.join('\n')}\n${this.stderr}`)
      await new Promise<void>((resolve) => this.#heard.add(resolve))
    }
  }

  /** Where it listens, once it does. */
  async url(): Promise<string> {
    return (await this.line(/listens on (https?:\/\/[^\s,"]+)/))[1]!
  }

  /** Whether anything of its process group lives. */
  get lives(): boolean {
    try {
      return process.kill(-this.pid, 0)
    } catch {
      return false
    }
  }

  /** To the whole group, as a terminal sends Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void {
    if (this.lives) process.kill(-this.pid, signal)
  }

  #tell() {
    const heard = this.#heard
    this.#heard = new Set()
    for (const tell of heard) tell()
  }
}

/** For a system of the repository; undefined for any other. The standalone gateway has none. */
function builtLine(args: readonly string[]): string[] | undefined {
  const at = args.indexOf('--system') + 1
  if (at === 0) {
    const system = args[0] === 'gateway' ? [] : ['--system', join(built(), 'system.js')]
    return [...builtLintel(false), ...args, ...system]
  }
  const file = builtFile(args[at] ?? '')
  return file === undefined ? undefined : [...builtLintel(true), ...args.with(at, file)]
}

/** What a user's shell has; nothing of the test runner, and no settings of ours. */
function inherited(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, XDG_CACHE_HOME } = process.env
  return Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR, XDG_CACHE_HOME }).filter(([, value]) => value))
}

/** Launches processes for the tests of one file: none outlives its test, and the folders go with the file. */
export function launcher() {
  const processes: SystemProcess[] = []
  const folders: string[] = []
  afterEach(async () => {
    for (const one of processes.splice(0)) {
      one.signalGroup('SIGKILL')
      await one.ended
    }
    for (const folder of folders) await noPostgres(folder)
  })
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })
  const launch = (program: Program, options: LaunchOptions = {}) => {
    const launched = new SystemProcess(program, options)
    processes.push(launched)
    return launched
  }
  return {
    launch,
    /** Runs a command to its end. */
    run: (program: Program, options: LaunchOptions = {}) => launch(program, options).ended,
    async folder() {
      const path = await mkdtemp(join(tmpdir(), 'lt-system-'))
      folders.push(path)
      return path
    },
  }
}

/** Resolves when no process of a data folder's PostgreSQL lives. */
export async function noPostgres(dataDir: string): Promise<void> {
  const name = await clusterName(dataDir)
  if (name) await until(() => processesNaming(name).length === 0)
}

/** On the command line of every process of a data folder's PostgreSQL. */
export async function clusterName(dataDir: string): Promise<string | undefined> {
  const cluster = await stat(join(dataDir, 'postgres'), { bigint: true }).catch(() => undefined)
  return cluster && `lintel-${cluster.dev.toString(16)}-${cluster.ino.toString(16)}-db`
}

export function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

export async function bodyOf(response: Response): Promise<any> {
  return response.json()
}

/** The headers of a caller who has logged in. */
export async function logIn(url: string, email: string, password: string): Promise<Record<string, string>> {
  const { accessToken } = await bodyOf(await post(`${url}/auth/login`, { email, password }))
  return { authorization: `Bearer ${accessToken}` }
}

/** For what no event tells. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20)
}
