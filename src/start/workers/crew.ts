import { type Backoff, backoffMs } from '../../base/backoff.ts'
import type { Log } from '../../observe/log.ts'
import type { News, Place, ToWorker } from './messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** The workers of a machine: one that ends is started again. */
export interface Crew {
  readonly size: number
  /** How many serve now. */
  readonly serving: number
  /** How many were started again. */
  readonly restarts: number
  /** The process of a worker that serves now, by its number from 1. */
  process(id: number): WorkerProcess | undefined
  /** Starts the first, then the others; resolves with where they listen. Rejects when one of them ends before it serves. */
  start(): Promise<string>
  /** Tells the others, and the first, of what a worker did. */
  spread(news: News, from: number): void
  tellAll(message: ToWorker): void
  /** Resolves with a message when a worker ends again and again. */
  readonly died: Promise<string>
  /** Asks all to drain; resolves when they have ended. */
  stop(lameDuckMs: number): Promise<void>
  kill(): void
}

export interface CrewOptions {
  readonly log: Log
  readonly restart?: Backoff
  /** Who has served for so long has not failed at its start; 30,000. */
  readonly soundAfterMs?: number
}

interface Slot {
  readonly id: number
  process: WorkerProcess | undefined
  serves: boolean
  /** Ends in a row, each soon after the start. */
  failures: number
}

/** So many ends in a row, within moments of the start, are none that another start mends: 6 s with these waits. */
const MOST_FAILURES = 6
const RESTART: Backoff = { baseMs: 100, maxMs: 5_000 }

export function createCrew(
  size: number,
  fork: (place: Pick<Place, 'id' | 'again'>) => WorkerProcess,
  { log, restart = RESTART, soundAfterMs = 30_000 }: CrewOptions,
): Crew {
  const slots = Array.from(
    { length: size },
    (_, i): Slot => ({ id: i + 1, process: undefined, serves: false, failures: 0 }),
  )
  const timers = new Set<NodeJS.Timeout>()
  let restarts = 0
  let started = false
  let stopping = false
  let die: (message: string) => void
  const died = new Promise<string>((resolve) => {
    die = resolve
  })

  const serving = () => slots.filter(({ serves }) => serves).length
  const tellAll = (message: ToWorker) => {
    for (const { process } of slots) process?.send(message)
  }
  const tellServing = () => tellAll({ kind: 'serving', serving: serving() })

  async function open(slot: Slot): Promise<string> {
    const worker = fork({ id: slot.id, again: started })
    slot.process = worker
    let servesSinceMs = Number.POSITIVE_INFINITY
    void worker.ended.then((how) => {
      if (performance.now() - servesSinceMs >= soundAfterMs) slot.failures = 0
      close(slot, how)
    })
    const url = await worker.ready
    servesSinceMs = performance.now()
    slot.serves = true
    tellServing()
    return url
  }

  function close(slot: Slot, how: string): void {
    slot.process = undefined
    slot.serves = false
    if (stopping || !started) return
    tellServing()
    slot.failures++
    if (slot.failures > MOST_FAILURES) {
      die(`worker ${slot.id} ended ${slot.failures} times in a row, the last time with ${how}: stopping all of them`)
      return
    }
    const waitMs = backoffMs(slot.failures - 1, restart)
    log.error({ worker: slot.id, ended: how }, `worker ${slot.id} ended (${how}): starting it again in ${waitMs} ms`)
    const timer = setTimeout(() => {
      timers.delete(timer)
      restarts++
      open(slot).then(
        () => log.info({ worker: slot.id }, `worker ${slot.id} serves again`),
        (error: Error) =>
          !stopping && log.error({ worker: slot.id }, `worker ${slot.id} did not start: ${error.message}`),
      )
    }, waitMs)
    timers.add(timer)
  }

  return {
    size,
    died,
    tellAll,
    get serving() {
      return serving()
    },
    get restarts() {
      return restarts
    },
    process: (id) => {
      const slot = slots[id - 1]
      return slot?.serves ? slot.process : undefined
    },
    async start() {
      // What has to be made or moved is, by the first: the others find it done.
      const [first, ...others] = slots
      const url = await open(first!)
      await Promise.all(others.map(open))
      started = true
      return url
    },
    spread(news, from) {
      for (const { id, process } of slots)
        if (id !== from) process?.send({ kind: 'news', news: { ...news, wake: id === 1 ? news.wake : [] } })
    },
    async stop(lameDuckMs) {
      stopping = true
      for (const timer of timers) clearTimeout(timer)
      tellAll({ kind: 'stop', lameDuckMs })
      await Promise.all(slots.map(({ process }) => process?.ended))
    },
    kill() {
      stopping = true
      for (const { process } of slots) process?.kill()
    },
  }
}
