import { boundedCache } from '../base/bounded-cache.ts'
import { CHANGING, EVERYTHING, type Look, type Tags } from './tags.ts'

/** A tag that is forgotten costs one read of the database. */
const MOST_TAGS = 200_000
/** Marks of changes whose end nobody knows go when they are looked at, or when there are so many. */
const MOST_MARKED = 10_000

/** Versions of tags of one process, which serves its service alone. */
export function memoryTags({ now = () => performance.now() }: { now?: () => number } = {}): Tags {
  const versions = boundedCache<number>(MOST_TAGS)
  /** Until when, by tag and by who marks it. */
  const marks = new Map<string, Map<string, number>>()
  let last = 0

  function versionOf(tag: string): number {
    const known = versions.get(tag)
    if (known !== undefined) return known
    last++
    versions.set(tag, last)
    return last
  }

  function isMarked(tag: string): boolean {
    const all = marks.get(tag)
    if (all === undefined) return false
    for (const [by, untilMs] of all) if (untilMs <= now()) all.delete(by)
    if (all.size > 0) return true
    marks.delete(tag)
    return false
  }

  function look(tags: readonly string[]): Look {
    if (marks.size > 0 && (isMarked(EVERYTHING) || tags.some(isMarked))) return CHANGING
    let stamp = String(versionOf(EVERYTHING))
    for (const tag of tags) stamp += `,${versionOf(tag)}`
    return { kind: 'known', stamp, text: null }
  }

  return {
    look,
    mayBe(tags, stamp) {
      const now = look(tags)
      return now.kind === 'known' && now.stamp === stamp
    },
    keep() {},
    mark(tags, by, forMs) {
      if (marks.size >= MOST_MARKED) for (const tag of marks.keys()) isMarked(tag)
      for (const tag of tags) {
        versions.delete(tag)
        const all = marks.get(tag) ?? new Map<string, number>()
        all.set(by, now() + forMs)
        marks.set(tag, all)
      }
      return true
    },
    raise(tags, by) {
      for (const tag of tags) {
        versions.delete(tag)
        const all = marks.get(tag)
        if (all?.delete(by) && all.size === 0) marks.delete(tag)
      }
      return true
    },
    state: { kind: 'memory', usable: true },
    stop: async () => {},
  }
}
