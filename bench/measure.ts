import { setTimeout as delay } from 'node:timers/promises'
import type { Outcome } from './load-job.ts'
import { startLoader } from './loader.ts'
import { isWriting, type Options, type Side, type WorkloadName } from './options.ts'
import type { ServerProcess } from './processes.ts'
import type { Stage } from './stage.ts'

/** One measurement: one workload, one side, one round. */
export interface Figures extends Outcome {
  /** CPU-seconds of the server's process per 1,000 answers. */
  readonly cpu: number
  /** The same of PostgreSQL; 0 where it is no part. */
  readonly databaseCpu: number
}

/** By workload and side, one of each round. */
export type Results = Map<WorkloadName, Map<Side, Figures[]>>

interface Setup {
  readonly options: Options
  readonly stages: readonly Stage[]
  readonly say: (line: string) => void
}

/**
 * Every round measures every workload on one side, then on the other; which one goes first changes from round to round.
 * What writes comes when all that reads is done: its rows, and the vacuum that follows them, are in nobody's way.
 */
export async function measure({ options, stages, say }: Setup): Promise<Results> {
  const loader = startLoader()
  const results: Results = new Map()
  const load = async (name: WorkloadName, side: Side, seconds: number): Promise<Figures> => {
    const { servers, workloads, settle, databaseCpu = async () => 0 } = stages.find((stage) => stage.workloads[name])!
    const server = servers.get(side)!
    await settle()
    const atRest = isWriting(name) ? await cpuOfALook(server) : 0
    const [before, databaseBefore] = await Promise.all([server.cpu(), databaseCpu()])
    const visitors = workloads[name]![side]
    const outcome = await loader.run({ url: server.url, seconds, visitors, lean: options.lean })
    // What was put off belongs to it as well: events that are still to be carried.
    if (isWriting(name)) await untilIdle(server, atRest)
    const perThousand = (used: number) => (used / outcome.answers) * 1000
    const cpu = perThousand((await server.cpu()) - before)
    return { ...outcome, cpu, databaseCpu: perThousand((await databaseCpu()) - databaseBefore) }
  }
  const writing = options.workloads.filter(isWriting)
  const reading = options.workloads.filter((name) => !isWriting(name))
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

const LOOK_EVERY_MS = 300
const LONGEST_MS = 60_000

/** Until a server does hardly more than at rest, or for a minute. Under a profiler that is a good deal. */
async function untilIdle(server: ServerProcess, atRest: number): Promise<void> {
  const endMs = performance.now() + LONGEST_MS
  while (performance.now() < endMs && (await cpuOfALook(server)) > 1.5 * atRest + 0.01);
}

/** CPU-seconds that a server takes in LOOK_EVERY_MS. */
async function cpuOfALook(server: ServerProcess): Promise<number> {
  const before = await server.cpu()
  await delay(LOOK_EVERY_MS)
  return (await server.cpu()) - before
}
