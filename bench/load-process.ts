import { loadWithAutocannon } from './load-autocannon.ts'
import type { Job, Outcome } from './load-job.ts'
import { loadOverSockets } from './load-sockets.ts'

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
