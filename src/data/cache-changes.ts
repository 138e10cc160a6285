import type { Cache } from '../cache/cache.ts'
import type { Queryable } from './pool.ts'
import type { Step } from './text-query.ts'

/** Goes into the transaction whose change could not be announced. */
export function leaveChanges(tags: ReadonlySet<string>): Step {
  const text = 'insert into lintel.cache_changes (tag) select json_array_elements_text($1::json)'
  return { text, values: [JSON.stringify([...tags])] }
}

const BATCH = 1_000
/** Of tags that nobody comes to read: beyond, everything has changed. */
const MOST_LEFT = 10_000

const HAS_TOO_MANY = 'select from lintel.cache_changes offset $1 limit 1'
/**
 * In one statement: whoever reads the table finds the tags, or that it is everything. Rows that a reader is deleting are skipped. By their
 * places: by id PostgreSQL goes through all of them for each where it believes that they are few, as after a vacuum that has found hardly any;
 * of 8,000 that takes 8 s.
 */
const LEAVE_EVERYTHING = `
with gone as (
  delete from lintel.cache_changes where ctid in (select ctid from lintel.cache_changes for update skip locked) returning id
)
insert into lintel.cache_changes (tag) select '*' where exists (select from gone)`

/**
 * Drops what transactions have changed that could not say so elsewhere, such as those of a process without a way to Redis, and
 * of commands beside a running system. Resolves with how many tags that were. Several processes may do it at once: a tag that
 * is dropped twice costs one reading of the database.
 */
export async function dropLeftChanges(db: Queryable, cache: Pick<Cache, 'drop'>): Promise<number> {
  for (let dropped = 0; ; ) {
    const rows = await db.query<{ id: number; tag: string }>(
      'select id, tag from lintel.cache_changes order by id limit $1',
      [BATCH],
    )
    if (rows.length === 0) return dropped
    // Deleted only when it is done: a process that dies in between leaves them to the next.
    if (!(await cache.drop([...new Set(rows.map(({ tag }) => tag))]))) {
      await boundLeftChanges(db)
      return dropped
    }
    await db.cells('delete from lintel.cache_changes where id = any($1::bigint[])', [rows.map(({ id }) => id)])
    dropped += rows.length
    if (rows.length < BATCH) return dropped
  }
}

/**
 * Keeps what is left from growing where nobody drops it: without Redis, or while it is away. Nothing is forgotten: of too many
 * tags one is made, which is everything.
 */
export async function boundLeftChanges(db: Queryable): Promise<void> {
  const [tooMany] = await db.cells(HAS_TOO_MANY, [MOST_LEFT])
  if (tooMany !== undefined) await db.cells(LEAVE_EVERYTHING)
}
