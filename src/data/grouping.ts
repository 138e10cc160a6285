import { isRolledBack } from './rollback.ts'
import type { Step } from './text-query.ts'

/** A statement that is a transaction of its own, and may be one with others of its kind. */
export interface Groupable extends Step {
  readonly textFor: NonNullable<Step['textFor']>
}

/** One of those that are sent together, and who waits for it. */
export interface Gathered {
  readonly step: Groupable
  resolve(tags: readonly string[]): void
  reject(error: unknown): void
}

/** Statements that went as one were refused, and nothing was done. Which of them is to blame shows when each is sent by itself. */
export class RefusedTogether extends Error {
  constructor(cause: unknown) {
    super('statements that were sent as one were refused', { cause })
  }
}

/** Powers of two up to this one: few texts are prepared. */
const LARGEST_GROUP = 32
/** PostgreSQL keeps 3 KB of a prepared statement for each of its parameters, on each connection: a wide table has smaller groups. */
const MOST_PARAMETERS = 1_024
/** In characters; what is larger takes longer than a statement of its own costs, and the others would wait for it. */
const LARGEST_STEP = 16_384
/** So long statements of a kind go by themselves when a group of it was refused. */
const APART_MS = 1_000

/** Makes one statement of those of a kind that are sent together: PostgreSQL begins, plans, writes and commits once for all of them. */
export function createGrouping() {
  const apartUntilMs = new Map<Groupable['textFor'], number>()

  function sendGroup(group: readonly Gathered[], send: (steps: readonly Step[]) => Promise<readonly string[]>): void {
    const [{ step }] = group as [Gathered]
    if (group.length === 1) {
      send([step]).then(group[0]!.resolve, group[0]!.reject)
      return
    }
    const { textFor } = step
    const values: (string | null)[] = []
    // `flatMap` takes 0.8 µs for each of them, and this 0.05.
    for (const { step } of group) values.push(...step.values)
    send([{ text: textFor(group.length), values }]).then(
      (tags) => {
        for (const { resolve } of group) resolve(tags)
      },
      (error) => {
        const isRefused = isRolledBack(error)
        if (isRefused) apartUntilMs.set(textFor, performance.now() + APART_MS)
        for (const { reject, step } of group)
          reject(isRefused ? new RefusedTogether(error) : (step.failed?.(error) ?? error))
      },
    )
  }

  return {
    takes(steps: readonly Step[]): steps is readonly [Groupable] {
      const textFor = steps.length === 1 ? steps[0]!.textFor : undefined
      if (textFor === undefined || isLarge(steps[0]!)) return false
      const untilMs = apartUntilMs.get(textFor)
      if (untilMs === undefined) return true
      if (untilMs > performance.now()) return false
      apartUntilMs.delete(textFor)
      return true
    },
    send(gathered: readonly Gathered[], send: (steps: readonly Step[]) => Promise<readonly string[]>): void {
      for (const kind of byKind(gathered))
        for (let at = 0; at < kind.length; ) {
          const size = sizeOf(kind, at)
          sendGroup(kind.slice(at, at + size), send)
          at += size
        }
    },
  }
}

function sizeOf(kind: readonly Gathered[], at: number): number {
  const most = Math.min(LARGEST_GROUP, MOST_PARAMETERS / kind[0]!.step.values.length)
  return 2 ** Math.floor(Math.log2(Math.max(1, Math.min(kind.length - at, most))))
}

function isLarge({ values }: Step): boolean {
  let chars = 0
  for (const value of values) if (value !== null) chars += value.length
  return chars > LARGEST_STEP
}

function byKind(gathered: readonly Gathered[]): Iterable<readonly Gathered[]> {
  const kinds = new Map<unknown, Gathered[]>()
  for (const one of gathered) {
    const kind = kinds.get(one.step.textFor)
    if (kind === undefined) kinds.set(one.step.textFor, [one])
    else kind.push(one)
  }
  return kinds.values()
}
