import { differences } from './differences.ts'
import { play, type Recorded } from './play.ts'
import { atRest, publishedIn } from './published.ts'
import type { Line } from './step.ts'
import type { Started } from './topologies.ts'

/** Plays a script against a topology, which it stops; gives the answers, and then the events and mails that came of it. */
export async function record(script: readonly Line[], topology: Started): Promise<readonly Recorded[]> {
  try {
    const transcript = await play(script, topology)
    await atRest(topology)
    return [...transcript.exchanges, ...(await publishedIn(topology, transcript))]
  } finally {
    await topology.stop()
  }
}

/** Empty where both are alike; else what to read. */
export function reportOf(
  one: readonly Recorded[],
  other: readonly Recorded[],
  names: readonly [string, string],
): string {
  const found = differences(one, other, names)
  return found.length === 0 ? '' : `${found.length} of ${one.length} differ:\n\n${found.join('\n\n')}`
}

/** Said where servers are missing; with CI set that is an error before. */
export const NOT_COMPARED = 'TOPOLOGIES ARE NOT COMPARED: nats-server or redis-server is not on PATH'
