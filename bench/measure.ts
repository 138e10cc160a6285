import type { Outcome } from './load-job.ts'
import { startLoader } from './loader.ts'
import type { Options, Side, WorkloadName } from './options.ts'
import type { Stage } from './stage.ts'

/** One measurement: one workload, one side, one round. */
export interface Figures extends Outcome {
  /** CPU-seconds of the server's process per 1,000 answers. */
  readonly cpu: number
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
    const { servers, workloads, settle } = stages.find((stage) => stage.workloads[name])!
    const server = servers.get(side)!
    await settle()
    const before = await server.cpu()
    const visitors = workloads[name]![side]
    const outcome = await loader.run({ url: server.url, seconds, visitors, lean: options.lean })
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
