import type { AnyResource } from '../contract/resource.ts'
import type { Queryable } from './pool.ts'
import { type Row, rowOf } from './row.ts'
import { columnFor, tableOf } from './table.ts'

/** Giving events of a type to the rows that were made before there were any. */
export interface Backfill {
  /** RFC 3339. Rows that were made later had their event when they were made, unless a build made them that knew nothing of it. */
  readonly madeBefore: string
  /** So many rows have theirs. */
  readonly emitted: number
  /** So many have not. */
  readonly left: number
}

/** Rows in one transaction: it is over before a writer of one of them notices. */
const BATCH = 100

/** A table, or an outbox, may take longer to read than a request may take. */
const UNHURRIED = 'set local statement_timeout = 0'

/**
 * Where the backfill of a type is, or would begin: with everything that is older than the oldest event of the type that is kept. If
 * `again`, it would begin with every row there is.
 */
export async function backfillOf(
  tx: Queryable,
  type: string,
  resource: AnyResource,
  again: boolean,
): Promise<Backfill> {
  await tx.cells(UNHURRIED)
  const [begun] = await tx.query<{ madeBefore: string; lastId: string | null; emitted: number; done: boolean }>(
    `select coalesce(b.made_before, first.made_at, now()) as "madeBefore", b.last_id as "lastId", coalesce(b.emitted, 0) as emitted,
       b.done_at is not null as done
     from (values (1)) one left join lintel.backfills b on b.type = $1 and not $2::boolean
       left join lateral (${oldest(resource)}) first on not $2::boolean`,
    [type, again],
  )
  const { madeBefore, lastId, emitted, done } = begun!
  if (done) return { madeBefore, emitted, left: 0 }
  const [older] = await tx.query<{ rows: number }>(
    `select count(*) as rows from ${resource.view} where ${waits(resource)}`,
    [madeBefore, lastId],
  )
  const [passedOver] = await tx.query<{ rows: number }>(
    `select count(*) as rows from ${resource.view} r where ${wasPassedOver(resource)}`,
    [madeBefore, type],
  )
  return { madeBefore, emitted, left: older!.rows + passedOver!.rows }
}

/** Begins one where none is, from this time back. */
export async function beginBackfill(tx: Queryable, type: string, { madeBefore }: Backfill): Promise<void> {
  await tx.cells('insert into lintel.backfills (type, made_before) values ($1, $2) on conflict do nothing', [
    type,
    madeBefore,
  ])
}

/** Has it begin anew. */
export async function forgetBackfill(tx: Queryable, type: string): Promise<void> {
  await tx.cells('delete from lintel.backfills where type = $1', [type])
}

/**
 * The next rows in the order of their ids, which is that of their making, locked against changes until the transaction ends: an event of
 * a change comes behind theirs. Those that an older build made beside newer ones come last. Undefined at the end. Of two that ask at the same time the second waits for the first.
 */
export async function nextOfBackfill(tx: Queryable, type: string, resource: AnyResource): Promise<Row[] | undefined> {
  const [begun] = await tx.cells(
    'select made_before, last_id from lintel.backfills where type = $1 and done_at is null for update',
    [type],
  )
  if (begun === undefined) return undefined
  const [madeBefore, lastId] = begun
  const older = await tx.cells(
    `select id from ${resource.table} where ${waits(resource)} order by id limit ${BATCH} for share`,
    [madeBefore, lastId],
  )
  const locked = older.length > 0 ? older : await lockPassedOver(tx, type, resource, madeBefore!)
  if (locked.length === 0) {
    await tx.cells('update lintel.backfills set done_at = now() where type = $1', [type])
    return undefined
  }
  const ids = locked.map(([id]) => id!)
  const table = tableOf(resource)
  // By a statement of its own: it sees what was committed while the locks were waited for.
  const cells = await tx.cells(`select ${table.select} from ${resource.view} where id = any($1::uuid[]) order by id`, [
    ids,
  ])
  await tx.cells('update lintel.backfills set last_id = $2, emitted = emitted + $3 where type = $1', [
    type,
    older.length > 0 ? ids.at(-1) : lastId,
    cells.length,
  ])
  return cells.map((one) => rowOf(table, one))
}

/** They need no place: whoever has its event is found no more. */
async function lockPassedOver(tx: Queryable, type: string, resource: AnyResource, madeBefore: string) {
  await tx.cells(UNHURRIED)
  return tx.cells(
    `select id from ${resource.table} where id in (
       select id from ${resource.view} r where ${wasPassedOver(resource)} order by id limit ${BATCH}) order by id for share`,
    [madeBefore, type],
  )
}

/** When the row of the oldest event was made: the clock of whoever made it may not be that of the outbox. */
function oldest({ table, idPrefix }: AnyResource): string {
  const id = `case when o.aggregate_id ~ '^${idPrefix}_[0-9a-z]{26}$' then lintel.uuid(o.aggregate_id) end`
  return `select least(o.created_at, (select created_at from ${table} where id = ${id})) as made_at
    from lintel.outbox o where o.type = $1 order by position limit 1`
}

function waits(resource: AnyResource): string {
  return `${columnFor(tableOf(resource), 'createdAt').sql} < $1::timestamptz and ($2::uuid is null or id > $2)`
}

/** Made later, and yet without an event of the type. */
function wasPassedOver(resource: AnyResource): string {
  return `${columnFor(tableOf(resource), 'createdAt').sql} >= $1::timestamptz and not exists (
    select from lintel.outbox o where o.type = $2 and o.aggregate_id = lintel.typeid('${resource.idPrefix}', r.id))`
}
