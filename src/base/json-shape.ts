/**
 * The keys of an object so far, in their order, as a path from `{}`. Objects mostly repeat the order of one before, so that
 * the next key need only be compared with the one that stood here the last time; and a key that stands twice leads to no shape.
 */
export interface Shape {
  readonly key: string
  readonly before: Shape | undefined
  /** Where the last key led, unless that was written with an escape. */
  next: Shape | undefined
  /** Where every key led, once there were two. */
  all: Map<string, Shape> | undefined
}

export function shapeOfNone(): Shape {
  return { key: '', before: undefined, next: undefined, all: undefined }
}

/** The shape that a new key leads to. */
export function addKey(before: Shape, key: string, asWritten: boolean): Shape {
  const shape: Shape = { key, before, next: undefined, all: undefined }
  const { next } = before
  if (next !== undefined && before.all === undefined) before.all = new Map().set(next.key, next)
  if (before.all !== undefined || !asWritten) {
    before.all ??= new Map()
    before.all.set(key, shape)
  }
  if (asWritten) before.next = shape
  return shape
}

export function holds(shape: Shape, key: string): boolean {
  for (let at = shape; at.before !== undefined; at = at.before) if (at.key === key) return true
  return false
}

export function keysOf(shape: Shape): Set<string> {
  const keys = new Set<string>()
  for (let at = shape; at.before !== undefined; at = at.before) keys.add(at.key)
  return keys
}
