import { loadWithAutocannon } from './load-autocannon.ts'
import type { Job, Outcome, StatusTimes } from './load-job.ts'
import { loadOverSockets } from './load-sockets.ts'

/** A process of its own, kept for the whole run, so that it is warm for whoever comes first. */
process.on('message', (job: Job) => void load(job).then((outcome) => process.send!(outcome)))
process.on('disconnect', () => process.exit())

async function load(job: Job): Promise<Outcome> {
  const times: number[] = []
  const timesOf: Record<string, number[]> = {}
  const failures: Record<string, number> = {}
  let answers = 0
  let lastFailureMs = 0
  const before = process.cpuUsage()
  const startMs = performance.now()
  const endMs = startMs + job.seconds * 1000
  await (job.lean ? loadOverSockets : loadWithAutocannon)(job, (what, ms) => {
    answers++
    const nowMs = performance.now()
    if (what === 'error' || what < 200 || what > 299) {
      failures[what] = (failures[what] ?? 0) + 1
      lastFailureMs = nowMs - startMs
    }
    timesOf[what] ??= []
    timesOf[what].push(ms)
    if (nowMs < endMs) times.push(ms)
  })
  const { user, system } = process.cpuUsage(before)
  const { p50Ms, p99Ms } = summaryOf(times)
  return {
    rate: times.length / job.seconds,
    answers,
    p50Ms,
    p99Ms,
    failures,
    byStatus: Object.fromEntries(Object.entries(timesOf).map(([status, all]) => [status, summaryOf(all)])),
    lastFailureMs,
    ownCpu: (user + system) / 1000 / answers,
  }
}

function summaryOf(times: number[]): StatusTimes {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { answers: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: times.at(-1) ?? 0 }
}
