import { type Backoff, fullJitterMs } from '../base/backoff.ts'

export interface RetryOptions {
  /** Sends of a request at most; 3. */
  readonly maxAttempts?: number
  /** 25 and 250. */
  readonly backoff?: Backoff
  readonly retryBudget?: RetryBudgetOptions
}

/** Whether what failed is sent again, and when: one for all requests to one place. */
export interface Retries {
  /** For each request, whatever becomes of it. */
  earn(): void
  /**
   * How long to rest before the next attempt, after so many; `retryAfterMs` is what the answer asked for. Undefined: attempts, time
   * or budget are used up, and the failure stands.
   */
  restMs(attempts: number, remainingMs: number, retryAfterMs?: number): number | undefined
}

const BACKOFF: Backoff = { baseMs: 25, maxMs: 250 }

export function createRetries({ maxAttempts = 3, backoff = BACKOFF, retryBudget }: RetryOptions = {}): Retries {
  const budget = createRetryBudget(retryBudget)
  return {
    earn: budget.earn,
    restMs(attempts, remainingMs, retryAfterMs = 0) {
      if (attempts >= maxAttempts) return undefined
      // The jitter comes on top, so that those who were told the same second do not come back together.
      const ms = retryAfterMs + fullJitterMs(attempts - 1, backoff)
      return ms < remainingMs && budget.spend() ? ms : undefined
    },
  }
}

/** What may be spent on retries: when everything fails, they must not double the load of what is failing. */
export interface RetryBudget {
  /** For each request, whatever becomes of it. */
  earn(): void
  /** For each retry; false: there is nothing left, and the failure stands. */
  spend(): boolean
}

export interface RetryBudgetOptions {
  /** Extra requests per hundred; 10. */
  readonly percent?: number
  /** Retries that may be saved up, and are there at first, so that a single failure now and then is always covered; 10. */
  readonly reserve?: number
  /**
   * Retries that each second earns, however few requests there are, up to the reserve; 1. Where a request is sent once a minute, ten
   * requests would be ten minutes. After Finagle's minRetriesPerSec (https://finagle.github.io/blog/2016/02/08/retry-budgets), which
   * is 10: that would double ten failing requests a second, in each process anew.
   */
  readonly minPerSecond?: number
  /** Milliseconds from any fixed moment. */
  readonly now?: () => number
}

/** In hundredths of a retry: so ten requests earn one, and not 0.9999 of one. */
export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  const { percent = 10, reserve = 10, minPerSecond = 1, now = () => performance.now() } = options
  const most = reserve * 100
  let balance = most
  let refilledMs = now()

  /** Requests need not look at the clock: the bound of what is saved up holds for both kinds of income together. */
  function refill(): void {
    const nowMs = now()
    balance = Math.min(most, balance + ((nowMs - refilledMs) / 1_000) * minPerSecond * 100)
    refilledMs = nowMs
  }

  return {
    earn() {
      balance = Math.min(most, balance + percent)
    },
    spend() {
      refill()
      if (balance < 100) return false
      balance -= 100
      return true
    },
  }
}
