import { createRest } from '../base/rest.ts'
import { Deadline } from './deadline.ts'
import { type UnderWay, type Watch, watch } from './watch.ts'

/**
 * A deadline for something that may take several attempts, and that ends the one under way. No timer of its own, and no signal, which
 * costs 3 µs with its listeners; a class, since one is made for each request.
 */
export class WatchedDeadline implements UnderWay {
  /** The time has passed, or the attempts were given up. */
  over = false
  /** The time has passed; false if the attempts were given up because their caller has gone. */
  passed = false
  watchedAt = -1
  readonly #limitMs: number
  readonly #watch: Watch
  #deadline: Deadline
  #callback: (() => void) | undefined = undefined

  constructor(limitMs: number, by: Watch = watch) {
    this.#limitMs = limitMs
    this.#watch = by
    this.#deadline = Deadline.after(limitMs)
    by.add(this)
  }

  remainingMs(): number {
    return this.#deadline.remainingMs()
  }

  /** Begins anew: the time of somebody else's making, such as a slow sender's, is not to count. */
  restart(): void {
    if (!this.over) this.#deadline = Deadline.after(this.#limitMs)
  }

  get isOver(): boolean {
    return this.#deadline.remainingMs() === 0
  }

  end(): void {
    this.passed = true
    this.giveUp()
  }

  giveUp(): void {
    this.clear()
    if (this.over) return
    this.over = true
    this.#callback?.()
  }

  /** For what is done: nothing ends it any more. */
  clear(): void {
    this.#watch.delete(this)
  }

  /** Registers the callback to run when the time passes or is given up; replaces the previous one; runs at once if already over. */
  onOver(callback: (() => void) | undefined): void {
    this.#callback = callback
    if (this.over) callback?.()
  }

  /** Rests for so long, or until it is over. */
  async rest(ms: number): Promise<void> {
    const { take, end } = createRest()
    const taken = take(ms)
    this.onOver(end)
    await taken
    this.#callback = undefined
  }
}
