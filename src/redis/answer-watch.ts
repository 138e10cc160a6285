/** Notices a server that does not answer. */
export interface AnswerWatch {
  /** To be called for each command that is sent. */
  sent(): void
  /** To be called for each that was answered, or failed. */
  answered(): void
  readonly inFlight: number
  stop(): void
}

const TICKS = 4

/**
 * Calls `stuck` once, when a command has waited `timeoutMs`, or up to a quarter more, for its answer. A server answers in
 * order, so counting is enough: of what had been sent four ticks ago, everything must have been answered. One timer for all,
 * which rests while nothing is under way.
 *
 * It counts ticks, not milliseconds: while this process is busy with something else, answers wait in the socket, and the
 * server is not to blame. A tick that comes late counts as one.
 */
export function watchAnswers(timeoutMs: number, stuck: () => void): AnswerWatch {
  let sent = 0
  let answered = 0
  let marks: number[] = []
  let timer: NodeJS.Timeout | undefined

  function stop(): void {
    clearInterval(timer)
    timer = undefined
    marks = []
  }

  function tick(): void {
    const due = marks.length === TICKS ? marks.shift()! : 0
    if (answered < due) {
      stop()
      stuck()
      return
    }
    if (answered === sent && marks.at(-1) === sent) stop()
    else marks.push(sent)
  }

  return {
    sent() {
      sent++
      timer ??= setInterval(tick, timeoutMs / TICKS)
    },
    answered() {
      answered++
    },
    get inFlight() {
      return sent - answered
    },
    stop,
  }
}
