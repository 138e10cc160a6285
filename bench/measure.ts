import { once } from 'node:events'
import pg from 'pg'
import type { Job, Outcome } from './load-process.ts'
import type { Options, Side, WorkloadName } from './options.ts'
import { type ServerProcess, start } from './processes.ts'
import type { Workloads } from './workloads.ts'

/** One measurement: one workload, one side, one round. */
export interface Figures extends Outcome {
  /** CPU-seconds of the server's process per 1,000 answers. */
  readonly cpu: number
}

/** By workload and side, one of each round. */
export type Results = Map<WorkloadName, Map<Side, Figures[]>>

interface Setup {
  readonly options: Options
  readonly servers: ReadonlyMap<Side, ServerProcess>
  readonly workloads: Workloads
  /** Of the server, as the superuser. */
  readonly databaseUrl: string
  readonly say: (line: string) => void
}

/**
 * Every round measures every workload on one side, then on the other; which one goes first changes from round to round.
 * What writes comes when all that reads is done: its rows, and the vacuum that follows them, are in nobody's way.
 */
export async function measure({ options, servers, workloads, databaseUrl, say }: Setup): Promise<Results> {
  const loader = await startLoader()
  const results: Results = new Map()
  const load = async (name: WorkloadName, side: Side, seconds: number): Promise<Figures> => {
    const server = servers.get(side)!
    await checkpoint(databaseUrl)
    const before = await server.cpu()
    const outcome = await loader.run({ url: server.url, seconds, visitors: workloads[name][side], lean: options.lean })
    const used = (await server.cpu()) - before
    return { ...outcome, cpu: (used / outcome.answers) * 1000 }
  }
  const writing = options.workloads.filter((name) => name === 'W3')
  const reading = options.workloads.filter((name) => name !== 'W3')
  try {
    for (const group of [reading, writing]) {
      for (const name of group) {
        results.set(name, new Map(options.sides.map((side) => [side, []])))
        for (const side of options.sides) {
          say(`${name}: ${side} warms up`)
          await load(name, side, options.warmUpSeconds)
        }
      }
      for (let round = 1; round <= options.rounds; round++) {
        const order = round % 2 === 1 ? options.sides : options.sides.toReversed()
        for (const name of group)
          for (const side of order) {
            say(`round ${round} of ${options.rounds}: ${name}, ${side}`)
            results
              .get(name)!
              .get(side)!
              .push(await load(name, side, options.seconds))
          }
      }
    }
  } finally {
    loader.stop()
  }
  return results
}

/** Each measurement begins with nothing left to write from the one before. */
async function checkpoint(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('checkpoint')
  await client.end()
}

async function startLoader() {
  const child = start(['dist/bench/load-process.js'])
  child.stderr!.pipe(process.stderr)
  return {
    async run(job: Job): Promise<Outcome> {
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
