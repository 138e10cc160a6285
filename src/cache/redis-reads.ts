import type { Redis } from '../redis/connection.ts'

/** Reads of keys, of which those of one turn of the event loop go to Redis as one command. */
export interface RedisReads {
  /** Undefined without an answer in time. */
  get(keys: readonly string[]): Promise<Read | undefined>
  /** Milliseconds that the last one took. */
  readonly latencyMs: number | undefined
  /** How many commands in a row were not answered in time. */
  readonly lateInRow: number
}

export interface Read {
  /** In the order of the keys; null where there is none, or something else. */
  readonly texts: readonly (string | null)[]
  /** What those who have read together make of what is missing, by key: one does it for all. */
  readonly made: Map<string, Promise<string | undefined>>
}

interface Batch {
  readonly made: Read['made']
  readonly keys: string[]
  readonly places: Map<string, number>
  readonly texts: Promise<readonly (string | null)[] | undefined>
}

/** So many keys go into one command at most: more would keep others waiting. */
const MOST_KEYS = 500

export function redisReads(redis: Redis, waitMs: number): RedisReads {
  let open: Batch | undefined
  let latencyMs: number | undefined
  let lateInRow = 0

  async function read(keys: readonly string[]): Promise<readonly (string | null)[] | undefined> {
    // What arrives in this turn of the loop joins.
    await new Promise(setImmediate)
    open = undefined
    const beganMs = performance.now()
    const reply = await inTime(redis.send(['MGET', ...keys]), waitMs)
    latencyMs = performance.now() - beganMs
    lateInRow = reply === undefined ? lateInRow + 1 : 0
    return reply as readonly (string | null)[] | undefined
  }

  function batchFor(keys: readonly string[]): Batch {
    if (open !== undefined && open.keys.length + keys.length <= MOST_KEYS) return open
    const all: string[] = []
    open = { keys: all, places: new Map(), made: new Map(), texts: read(all) }
    return open
  }

  return {
    async get(keys) {
      const batch = batchFor(keys)
      const places = keys.map((key) => {
        const known = batch.places.get(key)
        if (known !== undefined) return known
        const place = batch.keys.push(key) - 1
        batch.places.set(key, place)
        return place
      })
      const texts = await batch.texts
      return texts && { texts: places.map((place) => texts[place] ?? null), made: batch.made }
    },
    get lateInRow() {
      return lateInRow
    },
    get latencyMs() {
      return latencyMs
    },
  }
}

/** Undefined where it fails, or is not there in time. What this process is late itself is not the server's fault. */
export async function inTime<T>(reply: Promise<T>, waitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    // Behind a timer that comes late, the answer may wait in the socket: it is read before the second one.
    timer = setTimeout(() => setImmediate(() => setImmediate(resolve, undefined)), waitMs)
  })
  try {
    return await Promise.race([reply.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}
