import type { CarriedEvent } from './carrier.ts'

/** Sends events, each behind the one before it of its aggregate. A call may begin while the one before it is under way. */
export interface Chains {
  /** Resolves with those that were sent: none behind one of its aggregate that was not. `send` answers whether it was; it never rejects. */
  run<E extends CarriedEvent>(events: readonly E[], send: (event: E) => Promise<boolean>): Promise<readonly E[]>
}

/** At most so many are under way at once. */
export function createChains(most: number): Chains {
  /** Of each aggregate, whether its last event was sent; kept until the call that brought it has ended. */
  const last = new Map<string, Promise<boolean>>()
  const waiting: (() => void)[] = []
  let underWay = 0

  async function inTurn(send: () => Promise<boolean>): Promise<boolean> {
    if (underWay === most) await new Promise<void>((resolve) => waiting.push(resolve))
    else underWay++
    const isSent = await send()
    const next = waiting.shift()
    if (next) next()
    else underWay--
    return isSent
  }

  return {
    async run(events, send) {
      const ends = events.map((event) => {
        const turn = () => inTurn(() => send(event))
        const before = last.get(event.aggregateId)
        const end = before === undefined ? turn() : before.then((isSent) => isSent && turn())
        last.set(event.aggregateId, end)
        return end
      })
      const sent = await Promise.all(ends)
      for (const [i, { aggregateId }] of events.entries())
        if (last.get(aggregateId) === ends[i]) last.delete(aggregateId)
      return events.filter((_, i) => sent[i])
    },
  }
}
