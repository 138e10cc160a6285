import { serviceCaller } from '../auth/caller.ts'
import { encodeId } from '../base/ids.ts'
import type { Jobs } from '../contract/contract.ts'
import type { ClaimedJob } from '../data/work.ts'
import type { Time } from '../events/handler-time.ts'
import { CausedContext, type EventContext } from '../events/headers.ts'
import type { Log } from '../observe/log.ts'
import { type Attributes, recorded, type Tracer } from '../observe/span.ts'
import { environmentOf, type Surroundings } from './environment.ts'
import { assertJobKeepsContract } from './event-data.ts'
import type { BegunWork } from './event-handling.ts'
import type { Job, Unit } from './handler.ts'
import type { Service } from './implement.ts'
import { messaging } from './messaging.ts'
import { outputCheck } from './shape.ts'
import { WorkContext } from './work-context.ts'

export interface JobHandlingOptions {
  readonly surroundings: Surroundings
  readonly log: Log
  readonly tracer: Tracer | undefined
  /** Runs work in a transaction of its own. */
  readonly run: <T>(work: (unit: Unit) => Promise<T>, context: WorkContext) => Promise<T>
}

/** How the handlers of a service take its jobs. */
export function jobHandling({ contract, jobHandlers, mailers }: Service<any>, options: JobHandlingOptions) {
  const { surroundings, log, tracer, run } = options
  const checks = new Map(Object.entries(contract.jobs as Jobs).map(([name, { data }]) => [name, outputCheck(data)]))
  const environments = new Map([...checks.keys()].map((name) => [name, environmentOf(name, mailers, surroundings)]))
  return (job: ClaimedJob, { tx, unitFor }: BegunWork, time: Time): Promise<void> => {
    const { name } = job
    const about = jobContext(job, contract.name)
    const span = tracer?.root(`process ${name}`, 'consumer', about.trace, attributesOf(job, about))
    const context = new WorkContext({
      caller: about.caller,
      cause: about,
      span,
      log: () => log.child(linesOf(job, contract.name)),
      time,
    })
    const unit = Object.assign(unitFor(context, tx), environments.get(name), {
      run: <T>(work: (unit: Unit) => Promise<T>) => run(work, context),
    })
    const work = async () => {
      const data: object = JSON.parse(job.data)
      // It may have been enqueued by another build.
      assertJobKeepsContract(name, checks.get(name)!, data)
      return jobHandlers.get(name)!(shown(job, data, contract.jobs[name].attempts), unit)
    }
    return span === undefined ? work() : recorded(span, work)
  }
}

/** What the lines about a job have in common. */
export function linesOf(job: ClaimedJob, service: string) {
  const { requestId, trace } = jobContext(job, service)
  return {
    job: `${service}.${job.name}`,
    jobId: encodeId('job', job.id),
    requestId,
    ...(trace && { traceId: trace.traceId }),
  }
}

/** It is done on behalf of the request that caused it. */
function jobContext({ id, headers }: ClaimedJob, service: string): EventContext {
  return new CausedContext(serviceCaller(service), headers, () => encodeId('job', id))
}

function attributesOf({ id, name }: ClaimedJob, { requestId }: EventContext): Attributes {
  return {
    ...messaging('process', name),
    'messaging.message.id': encodeId('job', id),
    'lintel.request_id': requestId,
  }
}

function shown({ id, name, createdAt, attempt }: ClaimedJob, data: unknown, attempts: number): Job {
  return { id: encodeId('job', id), name, enqueuedAt: createdAt, attempt, isLast: attempt >= attempts, data }
}
