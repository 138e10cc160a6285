/** Something under way that may have to end before it is done. */
export interface UnderWay {
  /** Whether its time is over, or nobody waits for it any more. It is read ten times a second or more, so it must be quick. */
  readonly isOver: boolean
  /** Called once, when it is over. It must not throw. */
  end(): void
}

/** Until when work may take, and whether it is past what can be undone. */
export interface Bound {
  /** Its time is over, or nobody waits for it any more. */
  readonly isOver: boolean
  /** Set once COMMIT is sent: from then on nothing is stopped. */
  committing: boolean
}

/** Ends what is over. One timer looks after everything, so that a request needs none of its own. */
export interface Watch {
  add(one: UnderWay): void
  /** For what is done. After `end` it has no effect. */
  delete(one: UnderWay): void
}

const EVERY_MS = 50

/**
 * A timer, an AbortController and a listener per request would cost 5 to 10 µs; to join and leave a set costs 0.1. The price is
 * that an end comes up to `everyMs` late. The timer runs only while something is under way, and keeps no process alive.
 */
export function createWatch(everyMs = EVERY_MS): Watch {
  const all = new Set<UnderWay>()
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    // Not when the last one leaves: one request after another would set and clear it each time.
    if (all.size === 0) {
      clearInterval(timer)
      timer = undefined
      return
    }
    for (const one of all) {
      if (!one.isOver) continue
      all.delete(one)
      one.end()
    }
  }

  return {
    add(one) {
      all.add(one)
      timer ??= setInterval(look, everyMs).unref()
    },
    delete(one) {
      all.delete(one)
    },
  }
}

/** The one of this process. */
export const watch: Watch = createWatch()
