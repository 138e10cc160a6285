import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/**
 * What reads our documents elsewhere. 300 MB with all that it needs, so none of it is in this repository's lock file: these versions, and of
 * the rest what there was on that day. The newest that run on Node 20.
 */
const DAY = '2026-11-30'
const VERSIONS = {
  '@hey-api/openapi-ts': '0.95.0',
  '@redocly/cli': '2.77.0',
  '@stoplight/prism-cli': '5.14.2',
  '@stoplight/spectral-cli': '6.16.3',
  'openapi-fetch': '0.17.0',
  'openapi-to-postmanv2': '6.3.3',
  'openapi-typescript': '7.13.0',
  orval: '7.13.0',
}

const require = createRequire(import.meta.url)
const run = promisify(execFile)

/** A folder of its own, in which the tools can be run. */
export interface Tools {
  readonly folder: string
  /** Runs a tool to its end, and gives what it says; rejects where it fails. */
  run(tool: string, ...args: string[]): Promise<string>
  /** The command line of a tool. */
  command(tool: string, ...args: string[]): string[]
  /** Runs a program of this folder, in TypeScript. */
  program(file: string, ...args: string[]): Promise<string>
  /** What the compiler says of the programs; empty where they are right. */
  compile(...files: string[]): Promise<string>
  remove(): Promise<void>
}

export async function tools(): Promise<Tools> {
  const installed = await install()
  const folder = await mkdtemp(join(installed, 'work-'))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  await cp(fileURLToPath(new URL('./clients', import.meta.url)), folder, { recursive: true })
  const command = (tool: string, ...args: string[]) => [
    process.execPath,
    join(installed, 'node_modules/.bin', tool),
    ...args,
  ]
  const ended = async ([file, ...args]: string[]) => {
    const env = { ...process.env, NO_COLOR: '1', REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
    const { stdout, stderr } = await run(file!, args, { cwd: folder, env, maxBuffer: 2 ** 26 })
    return stdout + stderr
  }
  return {
    folder,
    command,
    run: (tool, ...args) => ended(command(tool, ...args)),
    program: (file, ...args) =>
      ended([process.execPath, '--import', pathToFileURL(require.resolve('tsx')).href, join(folder, file), ...args]),
    compile: async (...files) => {
      const compilerOptions = {
        ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], module: 'esnext', moduleResolution: 'bundler' },
        ...{ strict: true, noUncheckedIndexedAccess: true, noEmit: true, allowImportingTsExtensions: true },
        ...{ types: ['node'], typeRoots: [join(require.resolve('@types/node/package.json'), '../..')] },
      }
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
      const tsc = ended([process.execPath, require.resolve('typescript/bin/tsc'), '--project', folder])
      return tsc.catch((error: { stdout: string }) => error.stdout)
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Once for all runs, until the versions change. */
async function install(): Promise<string> {
  const hash = createHash('sha256').update(DAY + JSON.stringify(VERSIONS))
  const folder = join(tmpdir(), `lintel-openapi-tools-${process.getuid?.() ?? ''}-${hash.digest('hex').slice(0, 16)}`)
  // In a folder for temporary files it may be another's.
  if (existsSync(folder) && statSync(folder).uid === process.getuid?.()) return folder
  const making = `${folder}-${process.pid}`
  await mkdir(making, { recursive: true })
  await writeFile(join(making, 'package.json'), JSON.stringify({ private: true, dependencies: VERSIONS }))
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `--before=${DAY}`]
  try {
    await run('npm', ['install', ...options], { cwd: making, maxBuffer: 2 ** 24 })
    await rename(making, folder)
  } catch (error) {
    await rm(making, { recursive: true, force: true })
    // Another run was quicker.
    if (!existsSync(folder)) throw error
  }
  return folder
}

export async function readJson(file: string): Promise<any> {
  return JSON.parse(await readFile(file, 'utf8'))
}
