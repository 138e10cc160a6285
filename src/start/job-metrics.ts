import type { Metric, Sample } from '../observe/metrics.ts'
import type { RunningService } from './run-service.ts'

const OF_JOB = ['service', 'job']
const OF_SERVICE = ['service']

/** How jobs are doing, for alerts. */
export const JOB_METRICS: readonly Metric[] = [
  { name: 'lintel_jobs_waiting', help: 'Jobs that are due, or will be', labels: OF_JOB },
  {
    name: 'lintel_jobs_retrying',
    help: 'Of those that wait, jobs that failed when they were last tried; of a schedule too',
    labels: OF_JOB,
  },
  { name: 'lintel_jobs_running', help: 'Jobs that some process has in hand', labels: OF_JOB },
  { name: 'lintel_jobs_dead', help: 'Jobs that have failed for the last time', labels: OF_JOB },
  { name: 'lintel_jobs_oldest_due_seconds', help: 'For how long the oldest job has been due', labels: OF_JOB },
  { name: 'lintel_jobs_handled_total', help: 'Jobs that this process has done', labels: OF_SERVICE },
  { name: 'lintel_job_failures_total', help: 'Handlers of jobs that failed in this process', labels: OF_SERVICE },
]

export async function collectJobs(services: readonly RunningService[]): Promise<Map<string, Sample[]>> {
  const all = new Map<string, Sample[]>(JOB_METRICS.map(({ name }) => [name, []]))
  const add = (name: string, labels: Sample['labels'], value: number) =>
    all.get(`lintel_${name}`)!.push({ labels, value })
  await Promise.all(
    services.map(async (running) => {
      // A database that is away leaves its figures out, not everybody's.
      const state = await running.jobs().catch(() => undefined)
      if (!state) return
      const service = running.name
      add('jobs_handled_total', { service }, state.handled)
      add('job_failures_total', { service }, state.failures)
      for (const { name: job, waiting, retrying, running, dead, oldestDueMs } of state.jobs) {
        add('jobs_waiting', { service, job }, waiting)
        add('jobs_retrying', { service, job }, retrying)
        add('jobs_running', { service, job }, running)
        add('jobs_dead', { service, job }, dead)
        add('jobs_oldest_due_seconds', { service, job }, oldestDueMs / 1000)
      }
    }),
  )
  return all
}
