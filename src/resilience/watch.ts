/** Something under way that may have to end before it is done. */
export interface UnderWay {
  /** Whether its time is over, or nobody waits for it any more. It is read ten times a second or more, so it must be quick. */
  readonly isOver: boolean
  /** Called once, when it is over. It must not throw. */
  end(): void
  /** Its place in the watch, which alone writes it; -1 at first. */
  watchedAt: number
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
 * A timer, an AbortController and a listener per request would cost 5 to 10 µs; to join and leave a list costs 0.1. The price is
 * that an end comes up to `everyMs` late. The timer runs only while something is under way, and keeps no process alive.
 *
 * It is no Set: whenever V8 makes a Set's table anew, the one before, which is old and dead, keeps what was in it from the young
 * generation's collector. Requests lived on by their thousands, and garbage took 16 % of a read's time where it had taken 4.
 */
export function createWatch(everyMs = EVERY_MS): Watch {
  const all: UnderWay[] = []
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    // Not when the last one leaves: one request after another would set and clear it each time.
    if (all.length === 0) {
      clearInterval(timer)
      timer = undefined
      return
    }
    // Again when something has ended: what is part of it is over by now, and was not where it was looked at a moment before.
    for (let ended = true; ended; ) {
      ended = false
      // From the end, since the last one takes the place of what leaves.
      for (let i = all.length - 1; i >= 0; i--) {
        const one = all[i]
        if (one === undefined || !one.isOver) continue
        remove(one)
        one.end()
        ended = true
      }
    }
  }

  function remove(one: UnderWay): void {
    const place = one.watchedAt
    if (place < 0) return
    one.watchedAt = -1
    const last = all.pop()!
    if (last === one) return
    all[place] = last
    last.watchedAt = place
  }

  return {
    add(one) {
      one.watchedAt = all.push(one) - 1
      timer ??= setInterval(look, everyMs).unref()
    },
    delete: remove,
  }
}

/** The one of this process. */
export const watch: Watch = createWatch()
