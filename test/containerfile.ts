import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'

/** A stage of a Containerfile, as far as a folder can stand for one: what is in it, and what it would run. */
export interface Stage {
  /** Where the files of its WORKDIR are. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly user: string | undefined
  readonly stopSignal: string | undefined
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthCheck: readonly string[]
}

interface Instruction {
  readonly name: string
  readonly rest: string
}

interface Making extends Stage {
  env: Record<string, string>
  user: string | undefined
  stopSignal: string | undefined
  entrypoint: string[]
  command: string[]
  healthCheck: string[]
}

/**
 * Takes the steps of a Containerfile in folders below `into`, without a container engine: COPY copies, RUN runs, with the Node
 * and npm of this machine. Returns the last stage. What it does not know is an error, so that nothing is passed over.
 */
export async function buildStages(context: string, file: string, into: string): Promise<Stage> {
  const ignored = await ignoredIn(context)
  const stages = new Map<string, Making>()
  let stage: Making | undefined
  for (const { name, rest } of instructionsOf(await readFile(join(context, file), 'utf8'))) {
    if (name === 'ARG') continue
    if (name === 'FROM') {
      const as = /^\S+ AS (\S+)$/.exec(rest)?.[1] ?? 'last'
      stage = newStage(join(into, as))
      stages.set(as, stage)
      await mkdir(stage.folder, { recursive: true })
      continue
    }
    if (stage === undefined) throw new Error(`${name} before FROM`)
    if (name === 'COPY') await copy(rest, { context, ignored, stages, stage })
    else if (name === 'RUN') await run(rest, stage)
    else describe(name, rest, stage)
  }
  return stage!
}

function instructionsOf(text: string): Instruction[] {
  const lines = text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`no instruction: ${line}`)
    return { name, rest: rest! }
  })
}

function newStage(folder: string): Making {
  return { folder, env: {}, user: undefined, stopSignal: undefined, entrypoint: [], command: [], healthCheck: [] }
}

const WORKDIR = '/app'

interface Copying {
  readonly context: string
  readonly ignored: (path: string) => boolean
  readonly stages: ReadonlyMap<string, Stage>
  readonly stage: Stage
}

async function copy(rest: string, { context, ignored, stages, stage }: Copying): Promise<void> {
  const words = rest.split(/\s+/)
  const from = words[0]!.startsWith('--from=') ? stages.get(words.shift()!.slice('--from='.length)) : undefined
  const target = words.pop()!
  for (const source of words) {
    const path = from ? join(from.folder, relative(WORKDIR, source)) : join(context, source)
    if (!from && ignored(source)) throw new Error(`COPY ${source}: .dockerignore leaves it out`)
    const to = resolve(stage.folder, target, target.endsWith('/') ? basename(source) : '')
    const filter = (one: string) => from !== undefined || !ignored(relative(context, one))
    await cp(path, to, { recursive: true, filter, verbatimSymlinks: true })
  }
}

async function run(command: string, { folder, env }: Stage): Promise<void> {
  const { PATH, HOME, npm_config_registry: registry } = process.env
  const given = { PATH, HOME, ...(registry && { npm_config_registry: registry }), npm_config_prefer_offline: 'true' }
  const { code, output } = await outcome('sh', ['-c', command], { cwd: folder, env: { ...given, ...env } })
  if (code !== 0) throw new Error(`RUN ${command} ended with ${code}:\n${output}`)
}

function describe(name: string, rest: string, stage: Making): void {
  if (name === 'WORKDIR' && rest === WORKDIR) return
  if (name === 'ENV') for (const [, key, value] of rest.matchAll(/([A-Z_]+)=(\S+)/g)) stage.env[key!] = value!
  else if (name === 'USER') stage.user = rest
  else if (name === 'STOPSIGNAL') stage.stopSignal = rest
  else if (name === 'ENTRYPOINT') stage.entrypoint = JSON.parse(rest)
  else if (name === 'CMD') stage.command = JSON.parse(rest)
  else if (name === 'HEALTHCHECK') stage.healthCheck = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4))
  else if (name !== 'EXPOSE') throw new Error(`${name} ${rest}: not known here`)
}

/** Of .dockerignore: nothing but what `!name` lets in, without what `**\/*.end` takes out of that. */
async function ignoredIn(context: string): Promise<(path: string) => boolean> {
  const lines = (await readFile(join(context, '.dockerignore'), 'utf8')).split('\n')
  const [all, ...rules] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (all !== '*') throw new Error('.dockerignore does not begin with *')
  const roots = new Set<string>()
  const ends: string[] = []
  for (const rule of rules) {
    if (rule.startsWith('!')) roots.add(rule.slice(1))
    else if (rule.startsWith('**/*')) ends.push(rule.slice('**/*'.length))
    else throw new Error(`.dockerignore: ${rule}: not known here`)
  }
  return (path) => !roots.has(path.split('/')[0]!) || ends.some((end) => path.endsWith(end))
}

/** Runs a program to its end, at most four minutes. */
export async function outcome(program: string, args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(program, args, { timeout: 240_000, ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
