import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../base/errors.ts'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { type Cluster, serverEnvironment } from './cluster.ts'
import type { ServerLog } from './server-log.ts'

/** A server that accepts connections. */
export interface Server {
  /** Resolves when the process has ended, with how: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

export interface ServerContext {
  binaries: Binaries
  account: Account | undefined
  settings: Record<string, string>
  serverLog: ServerLog
  shell: string | undefined
  socketFolder: string | undefined
  /** The pid in a postmaster.pid that is known to be void. */
  voidPid: number | undefined
  startTimeoutMs: number
}

export async function startServer(cluster: Cluster, context: ServerContext): Promise<Server> {
  const { binaries, serverLog, startTimeoutMs } = context
  const child = launch(cluster, context)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
  })
  let how: string | undefined
  void ended.then((text) => {
    how = text
    // A word before the end of the pipe: there is nothing to stop any more.
    child.stdin?.end('ended\n')
  })
  child.stdin?.on('error', () => {}) // the watchdog went first
  const stop = () => endServer(child, ended, binaries)

  const end = performance.now() + startTimeoutMs
  while (how === undefined && performance.now() < end) {
    if (await isReady(cluster, child)) {
      // From here on the server doesn't keep our process alive; when that ends, the watchdog ends the server.
      child.unref()
      ;(child.stdin as { unref?(): void } | null)?.unref?.()
      return { ended, stop }
    }
    await delay(10)
  }
  const reason = how ?? `not ready after ${startTimeoutMs / 1000} s`
  await stop()
  throw new Fault(
    'EMBEDDED_START_FAILED',
    `The embedded PostgreSQL did not start (${reason}). Its last lines, from ${serverLog.path}:\n${serverLog.lastLines()}`,
  )
}

/**
 * Runs beside the server and outlives us: when our end of the pipe closes without a word, however we died, it asks the
 * server for a fast shutdown and clears the socket's folder away. The double fork keeps it from being a child of the
 * server, which `exec` then becomes. It signals only the process that this cluster's postmaster.pid names, never a pid
 * that has found another owner; right at the start that file may not be there yet, hence the loop.
 */
const underWatch = `
socket=$1; shift
exec 3<&0 </dev/null
( (
  read -r word <&3 && exit
  serves() { read -r pid <postmaster.pid && [ "$pid" = $$ ]; }
  until serves; do kill -0 $$ && sleep 1 || exit; done
  kill -INT $$
  while serves && kill -0 $$; do sleep 1; done
  [ -z "$socket" ] || rmdir "$socket"
) >/dev/null 2>&1 & )
exec "$@" 3<&-`

function launch(cluster: Cluster, context: ServerContext): ChildProcess {
  const { binaries, account, settings, serverLog, shell, socketFolder, voidPid } = context
  const command = [binaries.postgres, '-D', cluster.pgData]
  for (const [name, value] of Object.entries(settings)) command.push('-c', `${name}=${value}`)
  if (shell) command.unshift(shell, '-c', underWatch, 'postgres', socketFolder ?? '')
  return spawn(command[0]!, command.slice(1), {
    cwd: cluster.folder,
    // pg_ctl's way to say "a pid file with this number is not another server's" (CreateLockFile in miscinit.c).
    env: { ...serverEnvironment(), ...(voidPid ? { PG_GRANDPARENT_PID: String(voidPid) } : {}) },
    stdio: [shell ? 'pipe' : 'ignore', serverLog.fd, serverLog.fd],
    // A session of its own: Ctrl-C goes to our whole process group, and the server must live until our drain is over.
    detached: true,
    windowsHide: true,
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  })
}

/** The server writes its state to line 8 of its pid file, for pg_ctl and for us. */
async function isReady(cluster: Cluster, child: ChildProcess): Promise<boolean> {
  const text = await readFile(join(cluster.folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  return lines[0] === String(child.pid) && lines[7]?.trim() === 'ready'
}

/** Smart waits for clients, which should be gone; fast ends their transactions; immediate leaves a recovery to the next start. */
const steps: [NodeJS.Signals, patienceMs: number][] = [
  ['SIGTERM', 500],
  ['SIGINT', 10_000],
  ['SIGQUIT', 3_000],
  ['SIGKILL', 2_000],
]

async function endServer(child: ChildProcess, ended: Promise<string>, binaries: Binaries): Promise<void> {
  for (const [signal, patienceMs] of steps) {
    send(child, signal, binaries)
    const waiting = new AbortController()
    const patience = delay(patienceMs, 'still there', { signal: waiting.signal }).catch(() => '')
    const result = await Promise.race([ended, patience])
    waiting.abort()
    if (result !== 'still there') return
  }
}

function send(child: ChildProcess, signal: NodeJS.Signals, binaries: Binaries): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  // On Windows every signal of Node is a kill; pg_ctl knows how to reach the server.
  if (process.platform === 'win32' && signal !== 'SIGKILL') {
    spawnSync(binaries.pgCtl, ['kill', signal.slice('SIG'.length), String(child.pid)])
  } else child.kill(signal)
}
