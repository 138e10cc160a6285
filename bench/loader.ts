import { once } from 'node:events'
import type { Job, Outcome } from './load-job.ts'
import { start } from './processes.ts'

/** The process that asks. */
export interface Loader {
  run(job: Job): Promise<Outcome>
  stop(): void
}

export function startLoader(): Loader {
  const child = start(['dist/bench/load-process.js'])
  child.stderr!.pipe(process.stderr)
  return {
    async run(job) {
      const settled = new AbortController()
      const ended = once(child, 'exit', settled).then(() => {
        throw new Error('the load process ended')
      })
      try {
        child.send(job)
        const [outcome] = await Promise.race([once(child, 'message', settled), ended])
        return outcome as Outcome
      } finally {
        ended.catch(() => {})
        settled.abort()
      }
    },
    stop: () => child.disconnect(),
  }
}
