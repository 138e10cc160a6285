/** A moment by which something must be over. It has no timer: whoever waits sets one. */
export class Deadline {
  /** By the clock of `performance.now()`. */
  readonly #atMs: number

  constructor(atMs: number) {
    this.#atMs = atMs
  }

  static after(ms: number): Deadline {
    return new Deadline(performance.now() + ms)
  }

  /** Milliseconds, with fractions; 0 once it has passed. */
  remainingMs(): number {
    return Math.max(0, this.#atMs - performance.now())
  }
}

/** Of work that takes as long as it takes, such as what a service does in the background. */
export const NO_DEADLINE = new Deadline(Number.POSITIVE_INFINITY)
