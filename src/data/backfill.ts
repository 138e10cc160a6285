import { encodeId } from '../base/ids.ts'
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

interface Begun {
  readonly madeBefore: string
  readonly lastId: string | null
  readonly laterId: string | null
  readonly emitted: number
  readonly done: boolean
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
  const [begun] = await tx.query<Begun>(
    `select coalesce(b.made_before, first.made_at, now()) as "madeBefore", b.last_id as "lastId", b.later_id as "laterId",
       coalesce(b.emitted, 0) as emitted, b.done_at is not null as done
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
  let left = older!.rows
  for await (const ids of passedOver(tx, type, resource, madeBefore, begun!.laterId)) left += ids.length
  return { madeBefore, emitted, left }
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
    'select made_before, last_id, later_id from lintel.backfills where type = $1 and done_at is null for update',
    [type],
  )
  if (begun === undefined) return undefined
  const [madeBefore, lastId, laterId] = begun
  const older = await tx.cells(
    `select id from ${resource.table} where ${waits(resource)} order by id limit ${BATCH} for share`,
    [madeBefore, lastId],
  )
  const ids = older.map(([id]) => id!)
  if (ids.length === 0) ids.push(...(await lockPassedOver(tx, type, resource, madeBefore!, laterId!)))
  if (ids.length === 0) {
    await tx.cells('update lintel.backfills set done_at = now() where type = $1', [type])
    return undefined
  }
  const table = tableOf(resource)
  // By a statement of its own: it sees what was committed while the locks were waited for.
  const cells = await tx.cells(`select ${table.select} from ${resource.view} where id = any($1::uuid[]) order by id`, [
    ids,
  ])
  await tx.cells(
    `update lintel.backfills set ${older.length > 0 ? 'last_id' : 'later_id'} = $2, emitted = emitted + $3 where type = $1`,
    [type, ids.at(-1), cells.length],
  )
  return cells.map((one) => rowOf(table, one))
}

async function lockPassedOver(
  tx: Queryable,
  type: string,
  resource: AnyResource,
  madeBefore: string,
  after: string | null,
): Promise<string[]> {
  await tx.cells(UNHURRIED)
  for await (const found of passedOver(tx, type, resource, madeBefore, after)) {
    const ids = found.slice(0, BATCH)
    await tx.cells(`select 1 from ${resource.table} where id = any($1::uuid[]) order by id for share`, [ids])
    return ids
  }
  return []
}

/** Rows to a reading of the outbox, which has no index by resource. */
const PAGE = 20_000

/** The ids of the rows that were made later, and yet have no event of the type that is kept; in their order, those of some rows at a time. */
async function* passedOver(
  tx: Queryable,
  type: string,
  resource: AnyResource,
  madeBefore: string,
  after: string | null,
): AsyncGenerator<string[]> {
  const madeAt = columnFor(tableOf(resource), 'createdAt').sql
  for (let last = after; ; ) {
    const rows = await tx.cells(
      `select id from ${resource.view} where ${madeAt} >= $1::timestamptz and ($2::uuid is null or id > $2) order by id limit ${PAGE}`,
      [madeBefore, last],
    )
    // Written as they are in events here: PostgreSQL takes a hundred times as long for it.
    const without = await tx.cells(
      `select place from unnest($2::text[]) with ordinality as made (id, place)
       where not exists (select from lintel.outbox o where o.type = $1 and o.aggregate_id = made.id) order by place`,
      [type, rows.map(([id]) => encodeId(resource.idPrefix, id!))],
    )
    if (without.length > 0) yield without.map(([place]) => rows[Number(place) - 1]![0]!)
    if (rows.length < PAGE) return
    last = rows.at(-1)![0]!
  }
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
