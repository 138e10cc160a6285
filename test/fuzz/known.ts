/** What earlier answers told, as clients would remember it: ids by their prefix, texts by the names of their members. */
export class Known {
  readonly #all = new Map<string, string[]>()
  readonly #own = new Map<string, Map<string, string[]>>()
  readonly #hidden = new Set<string>()

  /** Takes in what `caller` was answered. */
  learn(caller: string, value: unknown, name = ''): void {
    if (typeof value === 'string') this.#add(caller, ID.exec(value)?.[1] ?? name, value)
    else if (Array.isArray(value)) for (const item of value) this.learn(caller, item, name)
    else if (typeof value === 'object' && value !== null)
      for (const [key, member] of Object.entries(value)) this.learn(caller, member, key)
  }

  /** What no request may name, such as the account that everything hangs on. */
  hide(value: string): void {
    this.#hidden.add(value)
  }

  /** Puts last what is gone: named now and then, it must be a 404. */
  bury(id: string): void {
    for (const memory of [this.#all, ...this.#own.values()])
      for (const values of memory.values())
        for (const value of values.filter((one) => one.includes(id))) {
          values.splice(values.indexOf(value), 1)
          values.unshift(value)
        }
  }

  /** The `nth` latest: mostly of what the caller has seen, which is more likely to be theirs. */
  get(caller: string, name: string, nth: number): string | undefined {
    const own = this.#own.get(caller)?.get(name)
    const values = (nth % 4 < 3 ? own : undefined) ?? this.#all.get(name) ?? []
    return values.at(-1 - (nth % (values.length || 1)))
  }

  #add(caller: string, name: string, value: string) {
    if (this.#hidden.has(value)) return
    const own = this.#own.get(caller) ?? new Map<string, string[]>()
    this.#own.set(caller, own)
    for (const memory of [this.#all, own]) {
      const values = memory.get(name) ?? []
      memory.set(name, values)
      const at = values.indexOf(value)
      if (at >= 0) values.splice(at, 1)
      values.push(value)
      if (values.length > MOST) values.shift()
    }
  }
}

const MOST = 20
const ID = /^([a-z]+)_[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** Stands in a request for something known. Only sending looks it up, so that a request shrinks whatever it meets. */
export class Seen {
  readonly name: string
  readonly nth: number
  /** What to send while nothing of that name is known. */
  readonly otherwise: unknown

  constructor(name: string, nth: number, otherwise: unknown) {
    this.name = name
    this.nth = nth
    this.otherwise = otherwise
  }
}

/** A value with everything looked up that stands in it. */
export function lookUp(value: unknown, known: Known, caller: string): unknown {
  if (value instanceof Seen) return known.get(caller, value.name, value.nth) ?? lookUp(value.otherwise, known, caller)
  if (Array.isArray(value)) return value.map((item) => lookUp(item, known, caller))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, lookUp(member, known, caller)]))
}
