import type { AnyResource } from '../contract/resource.ts'
import type { Contract } from '../contract/service.ts'
import type { Queryable } from './pool.ts'

/** Rows looked at per statement: how many of them go does not matter, none runs for long or holds many locks. */
const BATCH = 1000
const FIRST = '00000000-0000-0000-0000-000000000000'

/**
 * Removes for good what was softly deleted longer ago than `olderThanMs` (R-DEL-1); answers how many rows of each table.
 * A row that a foreign key still points at stays, until what points at it is gone.
 */
export async function purge(db: Queryable, contract: Contract, olderThanMs: number): Promise<Record<string, number>> {
  const resources = Object.values<AnyResource>(contract.resources).filter(({ softDelete }) => softDelete)
  const removed = Object.fromEntries(resources.map(({ table }) => [table, 0]))
  const statements = new Map<string, string>()
  for (const table in removed) statements.set(table, await statementFor(db, table))
  // What one table has lost may free rows of another, or its own.
  for (let before = -1, after = 0; after > before; ) {
    before = after
    for (const [table, statement] of statements) {
      const gone = await purgeTable(db, table, statement, olderThanMs)
      removed[table]! += gone
      after += gone
    }
  }
  return removed
}

/** One walk through the table by its key: what has been looked at is not looked at again. */
async function purgeTable(db: Queryable, table: string, statement: string, olderThanMs: number): Promise<number> {
  let gone = 0
  let size = BATCH
  for (let last: string | undefined = FIRST; last !== undefined; ) {
    const batch = await purgeBatch(db, statement, [last, size, olderThanMs])
    if (batch) {
      gone += batch.gone
      last = batch.last ?? undefined
      size = Math.min(size * 2, BATCH)
    } else if (size > 1) size = Math.ceil(size / 4)
    else
      last = (await db.query<{ id: string }>(`select id from ${table} where id > $1 order by id limit 1`, [last]))[0]
        ?.id
  }
  return gone
}

const FOREIGN_KEY_VIOLATION = '23503'

/** Undefined where a key is in the way that could not be foreseen: a new one, or one behind a cascade. */
async function purgeBatch(db: Queryable, statement: string, values: unknown[]) {
  try {
    return (await db.query<{ gone: number; last: string | null }>(statement, values))[0]!
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code === FOREIGN_KEY_VIOLATION) return undefined
    throw error
  }
}

const REFERENCES = `
select format('not exists (select from %s as other where %s)', c.conrelid::regclass,
  (select string_agg(format('other.%I = t.%I', theirs.attname, ours.attname), ' and ')
   from unnest(c.conkey, c.confkey) as pair(their, our)
   join pg_attribute theirs on theirs.attrelid = c.conrelid and theirs.attnum = pair.their
   join pg_attribute ours on ours.attrelid = c.confrelid and ours.attnum = pair.our)) as term
from pg_constraint c where c.contype = 'f' and c.confrelid = $1::regclass and c.confdeltype in ('a', 'r')`

/**
 * `$1` is the last id of the batch before, `$2` its size, `$3` the age in milliseconds. Keys without an action (NO
 * ACTION, RESTRICT) would make the delete fail, so they are asked first; those that cascade or set null do as they say.
 * A join with the batch would be planned as a scan of the whole table; the array makes it look up the keys.
 */
async function statementFor(db: Queryable, table: string): Promise<string> {
  const terms = await db.query<{ term: string }>(REFERENCES, [table])
  const kept = terms.map(({ term }) => ` and ${term}`).join('')
  return `
with batch as (
  select id from ${table} where id > $1 order by id limit $2
), gone as (
  delete from ${table} as t
  where t.id = any(array(select id from batch)) and t.deleted_at < now() - $3 * interval '1 millisecond'${kept}
  returning t.id
)
select (select count(*) from gone) as gone, (select id from batch order by id desc limit 1) as last`
}

/** Kept answers of requests with an Idempotency-Key go after 24 hours (R-IDEM-1); answers how many went. */
export async function sweepIdempotencyKeys(db: Queryable): Promise<number> {
  for (let gone = 0; ; ) {
    const batch = await db.query(SWEEP, [BATCH])
    gone += batch.length
    if (batch.length < BATCH) return gone
  }
}

/** Several replicas may sweep at once: each passes over what another has in hand. */
const SWEEP = `
delete from lintel.idempotency_keys where key in (
  select key from lintel.idempotency_keys where created_at < now() - interval '24 hours'
  limit $1 for update skip locked)
returning 1 as gone`
