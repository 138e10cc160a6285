import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../base/errors.ts'
import { type Account, closedTo } from './account.ts'
import type { Binaries } from './binaries.ts'
import type { ServerLog } from './server-log.ts'

/** PostgreSQL's own data directory, `<data folder>/postgres`. */
export interface Cluster {
  folder: string
  /** What the server is told to be its data directory, while its working directory is `folder`. */
  pgData: string
  password: string
  /** On the command line of all its processes; stays the same when the folder is moved, differs in a copy. */
  name: string
}

export interface ClusterContext {
  binaries: Binaries
  account: Account | undefined
  durable: boolean
  serverLog: ServerLog
  log: (line: string) => void
}

/** The cluster of a data folder, made by initdb when there is none. The caller holds the folder. */
export async function openCluster(dataDir: string, context: ClusterContext): Promise<Cluster> {
  const folder = join(dataDir, 'postgres')
  await removeUnfinished(dataDir)
  if (!(await holdsCluster(folder, context.binaries.major))) await makeCluster(dataDir, folder, context)
  const password = await readFile(join(folder, passwordFile), 'utf8').catch((cause) => {
    throw new Fault(
      'EMBEDDED_START_FAILED',
      `The password of the embedded PostgreSQL, ${join(folder, passwordFile)}, can't be read: ${cause.message}. ` +
        'Bring the file back, or move the folder away to begin with an empty database.',
      { cause },
    )
  })
  const { dev, ino } = await stat(folder, { bigint: true })
  // The ending keeps one name from being the beginning of another's.
  const name = `lintel-${dev.toString(16)}-${ino.toString(16)}-db`
  return { folder, pgData: await pathForServer(folder, context.account), password, name }
}

/** What the programs see of our environment: no PG*, no locale, and no secrets meant for the application. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  if (process.platform === 'win32') return process.env
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
}

const passwordFile = 'lintel.password'
const unfinished = 'postgres.new-'

async function removeUnfinished(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    // The initdb of a killed start may still write there: then the rest goes next time, its name is never used again.
    if (name.startsWith(unfinished)) await rm(join(dataDir, name), { recursive: true, force: true }).catch(() => {})
  }
}

async function holdsCluster(folder: string, major: number): Promise<boolean> {
  const existing = await stat(folder).catch(() => undefined)
  if (!existing) return false
  const me = process.getuid?.()
  if (me && existing.uid !== me) {
    throw new Fault(
      'DATA_DIR_UNWRITABLE',
      `The database in ${folder} belongs to uid ${existing.uid}, and this process runs as uid ${me}. ` +
        `Run as that user, give the folder away (chown -R ${me} ${folder}), or choose another one (LINTEL_DATA_DIR).`,
    )
  }
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) {
    // Empty, it is in nobody's way; with anything in it, rmdir refuses.
    await rmdir(folder).catch((cause) => {
      throw new Fault(
        'EMBEDDED_START_FAILED',
        `${folder} exists but is not a PostgreSQL cluster. Move it away, or choose another folder (LINTEL_DATA_DIR).`,
        { cause },
      )
    })
    return false
  }
  if (Number.parseInt(version, 10) === major) return true
  throw new Fault(
    'DATA_DIR_VERSION',
    `The database in ${folder} was made by PostgreSQL ${version.trim()}, the embedded one is ${major}. ` +
      'Dump it with the former version and restore it, or move the folder away to begin with an empty database, ' +
      'or set DATABASE_URL to a server that runs it.',
  )
}

/** In a folder of another name, renamed when all is there: a kill in between leaves nothing that looks like a cluster. */
async function makeCluster(dataDir: string, folder: string, context: ClusterContext): Promise<void> {
  const { account, durable, log } = context
  const staging = join(dataDir, unfinished + randomBytes(6).toString('hex'))
  const cluster = join(staging, 'cluster')
  const password = join(staging, passwordFile)
  const begun = performance.now()
  if (!account) requireName()
  await mkdir(cluster, { recursive: true, mode: 0o700 })
  await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600, flush: durable })
  if (account) {
    for (const path of [password, cluster, staging]) {
      await chown(path, account.uid, account.gid).catch((cause) => {
        throw new Fault(
          'DATA_DIR_UNWRITABLE',
          `PostgreSQL refuses to run as root, and ${dataDir} can't be shared with the account ${account.name}: ` +
            `${cause.message}. Run as an ordinary user, or choose another folder (LINTEL_DATA_DIR).`,
          { cause },
        )
      })
    }
  }
  await initdb(await pathForServer(cluster, account), cluster, context)
  await rename(password, join(cluster, passwordFile))
  if (durable) await syncFolder(cluster)
  await rename(cluster, folder)
  if (durable) await syncFolder(dataDir)
  await rm(staging, { recursive: true, force: true })
  log(`made a PostgreSQL ${context.binaries.major} cluster in ${folder} (${Math.round(performance.now() - begun)} ms)`)
}

/** initdb asks for the name of its user, and gives up when /etc/passwd has none (`docker run --user 12345`). */
function requireName(): void {
  try {
    userInfo()
  } catch (cause) {
    throw new Fault(
      'EMBEDDED_UNSUPPORTED',
      `The embedded PostgreSQL can't be set up by uid ${process.getuid?.()}, which has no entry in /etc/passwd. ` +
        'Add one, run as a user that has one, or set DATABASE_URL.',
      { cause },
    )
  }
}

async function initdb(pgData: string, cwd: string, context: ClusterContext): Promise<void> {
  const { binaries, account, durable, serverLog } = context
  const args = ['-D', pgData, '--username=postgres', '--auth=scram-sha-256', '--no-instructions']
  // Relative to the cluster: `..` is open to the account even where the path from the root is not.
  args.push(`--pwfile=${join('..', passwordFile)}`)
  // The builtin provider sorts by code point and knows Unicode on every system, whatever locales it has installed.
  args.push('--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8')
  // Unsynced, a power cut in the first seconds could leave a cluster that looks made and is not.
  if (!durable) args.push('--no-sync')
  const code = await new Promise<number | string>((resolve, reject) => {
    const stdio: ('ignore' | number)[] = ['ignore', serverLog.fd, serverLog.fd]
    const as = account ? { uid: account.uid, gid: account.gid } : {}
    const child = spawn(binaries.initdb, args, { cwd, env: serverEnvironment(), stdio, detached: true, ...as })
    child.once('error', reject)
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? signal!))
  })
  if (code === 0) return
  throw new Fault(
    'EMBEDDED_START_FAILED',
    `initdb of the embedded PostgreSQL failed (${code}). Its last lines, from ${serverLog.path}:\n${serverLog.lastLines()}`,
  )
}

/**
 * A clone below /root (mode 0700) is closed to the account of the server. Linux lets a process reach its own working
 * directory all the same, by a name that needs no search permission on the way: the server is started in the cluster
 * (as root, before the uid changes) and told that its data directory is /proc/self/cwd. The data stays where it belongs.
 */
async function pathForServer(folder: string, account: Account | undefined): Promise<string> {
  const closed = account && (await closedTo(account, folder))
  if (!closed) return folder
  if (existsSync('/proc/self/cwd')) return '/proc/self/cwd'
  throw new Fault(
    'DATA_DIR_UNWRITABLE',
    `PostgreSQL refuses to run as root, and the account ${account.name} may not enter ${closed}. ` +
      `Run as an ordinary user, open that folder (chmod o+x ${closed}), or choose another one (LINTEL_DATA_DIR).`,
  )
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return // folders can't be opened there
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
