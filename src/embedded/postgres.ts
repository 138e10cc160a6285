import { realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Fault } from '../base/errors.ts'
import { serverAccount } from './account.ts'
import { type Build, findBinaries, findBuild } from './binaries.ts'
import { openCluster } from './cluster.ts'
import { openEndpoint } from './endpoint.ts'
import { holdFolder } from './folder-hold.ts'
import { type FolderWatch, watchFolder } from './folder-watch.ts'
import { endLeftover } from './leftover.ts'
import { type Machine, thisMachine } from './machine.ts'
import { makeFolder } from './make-folder.ts'
import { type Server, startServer } from './server.ts'
import { openServerLog, type ServerLog } from './server-log.ts'

export interface EmbeddedPostgres {
  /** Of the superuser `postgres` on the database `postgres`, as `pg` takes it and `new URL` understands it; holds the password. */
  readonly url: string
  readonly dataDir: string
  /**
   * Resolves with a message when the server ended although nobody asked it to, and could be started again: not when its
   * folder is gone. The folder is ours until `stop()`.
   */
  readonly died: Promise<string>
  /** Why nothing that is written would be kept; undefined while the folder is there. Looked at every second. */
  readonly lost: () => string | undefined
  /** Shuts the server down: smart, then fast, then immediate, 15 s at most. May be called again. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** Made if missing. Holds the cluster (`postgres/`) and the server's log (`postgres.log`); nothing lies elsewhere. */
  dataDir: string
  /** Default true. False switches fsync off, for tests: a crash of the computer may then destroy the database. */
  durable?: boolean
  /** Server settings such as `{ work_mem: '16MB' }`; those of the connection and the cluster's name stay ours. */
  settings?: Record<string, string>
  /** Told what is worth knowing: a cluster was made, a leftover server was stopped. */
  log?: (line: string) => void
  /** Told when the folder goes while the server runs, and when it is back. */
  alarm?: (line: string) => void
  /** Default 30,000; a recovery after a crash counts, the making of a new cluster does not. */
  startTimeoutMs?: number
}

/**
 * Starts PostgreSQL on a data folder, for this process alone. The server ends with `stop()`, or by itself soon after
 * our process is gone, however it went; it doesn't keep the process alive.
 *
 * Faults: EMBEDDED_UNSUPPORTED, DATA_DIR_UNWRITABLE, DATA_DIR_IN_USE, DATA_DIR_VERSION, EMBEDDED_START_FAILED.
 *
 * ```ts
 * const postgres = await startEmbeddedPostgres({ dataDir: '.lintel' })
 * const pool = new Pool({ connectionString: postgres.url })
 * ```
 */
export async function startEmbeddedPostgres(
  options: EmbeddedOptions,
  machine: Machine = thisMachine(),
): Promise<EmbeddedPostgres> {
  const { alarm = options.log ?? (() => {}) } = options
  const build = await findBuild(machine)
  const undo: (() => unknown)[] = []
  const release = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const { dataDir, serverLog } = await takeFolder(resolve(options.dataDir), undo)
    const { server, url, watch } = await startOn(dataDir, { options, machine, build, serverLog, undo })
    let stopping: Promise<void> | undefined
    const died = new Promise<string>((resolveDied) => {
      void server.ended.then(async (how) => {
        if (stopping) return
        // It has nothing left to run on. Nobody who is started again would either: that would begin with an empty database.
        if (await watch.look())
          alarm(`${deathNotice(how, serverLog)}\nEverything will be answered with 503 until a restart`)
        else resolveDied(deathNotice(how, serverLog))
      })
    })
    const stop = () => {
      stopping ??= server.stop().then(release)
      return stopping
    }
    return { url, dataDir, died, lost: () => watch.lost, stop }
  } catch (error) {
    await release()
    if (error instanceof Fault) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new Fault('EMBEDDED_START_FAILED', `The embedded PostgreSQL did not start: ${message}`, { cause: error })
  }
}

interface Start {
  options: EmbeddedOptions
  machine: Machine
  build: Build
  serverLog: ServerLog
  /** What to do when the server has ended or didn't start. */
  undo: (() => unknown)[]
}

async function startOn(dataDir: string, start: Start): Promise<{ server: Server; url: string; watch: FolderWatch }> {
  const { options, machine, build, serverLog, undo } = start
  const { durable = true, log = () => {}, alarm = log, startTimeoutMs = 30_000 } = options
  const account = await serverAccount(join(dataDir, 'postgres'), machine)
  const binaries = await findBinaries(build, account, machine)
  const cluster = await openCluster(dataDir, { binaries, account, durable, serverLog, log })
  const voidPid = await endLeftover(cluster, { binaries, log })
  const endpoint = await openEndpoint(account, machine)
  undo.push(() => endpoint.close())
  const settings = {
    ...defaults,
    ...(durable ? {} : volatile),
    ...options.settings,
    ...endpoint.settings,
    cluster_name: cluster.name,
  }
  const server = await startServer(cluster, {
    binaries,
    account,
    settings,
    serverLog,
    shell: machine.shell,
    socketFolder: endpoint.socketFolder,
    voidPid,
    startTimeoutMs,
  })
  const watch = await watchFolder(cluster.folder, { changed: alarm })
  undo.push(() => watch.stop())
  return { server, url: endpoint.url(cluster.password), watch }
}

/** For a developer's computer: room for a pool per service, and memory that nobody misses. */
const defaults = {
  max_connections: '200',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_checkpoints: 'off',
}

const volatile = { fsync: 'off', full_page_writes: 'off' }

async function takeFolder(given: string, undo: (() => unknown)[]): Promise<{ dataDir: string; serverLog: ServerLog }> {
  try {
    await makeFolder(given)
    // By its real name, so that a link to the folder leads to the same messages.
    const dataDir = await realpath(given)
    const hold = await holdFolder(dataDir)
    undo.push(() => hold.release())
    const serverLog = openServerLog(join(dataDir, 'postgres.log'))
    undo.push(() => serverLog.close())
    return { dataDir, serverLog }
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault(
      'DATA_DIR_UNWRITABLE',
      `The data folder ${given} can't be written: ${(error as Error).message}. ` +
        'Make it writable for this user, or choose another one (LINTEL_DATA_DIR).',
      { cause: error },
    )
  }
}

function deathNotice(how: string, serverLog: ServerLog): string {
  return `The embedded PostgreSQL ended by itself (${how}). Its last lines, from ${serverLog.path}:\n${serverLog.lastLines()}`
}
