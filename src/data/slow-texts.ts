/** Texts of statements that kept others waiting lately. */
export interface SlowTexts {
  has(text: string): boolean
  add(text: string): void
  /** It was quick this time. */
  delete(text: string): void
}

/** Past this many all are forgotten: each is found out again by one statement. */
const MOST = 1_000
/** Then it is tried again among others. */
const REMEMBERED_MS = 5_000

export function createSlowTexts(): SlowTexts {
  const untilMs = new Map<string, number>()
  return {
    has(text) {
      // Mostly there are none: this is asked of every statement.
      if (untilMs.size === 0) return false
      const until = untilMs.get(text)
      if (until === undefined) return false
      if (until > performance.now()) return true
      untilMs.delete(text)
      return false
    },
    add(text) {
      if (untilMs.size >= MOST) untilMs.clear()
      untilMs.set(text, performance.now() + REMEMBERED_MS)
    },
    delete(text) {
      if (untilMs.size > 0) untilMs.delete(text)
    },
  }
}
