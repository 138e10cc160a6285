/** A bounded map that forgets what was not asked for lately. */
export interface BoundedCache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  clear(): void
  readonly size: number
}

/**
 * Two generations instead of a linked list: a hit in the young one is a single look-up and writes nothing; a hit in the
 * old one moves up; a full young generation becomes the old one, and what was old is dropped. So what is asked for at
 * least once in `capacity / 2` new entries stays, and there are never more than `capacity`.
 */
export function boundedCache<Value>(capacity: number): BoundedCache<Value> {
  const half = Math.max(1, Math.floor(capacity / 2))
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()

  function put(key: string, value: Value): void {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    get(key) {
      const value = young.get(key)
      if (value !== undefined || old.size === 0) return value
      const older = old.get(key)
      if (older === undefined) return undefined
      old.delete(key)
      put(key, older)
      return older
    },
    set(key, value) {
      old.delete(key)
      put(key, value)
    },
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
    clear() {
      young = new Map()
      old = new Map()
    },
    get size() {
      return young.size + old.size
    },
  }
}
