import { spawnSync } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../base/errors.ts'
import type { Binaries } from './binaries.ts'
import type { Cluster } from './cluster.ts'
import { processesNaming, startOf } from './processes.ts'

/**
 * Ends the server that a killed process left on this cluster; what was committed is kept, as after any shutdown.
 * Returns the pid in a postmaster.pid that nobody removed: the server must take it for void, even if by now
 * another process has that pid. The caller holds the data folder, so no other start can be meddling.
 */
export async function endLeftover(
  cluster: Cluster,
  { binaries, log }: { binaries: Binaries; log: (line: string) => void },
): Promise<number | undefined> {
  const written = await readPidFile(cluster)
  if (!written) return undefined
  if (process.platform === 'win32') {
    // Processes can't be listed there; pg_ctl asks the server by a named pipe that only a server has.
    spawnSync(binaries.pgCtl, ['stop', '-D', cluster.folder, '-m', 'fast', '-w', '-t', '15'])
  } else {
    const isNamed = (text: string) => processesNaming(text).includes(written.pid)
    if (isNamed(cluster.name)) {
      log(`stopping the PostgreSQL server that a killed process left in ${cluster.folder} (pid ${written.pid})`)
      await endAll(cluster, () => [written.pid].filter(startOf), ['SIGINT', 'SIGQUIT', 'SIGKILL'])
    } else if (isNamed('bin/postgres') && isNamed(cluster.folder)) {
      throw startedByHand(cluster, written.pid)
    }
    // Children of a server that was itself killed may still write to the files. Without their server they have
    // nothing to tidy up: the recovery does that. The watchdog is among them too.
    await endAll(cluster, () => processesNaming(cluster.name), ['SIGKILL'])
  }
  // Only a folder of our own making: the path comes from a file.
  const socket = written.socketFolder
  if (socket && basename(socket).startsWith('lintel-')) await rm(socket, { recursive: true, force: true })
  return (await readPidFile(cluster))?.pid
}

const patienceMs: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 15_000, SIGQUIT: 5_000, SIGKILL: 5_000 }

async function endAll(cluster: Cluster, living: () => number[], signals: NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    for (const pid of living()) {
      try {
        process.kill(pid, signal)
      } catch {} // ended meanwhile
    }
    const end = performance.now() + patienceMs[signal]!
    while (performance.now() < end) {
      if (living().length === 0) return
      await delay(20)
    }
  }
  throw new Fault(
    'EMBEDDED_START_FAILED',
    `A former PostgreSQL server (pid ${living().join(', ')}) still runs in ${cluster.folder} and doesn't end. End it, then start again.`,
  )
}

/** Not one of ours: it lacks our name. Whoever started it should end it. */
function startedByHand(cluster: Cluster, pid: number): Fault {
  return new Fault(
    'DATA_DIR_IN_USE',
    `Another PostgreSQL server (pid ${pid}) runs in ${cluster.folder}. ` +
      'Stop it first, or give this process another folder (LINTEL_DATA_DIR).',
  )
}

/** postmaster.pid: line 1 the pid, line 5 the folder of the socket. */
async function readPidFile(cluster: Cluster): Promise<{ pid: number; socketFolder: string } | undefined> {
  const text = await readFile(join(cluster.folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number.parseInt(lines[0]!, 10)
  return pid > 0 ? { pid, socketFolder: lines[4] ?? '' } : undefined
}
