/**
 * Keeps turns of the event loop short while clients wait to be connected. libuv accepts one connection in each turn: where
 * 2,000 clients connect at once, and requests and the results of their statements fill the turns, the last of them are
 * accepted, and heard, after five seconds (FC-112). Usually nothing waits, and nothing is made for it.
 */
export interface Turns {
  /** Whether connections come faster than they are accepted, or work waits that came before. */
  readonly areShort: boolean
  /** A connection was accepted. */
  accepted(): void
  /** Work of this kind is done in the order in which it came, a little in each turn. */
  later(kind: Kind, work: () => void): void
}

/** What has just begun does not wait for what comes to an end. */
export type Kind = 'request' | 'result'

/** So many turns in a row in which a connection was accepted are a crowd. */
const CROWD = 4
/** How much of each kind a turn has while there is a crowd: 0.1 to 0.3 ms each. */
const CROWDED = 2
/** And when it is over, until nothing waits any more. */
const USUAL = 20

export function createTurns(): Turns {
  const waiting: Record<Kind, (() => void)[]> = { request: [], result: [] }
  let hasAccepted = false
  let crowd = 0
  let isTicking = false

  /** Once a turn, after what has arrived was read. */
  function tick(): void {
    crowd = hasAccepted ? crowd + 1 : 0
    hasAccepted = false
    const most = crowd < CROWD ? USUAL : CROWDED
    // In callbacks of their own: what one of them leads to is done before the next.
    for (const queue of [waiting.result, waiting.request]) for (const work of queue.splice(0, most)) setImmediate(work)
    isTicking = crowd > 0 || waiting.request.length + waiting.result.length > 0
    if (isTicking) setImmediate(tick)
  }

  function start(): void {
    if (isTicking) return
    isTicking = true
    setImmediate(tick)
  }

  return {
    get areShort() {
      return crowd >= CROWD || waiting.request.length + waiting.result.length > 0
    },
    accepted() {
      hasAccepted = true
      start()
    },
    later(kind, work) {
      waiting[kind].push(work)
      start()
    },
  }
}

/** Of this process, which has one event loop. */
export const turns = createTurns()
