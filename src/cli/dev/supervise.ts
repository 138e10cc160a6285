import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Fault } from '../../base/errors.ts'
import { createLog, type Log } from '../../observe/log.ts'
import type { Running } from '../../start/start.ts'
import { ElsewhereFailed } from '../fail.ts'
import { type Changes, collectChanges } from './changes.ts'
import { type ForkedSystem, forkSystem } from './forked-system.ts'
import { type KeptServer, keptServer } from './kept-server.ts'
import type { Serving } from './messages.ts'

/** How long requests may go on that were under way at a save, and by when the process that answers them has ended. */
const LEFT = { lameDuckMs: 0, timeoutMs: 300, killAfterMs: 700 }
/** One that does not serve yet has nothing to finish, and may be in a loop that never hears of it. */
const UNSERVED = { lameDuckMs: 0, killAfterMs: 3_000 }

/**
 * Runs a system in a process of its own, and in another one after each save. The embedded PostgreSQL is this process's, and stays.
 * A save that cannot be loaded leaves what serves alone; one that cannot be started is waited out. Only the first start has to
 * succeed.
 */
export async function superviseSystem(file: string, parts: readonly string[], signal: AbortSignal): Promise<Running> {
  const server = keptServer()
  let log: Log | undefined
  const fork = () =>
    forkSystem(async ({ dataDir, startTimeoutMs, logLevel }, asking) => {
      log ??= await createLog(logLevel)
      const say = log
      try {
        const options = { dataDir, startTimeoutMs, log: say.info.bind(say), alarm: say.fatal.bind(say) }
        const { url, dataDir: path } = await server.open(options)
        asking.tell({ kind: 'server', url, dataDir: path })
      } catch (error) {
        asking.tell({ kind: 'no-server', ...faultOf(error) })
      }
    })
  // Before anything is loaded: no save goes unseen.
  const changes = collectChanges(file)
  const first = fork()
  const giveUp = () => void first.stop(UNSERVED)
  signal.addEventListener('abort', giveUp)
  try {
    await first.load(file)
    const serving = await first.start({ parts, again: false })
    signal.throwIfAborted()
    log ??= await createLog(serving.logLevel)
    return watched({ file, parts, server, changes, log, fork }, first, serving)
  } catch (error) {
    changes.close()
    await first.stop(UNSERVED)
    await server.stop()
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

interface Supervised {
  readonly file: string
  readonly parts: readonly string[]
  readonly server: KeptServer
  readonly changes: Changes
  readonly log: Log
  fork(): ForkedSystem
}

function watched(
  { file, parts, server, changes, log, fork }: Supervised,
  first: ForkedSystem,
  { url, shutdownTimeoutMs }: Serving,
): Running {
  const port = new URL(url).port
  let current: ForkedSystem | undefined
  let spare = fork()
  let next: ForkedSystem | undefined
  let stopping = false
  let reloading: Promise<void> | undefined

  function serve(system: ForkedSystem): void {
    current = system
    void system.ended.then(({ text }) => {
      if (current !== system || stopping) return
      current = undefined
      tell(text, 'Waiting for the next save.')
    })
  }

  async function reload(): Promise<void> {
    for (let files = changes.take(); files.length > 0 && !stopping; files = changes.take()) {
      const begunAtMs = performance.now()
      // What is loaded already of Lintel itself is of before.
      if (files.some((one) => one.startsWith(OURS))) await replaceSpare()
      next = spare
      await take(next, files, begunAtMs).catch((error) => {
        // A newer save is taken instead.
        if (stopping || changes.waiting) return
        if (!(error instanceof ElsewhereFailed)) throw error
        const still = current === undefined ? '' : ' What was there before still serves.'
        tell(error.failure.text, `Waiting for the next save.${still}`)
      })
      if (current !== next) await next.stop(LEFT)
      next = undefined
      changes.refresh()
      if (!stopping) spare = fork()
    }
  }

  async function take(system: ForkedSystem, files: readonly string[], begunAtMs: number): Promise<void> {
    await system.load(file)
    const before = current
    current = undefined
    await before?.stop(LEFT)
    await system.start({ parts, again: true, port })
    serve(system)
    log.info(`reloaded in ${Math.round(performance.now() - begunAtMs)} ms: ${namesOf(files)}`)
  }

  async function replaceSpare(): Promise<void> {
    await spare.stop(UNSERVED)
    spare = fork()
  }

  serve(first)
  changes.onChange(() => {
    // What loads or starts, perhaps for ever, is of before this save.
    void next?.stop(LEFT)
    reloading ??= reload().finally(() => {
      reloading = undefined
    })
  })
  const looking = setInterval(() => tellWhenLost(), LOST_MS).unref()
  let told: string | undefined
  function tellWhenLost(): void {
    const reason = server.lost()
    if (reason !== told) current?.tell({ kind: 'lost', reason })
    told = reason
  }

  let stopped: Promise<void> | undefined
  async function stop(lameDuckMs: number): Promise<void> {
    stopping = true
    clearInterval(looking)
    changes.close()
    await Promise.all([spare.stop(UNSERVED), next?.stop(LEFT), current?.stop({ lameDuckMs })])
    await reloading
    await server.stop()
  }
  return {
    url,
    log,
    shutdownTimeoutMs,
    died: server.died,
    stop: ({ lameDuckMs = 0 } = {}) => (stopped ??= stop(lameDuckMs)),
  }
}

/** How long the folder of the embedded server may be gone before the system hears of it. */
const LOST_MS = 1_000

const OURS = fileURLToPath(new URL('../../', import.meta.url))

function tell(text: string, then: string): void {
  console.error(`${text}\n${then}`)
}

const SHOWN = 3

function namesOf(files: readonly string[]): string {
  const names = files.slice(0, SHOWN).map((one) => relative('.', one))
  return files.length > SHOWN ? `${names.join(', ')} and ${files.length - SHOWN} more` : names.join(', ')
}

function faultOf(error: unknown): { code: string; message: string; exitCode: number } {
  if (error instanceof Fault) return { code: error.code, message: error.message, exitCode: error.exitCode }
  return { code: 'EMBEDDED_START_FAILED', message: String(error), exitCode: 1 }
}
