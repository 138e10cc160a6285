import { loadWithAutocannon } from './load-autocannon.ts'
import { loadOverSockets } from './load-sockets.ts'

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

/** One connection: who asks, and for what, over and over. */
export interface Visitor {
  /** Without one nobody in particular asks. */
  readonly token?: string
  readonly requests: readonly Request[]
}

export interface Job {
  readonly url: string
  readonly seconds: number
  readonly visitors: readonly Visitor[]
  /** The lean one: bare sockets in place of autocannon. */
  readonly lean: boolean
  /** Each visitor asks so often (by bare sockets only); else again as soon as it is answered. */
  readonly everyMs?: number
}

export interface Outcome {
  /** Answers per second. */
  readonly rate: number
  /** Answers in all, also those that came while the connections were being closed. */
  readonly answers: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What was no 2xx: how often, by status; `error` stands for a connection that broke or timed out. */
  readonly failures: Readonly<Record<string, number>>
  /** CPU-seconds of this process per 1,000 answers: what it takes from the servers it shares the machine with. */
  readonly ownCpu: number
}

/** Told of every answer: its status, and how long it took. */
export type Heard = (what: number | 'error', ms: number) => void

/** A process of its own, kept for the whole run, so that it is warm for whoever comes first. */
process.on('message', (job: Job) => void load(job).then((outcome) => process.send!(outcome)))
process.on('disconnect', () => process.exit())

async function load(job: Job): Promise<Outcome> {
  const times: number[] = []
  const failures: Record<string, number> = {}
  let answers = 0
  const before = process.cpuUsage()
  const endMs = performance.now() + job.seconds * 1000
  await (job.lean ? loadOverSockets : loadWithAutocannon)(job, (what, ms) => {
    answers++
    if (what === 'error' || what < 200 || what > 299) failures[what] = (failures[what] ?? 0) + 1
    if (performance.now() < endMs) times.push(ms)
  })
  const { user, system } = process.cpuUsage(before)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return {
    rate: times.length / job.seconds,
    answers,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    failures,
    ownCpu: (user + system) / 1000 / answers,
  }
}
