import type pg from 'pg'
import { connect } from './connection.ts'

/** Positions of a partition: more than are given between two looks, at any pace. They need not all be given. */
const WIDTH = 100_000_000n
/** A retention is so many partitions, where there is always something to write. */
const PARTITIONS = 7

interface Partition {
  readonly name: string
  readonly from: bigint
  /** The first position behind it. */
  readonly to: bigint
  /** A DETACH CONCURRENTLY was cut short. */
  readonly isLeaving: boolean
}

/**
 * Keeps the partitions of an outbox: the next one is there before it is needed, the one in use ends after a seventh of the retention,
 * and those are dropped that every one of these readers has read and that hold nothing younger than the retention (R-EVT-5). The event at
 * which a reader stands stays, so that it can be seen whether the log is still the same. Writers wait for none of it for longer
 * than a tenth of a second. Answers how many partitions were dropped.
 */
export async function keepPartitions(url: string, retentionMs: number, readers: readonly string[]): Promise<number> {
  const client = await connect(url)
  try {
    await client.query('set lock_timeout = 100')
    const [{ first }] = (
      await client.query(`select pg_try_advisory_lock(hashtextextended('lintel.outbox partitions', 0)) as first`)
    ).rows as [{ first: boolean }]
    if (!first) return 0
    await finish(client)
    await endPartition(client, retentionMs / PARTITIONS)
    await addPartition(client)
    return await dropRead(client, retentionMs, readers)
  } finally {
    await client.end() // which frees the lock
  }
}

const ALL = `select c.relname as name, bound[1] as from, bound[2] as to, i.inhdetachpending as "isLeaving"
from pg_inherits i join pg_class c on c.oid = i.inhrelid,
  regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('(\\d+)'\\) TO \\('(\\d+)'\\)$$) bound
where i.inhparent = 'lintel.outbox'::regclass order by bound[1]::bigint`

async function partitions(client: pg.Client): Promise<Partition[]> {
  const { rows } = await client.query<{ name: string; from: string; to: string; isLeaving: boolean }>(ALL)
  return rows.map((row) => ({ ...row, from: BigInt(row.from), to: BigInt(row.to) }))
}

/** Takes away what a process has left that died over it. */
async function finish(client: pg.Client): Promise<void> {
  for (const { name, isLeaving } of await partitions(client))
    if (isLeaving) await client.query(`alter table lintel.outbox detach partition lintel.${name} finalize`)
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'lintel'::regnamespace and relkind = 'r'
       and relname ~ '^outbox_\\d+$' and not relispartition`,
  )
  for (const { name } of rows) await client.query(`drop table lintel.${name}`)
}

/** What comes next goes to the next partition: the rest of the positions of this one are never given. */
async function endPartition(client: pg.Client, afterMs: number): Promise<void> {
  const given = await givenPosition(client)
  const all = await partitions(client)
  const current = all.find(({ from, to }) => from <= given && given < to)
  if (!current || !all.some(({ from }) => from === current.to)) return
  const { rowCount } = await client.query(
    `select from (select created_at from lintel.${current.name} order by position limit 1) oldest
     where created_at < now() - $1 * interval '1 millisecond'`,
    [afterMs],
  )
  if (rowCount === 0) return
  await client.query('begin')
  // Nobody is given a position meanwhile: the sequence must not go back.
  await client.query('lock table only lintel.outbox in share mode')
  await client.query(
    `select setval('lintel.outbox_position_seq', $1) where pg_sequence_last_value('lintel.outbox_position_seq') < $1`,
    [`${current.to - 1n}`],
  )
  await client.query('commit')
}

async function addPartition(client: pg.Client): Promise<void> {
  const given = await givenPosition(client)
  // Behind the next position, a whole one at least.
  for (let { to } = (await partitions(client)).at(-1)!; to <= given + WIDTH + 1n; to += WIDTH) {
    const name = `lintel.outbox_${to}`
    // CREATE TABLE … PARTITION OF would lock out writers and readers.
    await client.query('begin')
    await client.query(`create table ${name} (like lintel.outbox including defaults including constraints)`)
    await client.query(`alter table lintel.outbox attach partition ${name} for values from (${to}) to (${to + WIDTH})`)
    await client.query('commit')
  }
}

async function dropRead(client: pg.Client, retentionMs: number, readers: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ read: string | null }>(
    `select min(coalesce(r.position, 0)) as read from unnest($1::text[]) name left join lintel.readers r on r.reader = name`,
    [readers],
  )
  // Without a reader everything counts as read.
  const read = rows[0]!.read === null ? await givenPosition(client) : BigInt(rows[0]!.read)
  let dropped = 0
  for (const { name, to } of await partitions(client)) {
    if (to > read) break
    const { rowCount } = await client.query(
      `select from (select created_at from lintel.${name} order by position desc limit 1) newest
       where created_at >= now() - $1 * interval '1 millisecond'`,
      [retentionMs],
    )
    if (rowCount !== 0) break
    await client.query(`alter table lintel.outbox detach partition lintel.${name} concurrently`)
    await client.query(`drop table lintel.${name}`)
    dropped++
  }
  return dropped
}

async function givenPosition(client: pg.Client): Promise<bigint> {
  const { rows } = await client.query<{ given: string | null }>(
    `select pg_sequence_last_value('lintel.outbox_position_seq') as given`,
  )
  return BigInt(rows[0]!.given ?? 0)
}
