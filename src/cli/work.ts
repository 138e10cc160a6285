import { decodeId, encodeId } from '../base/ids.ts'
import type { Contract } from '../contract/contract.ts'
import { notifyCommitted } from '../data/outbox.ts'
import type { Database } from '../data/pool.ts'
import { dropJobs, type JobFilter, jobsState, listJobs, resendJobs, type ShownJob } from '../data/work.ts'
import { SWEEPS } from '../start/sweeps.ts'
import { countOf, seconds, wholeOf, wrong } from './arguments.ts'
import { eachDatabase } from './each-database.ts'

export interface ListOptions {
  readonly job?: string
  readonly failed?: boolean
  readonly limit: string
  readonly json?: boolean
}

export interface FilterOptions {
  readonly job?: string
  readonly all?: boolean
}

/** How many jobs of each kind wait, run and are dead, of each service. */
export async function statusCommand(file: string, json = false): Promise<void> {
  const all: Record<string, unknown> = {}
  await eachDatabase(file, async ({ contract }, database) => {
    const known = { ...contract.jobs, ...SWEEPS }
    const jobs = await jobsState(database, Object.keys(known))
    all[contract.name] = jobs
    if (json) return
    for (const { name, waiting, running, retrying, dead, oldestDueMs } of jobs) {
      const late = oldestDueMs > 0 ? `, the oldest due for ${seconds(oldestDueMs)}` : ''
      const again = retrying > 0 ? ` (${countOf(retrying)} to be tried again)` : ''
      const unknown = Object.hasOwn(known, name) ? '' : '; the contract has no such job'
      console.log(
        `${contract.name}.${name}: ${countOf(waiting)} waiting${again}${late}, ${countOf(running)} running, ${countOf(dead)} dead${unknown}`,
      )
    }
  })
  if (json) console.log(JSON.stringify(all))
  else if (Object.values(all).every((jobs) => (jobs as unknown[]).length === 0)) console.log('no jobs')
}

export async function listCommand(file: string, { job, failed = false, limit, json = false }: ListOptions) {
  const most = wholeOf(limit)
  const all: ReturnType<typeof shown>[] = []
  await eachJobs(file, job, async ({ name }, database, filter) => {
    for (const one of await listJobs(database, filter, { failed, limit: most })) all.push(shown(name, one))
  })
  if (json) console.log(JSON.stringify(all))
  else if (all.length === 0) console.log(failed ? 'no failed jobs' : 'no jobs')
  else for (const one of all) console.log(lineOf(one))
}

export async function showCommand(file: string, id: string): Promise<void> {
  const uuid = uuidOf(id)
  let found = 0
  await eachDatabase(file, async ({ contract: { name } }, database) => {
    for (const one of await listJobs(database, { id: uuid }, { failed: false, limit: 1 })) {
      found++
      console.log(JSON.stringify(shown(name, one), undefined, 2))
    }
  })
  if (found === 0) throw notThere()
}

/** Has jobs that have failed tried again, from the first attempt. */
export function resendCommand(file: string, id: string | undefined, options: FilterOptions): Promise<void> {
  return change(file, id, options, resendJobs, 'sent again')
}

/** Gives jobs up. What one does that runs is undone. */
export function dropCommand(file: string, id: string | undefined, options: FilterOptions): Promise<void> {
  return change(file, id, options, dropOne, 'dropped')
}

async function dropOne(database: Database, filter: JobFilter, { jobs }: Contract): Promise<number> {
  const [one] = filter.id === undefined ? [] : await listJobs(database, filter, { failed: false, limit: 1 })
  if (one !== undefined && one.everyMs !== null && { ...jobs, ...SWEEPS }[one.name]?.everyMs !== undefined)
    throw wrong(`${encodeId('job', one.id)} is a schedule, ${one.name}: it goes when the contract has it no more`)
  return dropJobs(database, filter)
}

async function change(
  file: string,
  id: string | undefined,
  { job, all }: FilterOptions,
  work: (database: Database, filter: JobFilter, contract: Contract) => Promise<number>,
  done: string,
): Promise<void> {
  if (id === undefined && !all) throw wrong('Give the id of a job, or --all for all that are dead')
  if (id !== undefined && all) throw wrong('Give either the id of a job or --all, not both')
  const uuid = id === undefined ? undefined : uuidOf(id)
  let count = 0
  await eachJobs(file, job, async (contract, database, filter) => {
    count += await work(database, { ...filter, id: uuid }, contract)
    await notifyCommitted(database)
  })
  if (count === 0 && id !== undefined) throw notThere()
  console.log(`${count} ${count === 1 ? 'job is' : 'jobs are'} ${done}`)
}

/** `users.sendMail` is of one service; without it, of all. What a contract has no more may have rows yet. */
async function eachJobs(
  file: string,
  job: string | undefined,
  work: (service: Contract, database: Database, filter: JobFilter) => Promise<void>,
): Promise<void> {
  const [ofService, name, ...more] = job?.split('.') ?? []
  if (job !== undefined && (name === undefined || more.length > 0))
    throw wrong(`--job is "${job}": give a service and a job, such as users.sendMail`)
  const known: string[] = []
  await eachDatabase(file, async ({ contract }, database) => {
    const names = (await jobsState(database, Object.keys({ ...contract.jobs, ...SWEEPS }))).map((one) => one.name)
    known.push(...names.map((one) => `${contract.name}.${one}`))
    if (ofService === undefined || (ofService === contract.name && names.includes(name!)))
      await work(contract, database, { name })
  })
  if (job !== undefined && !known.includes(job)) throw wrong(`--job is "${job}": give one of ${known.join(', ')}`)
}

function shown(service: string, { id, name, data, headers, ...job }: ShownJob) {
  const cause = headers === null ? {} : { headers: JSON.parse(headers) as unknown }
  return { id: encodeId('job', id), job: `${service}.${name}`, ...job, ...cause, data: JSON.parse(data) as unknown }
}

function lineOf({ id, job, state, attempts, dueAt, deadAt, everyMs, error, key }: ReturnType<typeof shown>): string {
  const when = { waiting: `due ${dueAt}`, running: 'now', retrying: `again ${dueAt}`, dead: deadAt }[state]
  const pace = everyMs === null ? '' : `, every ${seconds(everyMs)}`
  const tried = attempts === 0 ? '' : `, attempt ${attempts}`
  return `${id} ${job} ${state}, ${when}${pace}${tried}${key === null ? '' : `, key ${oneLine(key)}`}${error === null ? '' : `: ${oneLine(error)}`}`
}

/** A failure chooses its words: none of them begins a line, or is a command to a terminal. */
function oneLine(text: string): string {
  return text.split('\n')[0]!.replace(/\p{Cc}/gu, ' ')
}

function uuidOf(id: string): string {
  const uuid = decodeId('job', id)
  if (uuid === undefined) throw wrong(`"${id}" is not the id of a job, such as job_01h4…`)
  return uuid
}

function notThere() {
  return wrong('No such job, or none that has failed: see `lintel work list`')
}
