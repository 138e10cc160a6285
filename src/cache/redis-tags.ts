import { randomBytes } from 'node:crypto'
import { createRest } from '../base/rest.ts'
import { LONGEST_PAUSE_MS, type Redis } from '../redis/connection.ts'
import type { Script } from '../redis/script.ts'
import { inTime, redisReads } from './redis-reads.ts'
import { MARK, RAISE } from './redis-scripts.ts'
import { CHANGING, EVERYTHING, type Look, type Tags, UNKNOWN } from './tags.ts'

export interface RedisTagsOptions {
  /** What its keys begin with: the same for all replicas of a service, and for nobody on another database. */
  space(): Promise<string>
  /**
   * Called each time that Redis can be used again, before anything is read: drops what was changed in the meantime, as the
   * database says.
   */
  catchUp(drop: (tags: readonly string[]) => Promise<boolean>): Promise<unknown>
  /** A look that takes longer is done without; 25. */
  readonly waitMs?: number
}

/** A server that Redis was started as: what it kept before may be older than what is forgotten since. */
interface Era {
  readonly connection: number
  readonly prefix: string
  /** Until then others may not have connected again, and leave what they change in the database (performance.now). */
  readonly settlesAtMs: number
}

/** Whoever has lost the server with this process, or before it, has it again after this: a pause, and an attempt. */
const SETTLE_MS = LONGEST_PAUSE_MS + 1_000

/** After so many looks in a row that were not answered in time, nobody looks for a while. */
const MOST_LATE = 3
const REST_MS = 250
/** Of tags that Redis must hear of; beyond, it is everything. */
const MOST_OWED = 10_000
const MOST_FILLS = 100
const LARGEST_TEXT = 512 * 1024
const VERSION_S = 2 * 86_400
/** Tags in one run of a script: it keeps the server from everything else. */
const TAGS_IN_SCRIPT = 200

/**
 * Versions of tags in Redis, looked at on every read of every replica, so that no two replicas disagree; and the entries
 * themselves, for whoever has just been started. Redis may be gone, slow, full, emptied or full of something else: then reads
 * go to the database, and nothing that it cannot vouch for is used.
 */
export function redisTags(redis: Redis, { space, catchUp, waitMs = 25 }: RedisTagsOptions): Tags {
  const stopping = new AbortController()
  const reads = redisReads(redis, waitMs)
  const rest = createRest()
  /** Tags that have changed, and that Redis has not been told of. */
  let owed = new Set<string>()
  /** The era that changes are announced to. */
  let era: Era | undefined
  /** The one that is read from: once others tell it of theirs too, and it has heard of those before. */
  let believed: Era | undefined
  /** Until then nobody looks: the last looks were late. Changes are told all the same. */
  let restsUntilMs = 0
  let fills = 0

  function current(): Era | undefined {
    if (era === undefined) return undefined
    if (redis.up && redis.figures.connections === era.connection) return era
    return lose()
  }

  function readable(): Era | undefined {
    const from = current()
    return from === believed ? from : undefined
  }

  /** Until it has been caught up with, nothing in Redis is to be believed. */
  function lose(): undefined {
    era = undefined
    rest.end()
    return undefined
  }

  async function run(script: Script, { prefix }: Era, tags: readonly string[], args: readonly string[]) {
    let isDone = true
    for (let at = 0; at < tags.length; at += TAGS_IN_SCRIPT) {
      const keys = tags.slice(at, at + TAGS_IN_SCRIPT).flatMap((tag) => [`${prefix}t:${tag}`, `${prefix}c:${tag}`])
      // It takes as long as the connection waits for an answer: a change that is not known is worse than one that is slow.
      const isRun = await redis.run(script, keys, args).then(
        () => true,
        () => false,
      )
      isDone &&= isRun
    }
    return isDone
  }

  async function look(from: Era, tags: readonly string[], key: string | undefined): Promise<Look> {
    const names = [EVERYTHING, ...tags].map((tag) => `${from.prefix}t:${tag}`)
    const read = await reads.get(key === undefined ? names : [...names, `${from.prefix}e:${key}`])
    if (read === undefined) {
      if (reads.lateInRow >= MOST_LATE) restsUntilMs = performance.now() + REST_MS
      return UNKNOWN
    }
    const { texts, made } = read
    const versions: (string | undefined)[] = []
    for (const [i, name] of names.entries()) {
      let version: string | undefined | null = texts[i]
      if (version === null || version === undefined) {
        const making = made.get(name) ?? newVersion(name)
        made.set(name, making)
        version = await making
      }
      versions.push(version)
    }
    if (versions.includes('!')) return CHANGING
    for (const [i, version] of versions.entries()) {
      if (version !== undefined && VERSION.test(version)) continue
      if (version !== undefined) forget(names[i]!)
      return UNKNOWN
    }
    return { kind: 'known', stamp: versions.join(','), text: texts[names.length] ?? null }
  }

  /** Of a tag that has none, or that Redis has forgotten. Undefined where it cannot keep one, such as when it is full. */
  async function newVersion(name: string): Promise<string | undefined> {
    const version = randomBytes(12).toString('base64url')
    // Another replica may be first: what counts is what is there.
    const setting = redis.send(['SET', name, version, 'NX', 'EX', String(VERSION_S)])
    setting.catch(() => {})
    const kept = await inTime(redis.send(['GET', name]).catch(wrongType), waitMs)
    if (kept === WRONG_TYPE) forget(name)
    return typeof kept === 'string' && kept !== WRONG_TYPE ? kept : undefined
  }

  function forget(name: string): void {
    redis.send(['DEL', name]).catch(() => {})
  }

  async function raise(tags: readonly string[], by: string): Promise<boolean> {
    const from = current()
    if (from !== undefined && (await run(RAISE, from, tags, [by]))) return true
    for (const tag of tags) owed.add(tag)
    if (owed.size > MOST_OWED) owed = new Set([EVERYTHING])
    lose()
    return false
  }

  async function keepUp(): Promise<void> {
    const { signal } = stopping
    while (!signal.aborted) {
      try {
        await redis.untilUp(signal)
        era = current() ?? (await beginEra())
        const begun = era
        if (begun !== undefined) {
          await rest.take(Math.max(0, begun.settlesAtMs - performance.now()), signal)
          if (current() === begun && (await isCaughtUp(begun))) believed = begun
        }
      } catch {
        // The next attempt is soon.
      }
      // Until it is lost.
      if (readable() !== undefined) await rest.take(LONG_MS, signal)
      await rest.take(REST_MS, signal)
    }
  }

  async function beginEra(): Promise<Era | undefined> {
    const { connections: connection } = redis.figures
    const info = await redis.send(['INFO', 'server'])
    const runId = /^run_id:(\w+)/m.exec(String(info))?.[1]
    if (runId === undefined) return undefined
    // A first connection to a server that has been up for longer is no sign that anybody has lost it.
    const upForMs = connection > 1 ? 0 : 1_000 * Number(/^uptime_in_seconds:(\d+)/m.exec(String(info))?.[1] ?? 0)
    const settlesAtMs = performance.now() + SETTLE_MS - upForMs
    const next = { connection, prefix: `${redis.prefix}cache:${runId.slice(0, 12)}:${await space()}:`, settlesAtMs }
    return (await isPaid(next)) ? next : undefined
  }

  /** What this process could not tell goes first: others may be reading already. */
  async function isPaid(next: Era): Promise<boolean> {
    const paying = [...owed]
    if (paying.length > 0 && !(await run(RAISE, next, paying, ['']))) return false
    for (const tag of paying) owed.delete(tag)
    return true
  }

  async function isCaughtUp(next: Era): Promise<boolean> {
    let isDone = await isPaid(next)
    await catchUp(async (tags) => {
      const isRaised = await run(RAISE, next, tags, [''])
      isDone &&= isRaised
      return isRaised
    })
    // What came to be owed meanwhile is paid first.
    return isDone && owed.size === 0
  }

  const ended = keepUp()

  return {
    look(tags, key) {
      const from = readable()
      return from === undefined || performance.now() < restsUntilMs ? UNKNOWN : look(from, tags, key)
    },
    mayBe: () => true,
    keep(key, text, ttlMs) {
      const from = readable()
      if (from === undefined || fills >= MOST_FILLS) return
      const value = text()
      if (value.length > LARGEST_TEXT) return
      fills++
      const done = () => {
        fills--
      }
      redis.send(['SET', `${from.prefix}e:${key}`, value, 'PX', String(ttlMs)]).then(done, done)
    },
    mark(tags, by, forMs) {
      const from = current()
      return from === undefined ? false : run(MARK, from, tags, [by, String(forMs)])
    },
    raise,
    get state() {
      return { kind: 'redis', usable: readable() !== undefined, latencyMs: reads.latencyMs } as const
    },
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

const LONG_MS = 86_400_000

const VERSION = /^[\w-]{16}$/
const WRONG_TYPE = 'WRONGTYPE'

function wrongType(error: Error): string {
  if (error.message.startsWith(WRONG_TYPE)) return WRONG_TYPE
  throw error
}
