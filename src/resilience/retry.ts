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
}

/** In hundredths of a request: whole numbers, so that ten requests earn a retry and not 0.9999 of one. */
export function createRetryBudget({ percent = 10, reserve = 10 }: RetryBudgetOptions = {}): RetryBudget {
  const most = reserve * 100
  let balance = most
  return {
    earn() {
      balance = Math.min(most, balance + percent)
    },
    spend() {
      if (balance < 100) return false
      balance -= 100
      return true
    },
  }
}
