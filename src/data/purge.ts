import { Problem } from '../base/errors.ts'
import type { Contract } from '../contract/contract.ts'
import type { AnyResource } from '../contract/resource.ts'
import { inBatches } from './outbox.ts'
import type { Database, Queryable } from './pool.ts'

/** Rows looked at per statement: how many of them go does not matter, none runs for long or holds many locks. */
const BATCH = 1000
const FIRST = '00000000-0000-0000-0000-000000000000'

/** What became of the rows of a table that were deleted long enough ago. */
export interface Purged {
  readonly removed: number
  readonly left: number
  /** Why they were left: what still refers to them, or what the database said. */
  readonly reasons: readonly string[]
}

/**
 * Removes for good what was softly deleted longer ago than `olderThanMs` (R-DEL-1), by table. A row that a foreign key
 * still refers to stays until what refers to it is gone, and so does one that a rule of the database keeps: the rest goes.
 */
export async function purge(db: Database, contract: Contract, olderThanMs: number): Promise<Record<string, Purged>> {
  const resources = Object.values<AnyResource>(contract.resources).filter(({ softDelete }) => softDelete)
  const announced = announcedOf(contract)
  const tables = new Map<string, Purging>()
  for (const { table } of resources)
    tables.set(table, { table, references: await referencesTo(db, table, announced), removed: 0, refused: new Set() })
  // What one table has lost may free rows of another, or its own.
  for (let before = -1, after = 0; after > before; ) {
    before = after
    for (const purging of tables.values()) {
      purging.refused.clear()
      const gone = await purgeTable(db, purging, olderThanMs)
      purging.removed += gone
      after += gone
    }
  }
  const purged: Record<string, Purged> = {}
  for (const purging of tables.values()) purged[purging.table] = await outcomeOf(db, purging, olderThanMs)
  return purged
}

interface Purging {
  readonly table: string
  readonly references: readonly Reference[]
  removed: number
  /** What the database said of single rows. */
  readonly refused: Set<string>
}

/** A foreign key that keeps what it refers to: NO ACTION or RESTRICT, or one that would delete living rows without their event. */
interface Reference {
  readonly table: string
  /** Whether a row of it refers to `t`. */
  readonly term: string
}

/** One walk through the table by its key: what has been looked at is not looked at again. */
async function purgeTable(db: Database, purging: Purging, olderThanMs: number): Promise<number> {
  const statement = statementFor(purging)
  let gone = 0
  let size = BATCH
  for (let last: string | undefined = FIRST; last !== undefined; ) {
    const batch = await purgeBatch(db, statement, [last, size, olderThanMs])
    if (!(batch instanceof Problem)) {
      gone += batch.gone
      last = batch.last ?? undefined
      size = Math.min(size * 2, BATCH)
    } else if (size > 1) size = Math.ceil(size / 4)
    else {
      purging.refused.add(batch.cause instanceof Error ? batch.cause.message : batch.code)
      const next: { id: string }[] = await db.query(
        `select id from ${purging.table} where id > $1 order by id limit 1`,
        [last],
      )
      last = next[0]?.id
    }
  }
  return gone
}

/** A problem where a rule is in the way that could not be foreseen: a new key, one behind a cascade, a trigger. */
async function purgeBatch(db: Database, statement: string, values: unknown[]) {
  try {
    return (await db.query<{ gone: number; last: string | null }>(statement, values))[0]!
  } catch (error) {
    if (error instanceof Problem && error.code !== 'SERVICE_UNAVAILABLE') return error
    throw error
  }
}

async function outcomeOf(db: Database, purging: Purging, olderThanMs: number): Promise<Purged> {
  const { table, references, removed, refused } = purging
  const [left] = await db.query<Record<string, number>>(
    `select count(*) as left${references.map(({ term }, i) => `, count(*) filter (where ${term}) as r${i}`).join('')}
     from ${table} t where t.deleted_at < now() - $1 * interval '1 millisecond'`,
    [olderThanMs],
  )
  const reasons = references.flatMap((reference, i) => {
    const rows = left![`r${i}`]!
    return rows > 0 ? [`${reference.table} still refers to ${rows} of them`] : []
  })
  return { removed, left: left!.left!, reasons: left!.left! > 0 ? [...reasons, ...refused] : [] }
}

const REFERENCES = `
select distinct c.conrelid::regclass::text as table, format('exists (select from %s as other where %s)', c.conrelid::regclass,
  (select string_agg(format('other.%I = t.%I', theirs.attname, ours.attname), ' and ')
     || case when c.confdeltype = 'c' and announced.softly then ' and other.deleted_at is null' else '' end
   from unnest(c.conkey, c.confkey) as pair(their, our)
   join pg_attribute theirs on theirs.attrelid = c.conrelid and theirs.attnum = pair.their
   join pg_attribute ours on ours.attrelid = c.confrelid and ours.attnum = pair.our)) as term
from pg_constraint c
left join unnest($2::text[], $3::boolean[]) announced(name, softly) on to_regclass(announced.name) = c.conrelid
where c.contype = 'f' and c.confrelid = $1::regclass and c.conparentid = 0
  and (c.confdeltype in ('a', 'r') or c.confdeltype = 'c' and announced.name is not null)
order by 1, 2`

function referencesTo(db: Queryable, table: string, announced: readonly AnyResource[]): Promise<Reference[]> {
  const softly = announced.map(({ softDelete }) => softDelete)
  return db.query<{ table: string; term: string }>(REFERENCES, [table, announced.map((one) => one.table), softly])
}

/** Resources whose deletion is an event: a row of theirs does not go in silence (R-EVT-7). */
function announcedOf({ resources, events }: Contract): AnyResource[] {
  return Object.values<AnyResource>(resources).filter(({ name }) => `${name}.deleted` in events)
}

/**
 * `$1` is the last id of the batch before, `$2` its size, `$3` the age in milliseconds. Keys without an action (NO
 * ACTION, RESTRICT) would make the delete fail, so they are asked first; those that cascade or set null do as they say.
 * A join with the batch would be planned as a scan of the whole table; the array makes it look up the keys.
 */
function statementFor({ table, references }: Purging): string {
  const kept = references.map(({ term }) => ` and not ${term}`).join('')
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
export function sweepIdempotencyKeys(db: Queryable, signal?: AbortSignal): Promise<number> {
  return inBatches(() => db.query(SWEEP, [BATCH]), signal)
}

/** Several replicas may sweep at once: each passes over what another has in hand. */
const SWEEP = `
delete from lintel.idempotency_keys where key in (
  select key from lintel.idempotency_keys where created_at < now() - interval '24 hours'
  limit $1 for update skip locked)
returning 1 as gone`
