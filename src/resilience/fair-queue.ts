/** What waits for one of a few places, by whom it is for: each asker in turn, and none with more than a share of the places. */
export interface FairQueue<T> {
  /** False where as much waits as may, of this asker or of all. */
  add(key: unknown, item: T): boolean
  /** The next item that may begin; its asker holds a place until `done`. */
  take(): T | undefined
  done(key: unknown): void
  /** Takes out what need not wait any longer. */
  removeIf(over: (item: T) => boolean): T[]
  load(): { readonly running: number; readonly waiting: number }
}

export interface FairQueueOptions {
  /** How many run at once. */
  readonly places: number
  /** How many of one asker run at once. */
  readonly share: number
  /** How many wait; a quarter of them may be one asker's. */
  readonly waiting: number
}

export function createFairQueue<T>({ places, share, waiting: most }: FairQueueOptions): FairQueue<T> {
  /** In the order of their turns. */
  const queues = new Map<unknown, T[]>()
  const held = new Map<unknown, number>()
  const mostOfOne = Math.ceil(most / 4)
  let running = 0
  let waiting = 0

  return {
    add(key, item) {
      const queue = queues.get(key)
      if (waiting >= most || (queue !== undefined && queue.length >= mostOfOne)) return false
      if (queue === undefined) queues.set(key, [item])
      else queue.push(item)
      waiting++
      return true
    },
    take() {
      if (running >= places) return undefined
      for (const [key, queue] of queues) {
        const holds = held.get(key) ?? 0
        if (holds >= share) continue
        const item = queue.shift()!
        queues.delete(key)
        // Behind all others: its turn is over.
        if (queue.length > 0) queues.set(key, queue)
        held.set(key, holds + 1)
        waiting--
        running++
        return item
      }
      return undefined
    },
    done(key) {
      const holds = held.get(key)!
      if (holds === 1) held.delete(key)
      else held.set(key, holds - 1)
      running--
    },
    removeIf(over) {
      const removed: T[] = []
      for (const [key, queue] of queues) {
        const left = queue.filter((item) => !over(item))
        if (left.length === queue.length) continue
        removed.push(...queue.filter((item) => !left.includes(item)))
        if (left.length === 0) queues.delete(key)
        else queues.set(key, left)
      }
      waiting -= removed.length
      return removed
    },
    load: () => ({ running, waiting }),
  }
}
