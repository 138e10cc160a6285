import { within } from './within.ts'

/**
 * How long each reader of health waits: longer than what it reads takes at most. So what is down is named by whoever knows it, and
 * nobody hears merely that an answer is late.
 */
export const CHECK_MS = {
  /** PostgreSQL, NATS. */
  dependency: 800,
  /** What another worker of this machine knows. */
  worker: 900,
  /** All checks of a replica. */
  replica: 1_000,
  /** All replicas of a service. */
  service: 1_200,
  /** All that a worker says of the system. */
  system: 1_400,
} as const

/** A check has not answered in time. */
export class NoAnswer extends Error {
  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs} ms`)
  }
}

/**
 * A check that answers in time, whatever it asks: after `timeoutMs` it rejects with `NoAnswer`. What is asked stays under way, and
 * until it ends whoever checks again waits for the same answer: what hangs is asked once, however many probes there are.
 */
export function boundedCheck<T>(timeoutMs: number, check: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined
  return () => {
    underWay ??= begun(check, timeoutMs).finally(() => {
      underWay = undefined
    })
    const asked = underWay
    return within(
      timeoutMs,
      () => new NoAnswer(timeoutMs),
      undefined,
      () => asked,
    )
  }
}

/** What fails when its time is over has not answered: so those who have joined late are told the same as those before them. */
async function begun<T>(check: () => Promise<T>, timeoutMs: number): Promise<T> {
  const beganMs = performance.now()
  try {
    return await check()
  } catch (error) {
    throw performance.now() - beganMs >= timeoutMs ? new NoAnswer(timeoutMs) : error
  }
}
