import { createRest } from '../base/rest.ts'
import type { Held } from './connections.ts'

/** Up to where everything in the outbox is committed or rolled back. */
export interface Settled {
  readonly position: bigint
  /** Of the server: after a crash it may give positions again that were lost with it. */
  readonly startedAt: string
}

export interface HeldUp {
  /** Of the server process. */
  readonly pid: number
  /** As its connection calls itself. */
  readonly application: string
  /** Since it began. */
  readonly openMs: number
}

export interface Settling {
  /**
   * How far everything is committed or rolled back that had a position when it was called. Waits for transactions that may have events in
   * between, as long as those take; undefined where the signal aborts first, or `withinMs` have passed. Calls share the looks.
   */
  settle(signal: AbortSignal, withinMs?: number): Promise<Settled | undefined>
  /** What was found last, whoever asked. */
  readonly latest: Settled | undefined
  /** The transaction that holds up reading, once that has taken more than a second. */
  readonly heldUp: HeldUp | undefined
  /** What was found is of another run of the server. */
  forget(): void
}

/** How far positions had been given, and those of the writers of that moment who have not ended since. */
interface Look {
  readonly number: number
  readonly atMs: number
  readonly given: Settled
  writers: readonly Writer[]
}

interface Writer {
  readonly transaction: string
  readonly pid: number
}

interface Waiter {
  /** The first look that began after it came. */
  readonly from: number
  resolve(settled: Settled | undefined): void
  reject(error: unknown): void
}

/** How far positions have been given; `last_value` of the sequence itself would run ahead of that, and back again. */
const GIVEN = `select coalesce(pg_sequence_last_value('lintel.outbox_position_seq'), 0), pg_postmaster_start_time(), pg_is_in_recovery()`

/** Transactions that have written to the outbox, or may be about to: a statement holds this lock from its parsing on. */
const WRITERS = `select virtualtransaction, pid from pg_locks
where locktype = 'relation' and mode = 'RowExclusiveLock' and granted and relation = 'lintel.outbox'::regclass
  and database = (select oid from pg_database where datname = current_database())`

const HOLDER = `select pid, application_name, extract(epoch from now() - xact_start) * 1000 from pg_stat_activity
where pid = any($1::int[]) order by xact_start limit 1`

/** Writers take a millisecond or two. And no shorter than the look before it took: `pg_locks` takes 0.2 ms, and 3 among 900 transactions. */
const SHORTEST_REST_MS = 1
const LONGEST_REST_MS = 50
/** Looks whose writers are waited for at once. */
const MOST_LOOKS = 8
const HELD_UP_MS = 1_000
/** Nobody has looked for so long: what held up readers then may have ended. */
const STALE_MS = 2_000
const AT_ONCE_MS = 250

/**
 * Positions are given before the commit, so "after the last one" would pass over what commits late. But what was given
 * before a moment is committed or rolled back once every transaction has ended that held the lock of a writer right after
 * that moment. So a look asks how far positions have been given, and then who writes: two statements on one connection, for the second
 * has to see what was committed before it. The looks behind it say which of its writers are left, and when none is, it is settled.
 *
 * `held` is called once for each transaction that keeps readers waiting for longer than a second.
 */
export function createSettling(
  onConnection: <T>(work: (connection: Held) => Promise<T>) => Promise<T>,
  held: (by: HeldUp) => void,
): Settling {
  /** Those that have writers left, oldest first. */
  let looks: Look[] = []
  /** How many were begun. */
  let begun = 0
  let endedAtMs = Number.NEGATIVE_INFINITY
  let restMs = SHORTEST_REST_MS
  const waiters = new Set<Waiter>()
  let isLooking = false
  let latest: Settled | undefined
  let heldUp: HeldUp | undefined

  function settle(signal: AbortSignal, withinMs?: number): Promise<Settled | undefined> {
    let timer: NodeJS.Timeout | undefined
    let waiter: Waiter
    const leaveIn = (ms: number) => {
      timer = setTimeout(() => waiter.resolve(undefined), ms)
    }
    // What is there at once is still worth having.
    const abort = () => {
      clearTimeout(timer)
      leaveIn(AT_ONCE_MS)
    }
    return new Promise<Settled | undefined>((resolve, reject) => {
      waiter = { from: begun + 1, resolve, reject }
      waiters.add(waiter)
      if (withinMs !== undefined) leaveIn(Math.max(withinMs, AT_ONCE_MS))
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      void lookOn()
    }).finally(() => {
      clearTimeout(timer)
      waiters.delete(waiter)
      signal.removeEventListener('abort', abort)
    })
  }

  /** Looks as long as somebody waits. Not again and again while events are written: what comes meanwhile is looked at together. */
  async function lookOn(): Promise<void> {
    if (isLooking) return
    isLooking = true
    while (waiters.size > 0) {
      const earlyMs = endedAtMs + restMs - performance.now()
      if (earlyMs > 0) await createRest().take(earlyMs)
      const sinceMs = performance.now()
      try {
        const isSettled = await onConnection(look)
        const shortestMs = Math.max(SHORTEST_REST_MS, performance.now() - sinceMs)
        restMs = Math.min(isSettled ? shortestMs : restMs * 2, LONGEST_REST_MS)
      } catch (error) {
        for (const { reject } of waiters) reject(error)
        waiters.clear()
        heldUp = undefined
      }
      endedAtMs = performance.now()
    }
    isLooking = false
  }

  /** Answers whether one was settled. */
  async function look(connection: Held): Promise<boolean> {
    const number = ++begun
    const [positions, writing] = await Promise.all([connection.send(GIVEN, []), connection.send(WRITERS, [])])
    const [[position, startedAt, isStandby]] = positions.cells as [[string, string, string]]
    // Nothing there says who writes.
    if (isStandby === 't') throw new Error('the outbox cannot be read on a standby')
    const last = looks.at(-1)?.given
    if (last && (last.startedAt !== startedAt || BigInt(position) < last.position)) looks = []
    const writers = writing.cells.map(([transaction, pid]) => ({ transaction: transaction!, pid: Number(pid) }))
    const left = new Set(writers.map(({ transaction }) => transaction))
    for (const one of looks) one.writers = one.writers.filter(({ transaction }) => left.has(transaction))
    if (looks.length < MOST_LOOKS)
      looks.push({ number, atMs: performance.now(), given: { position: BigInt(position), startedAt }, writers })
    const settled = looks.findLast((one) => one.writers.length === 0)
    if (settled) tell(settled)
    await note(connection)
    return settled !== undefined
  }

  function tell({ number, given }: Look): void {
    looks = looks.filter((one) => one.number > number)
    latest = given
    for (const waiter of waiters) {
      if (waiter.from > number) continue
      waiters.delete(waiter)
      waiter.resolve(given)
    }
  }

  async function note(connection: Held): Promise<void> {
    const [oldest] = looks
    const isHeldUp = oldest !== undefined && performance.now() - oldest.atMs > HELD_UP_MS
    const pids = isHeldUp ? oldest.writers.map(({ pid }) => pid) : []
    const [holder] = isHeldUp ? (await connection.send(HOLDER, [pids])).cells : []
    const before = heldUp
    heldUp = holder && {
      pid: Number(holder[0]),
      application: holder[1]!,
      openMs: Math.round(Number(holder[2])),
    }
    if (heldUp && heldUp.pid !== before?.pid) held(heldUp)
  }

  return {
    settle,
    get latest() {
      return latest
    },
    get heldUp() {
      return performance.now() - endedAtMs < STALE_MS ? heldUp : undefined
    },
    forget() {
      latest = undefined
    },
  }
}
