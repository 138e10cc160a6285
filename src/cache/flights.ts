/** Reads that several callers wait for together. */
export interface Flights<T> {
  /**
   * What `load` resolves to; whoever asks for the same `key` while it is under way gets that too, and loads nothing. Not
   * what is nobody else's (`isShared`), and not the failure of a caller whose own time was over: then the next one loads.
   */
  share(key: string, load: () => Promise<T>, isOver: () => boolean): Promise<Shared<T>>
}

export interface Shared<T> {
  readonly value: T
  /** Whether it was loaded by this caller. */
  readonly isOwn: boolean
}

type Outcome<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'private' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'given up' }

/** Beyond so many different ones, each caller loads for itself. */
const MOST_FLIGHTS = 10_000

/** Single flight: of the callers that miss the same key at once, one reads the database (R-CACHE-3). */
export function createFlights<T>(isShared: (value: T) => boolean): Flights<T> {
  const under = new Map<string, Promise<Outcome<T>>>()

  async function lead(key: string, load: () => Promise<T>, isOver: () => boolean): Promise<Shared<T>> {
    let settle!: (outcome: Outcome<T>) => void
    under.set(
      key,
      new Promise((resolve) => {
        settle = resolve
      }),
    )
    try {
      const value = await load()
      under.delete(key)
      settle(isShared(value) ? { kind: 'value', value } : { kind: 'private' })
      return { value, isOwn: true }
    } catch (error) {
      under.delete(key)
      settle(isOver() ? { kind: 'given up' } : { kind: 'failed', error })
      throw error
    }
  }

  return {
    async share(key, load, isOver) {
      for (;;) {
        const flight = under.get(key)
        if (flight === undefined) {
          if (under.size >= MOST_FLIGHTS) return { value: await load(), isOwn: true }
          return lead(key, load, isOver)
        }
        const outcome = await flight
        if (outcome.kind === 'value') return { value: outcome.value, isOwn: false }
        if (outcome.kind === 'failed') throw outcome.error
        if (outcome.kind === 'private') return { value: await load(), isOwn: true }
      }
    },
  }
}
