import { Problem } from '../base/errors.ts'
import { decodeId, newId } from '../base/ids.ts'
import type { AnyResource } from '../contract/resource.ts'
import { foretell } from './foretold.ts'
import type { Queryable, Writable } from './pool.ts'
import { type Cells, type Row, type RowOf, rowOf } from './row.ts'
import { columnFor, type Table, tableOf } from './table.ts'
import { assertTransitions, movesIn } from './transitions.ts'

/** Which versions of a row a write may meet (R-LOCK-2); undefined is any. */
export interface ExpectedVersion {
  /** `version` of the body. */
  readonly version?: number
  /** Versions that `If-Match` lists. */
  readonly ifMatch?: readonly number[]
  /** Versions that `If-None-Match` lists: these it may not meet. */
  readonly ifNoneMatch?: readonly number[]
}

/**
 * The living row with this id, or undefined; `for update` locks it until the transaction ends. Of a resource with a view of its own
 * it is the table's row that is locked: a view that joins or groups cannot be.
 */
export async function find<R extends AnyResource>(
  db: Queryable,
  resource: R,
  id: string,
  lock: 'for update' | '' = '',
): Promise<RowOf<R> | undefined> {
  const table = tableOf(resource)
  const params = [uuidOf(resource, id)]
  if (lock === '' || !resource.derived) {
    const [cells] = await db.cells(lock === '' ? table.find : `${table.find} ${lock}`, params)
    return cells && rowOf<R>(table, cells)
  }
  // Both leave in one write. The second begins when the lock is there, and sees what stands then.
  const locked = db.cells(`select 1 from ${resource.table} where id = $1 ${lock}`, params)
  const [[cells]] = await Promise.all([db.cells(table.find, params), locked])
  return cells && rowOf<R>(table, cells)
}

/** The living row with this id, or a Problem `NOT_FOUND`. */
export async function read<R extends AnyResource>(
  db: Queryable,
  resource: R,
  id: string,
  lock: 'for update' | '' = '',
): Promise<RowOf<R>> {
  const row = await find(db, resource, id, lock)
  if (!row) throw new Problem('NOT_FOUND')
  return row
}

/** Whether there is a living row with this id in a field. */
export async function hasAny(db: Queryable, resource: AnyResource, field: string, id: string): Promise<boolean> {
  const { sql, toParam } = columnFor(tableOf(resource), field)
  return (await db.cells(`select 1 from ${resource.view} where ${sql} = $1 limit 1`, [toParam(id)])).length > 0
}

/**
 * Inserts a row; columns without a value get their default. An `id` is made where none is given.
 *
 * Sent `at commit`, it goes in one write with the unit's events and COMMIT, and at once if a statement comes after it: for the last
 * change of a unit, and where no refusal of the database is to be caught, as it fails the whole unit. So it saves a trip where
 * the row is known before it is written, which takes a value for every column but `version`, `createdAt` and `updatedAt`. Then the
 * clock of this process, and not that of the database, says when it was made.
 */
export async function insert<R extends AnyResource>(
  db: Queryable & Partial<Writable>,
  resource: R,
  values: object,
  sent: 'now' | 'at commit' = 'now',
): Promise<RowOf<R>> {
  const table = tableOf(resource)
  const { id = newId(resource.idPrefix) } = values as { readonly id?: string }
  db.changed?.(resource, id)
  const foretold = sent === 'at commit' && db.atCommit ? foretell<R>(table, id, values) : undefined
  if (foretold && db.atCommit!(foretold)) return foretold.row
  const { names, params } = columnsOf(table, { ...begun(resource, values), id })
  const cells = await db.cells(
    `insert into ${resource.table} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')}) ${returning(table)}`,
    params,
  )
  if (cells[0]) return written(db, table, id, cells[0])
  // A trigger has put it somewhere else, such as into a partition of its own, or nowhere.
  const row = await find(db, resource, id)
  if (!row) throw suppressed(resource)
  return row
}

/**
 * Changes a living row in one statement, if it has an expected version; `version` goes up by one, unless there is
 * nothing to change.
 * Else a Problem: NOT_FOUND, PRECONDITION_FAILED (If-Match) or VERSION_CONFLICT (body); CONFLICT where a trigger lets the
 * row stay as it is.
 *
 * A state (`t.state`) changes by its transitions alone, and the row is locked and read first. Problems: FORBIDDEN for a caller who
 * may not make it, INVALID_TRANSITION. `as service` makes it in the service's own name, whoever calls: its rule then names `service`.
 * Where the contract says so, the transition publishes its event.
 */
export async function change<R extends AnyResource>(
  db: Queryable & Partial<Writable>,
  resource: R,
  id: string,
  values: object,
  expected?: ExpectedVersion,
  by: 'as caller' | 'as service' = 'as caller',
): Promise<RowOf<R>> {
  const table = tableOf(resource)
  const { names, params } = columnsOf(table, values)
  if (names.length === 0) return matching(await read(db, resource, id), expected)
  const moves = movesIn(resource, values)
  if (moves.length > 0) {
    const standing = matching(await read(db, resource, id, 'for update'), expected)
    assertTransitions(standing, moves, (access) => db.admits?.(access, standing, by) ?? true)
    const row = await update<R>(db, resource, id, { names, params }, expected)
    for (const [name, to] of moves) if (resource.stored[name]!.events) db.publish?.(`${resource.name}.${to}`, row)
    return row
  }
  return update<R>(db, resource, id, { names, params }, expected)
}

/**
 * Changes nothing of a living row but its version and `updatedAt`: something that belongs to it has changed. Publishes
 * `<resource>.updated`, where the contract has that event. Problems as in `change`.
 */
export async function touch<R extends AnyResource>(
  db: Queryable & Partial<Writable>,
  resource: R,
  id: string,
  expected?: ExpectedVersion,
): Promise<RowOf<R>> {
  const row = await update<R>(db, resource, id, { names: [], params: [] }, expected)
  db.publish?.(`${resource.name}.updated`, row)
  return row
}

async function update<R extends AnyResource>(
  db: Queryable & Partial<Writable>,
  resource: R,
  id: string,
  { names, params }: ReturnType<typeof columnsOf>,
  expected: ExpectedVersion | undefined,
): Promise<RowOf<R>> {
  const table = tableOf(resource)
  db.changed?.(resource, id)
  const set = [...names.map((name, i) => `${name} = $${i + 1}`), ...touched(resource)]
  const guard = guarded(resource, id, expected, params)
  const write = () =>
    db.cells(`update ${resource.table} set ${set.join(', ')} where ${guard} ${returning(table)}`, params)
  const cells = await write()
  if (cells[0]) return written(db, table, id, cells[0])
  await assertMatches(db, resource, id, expected)
  const again = expected && (await write())[0]
  if (!again) throw suppressed(resource)
  return written(db, table, id, again)
}

/**
 * Deletes a living row, softly where the resource says so (R-DEL-1), and returns it as it was. In a unit of work the rows that
 * a foreign key takes along have their events (R-EVT-7). Problems as in `change`.
 */
export async function remove<R extends AnyResource>(
  db: Queryable & Partial<Writable>,
  resource: R,
  id: string,
  expected?: ExpectedVersion,
): Promise<RowOf<R>> {
  const table = tableOf(resource)
  const cascade = resource.softDelete ? undefined : db.cascade?.(resource)
  if (cascade) await assertMatches(db, resource, id, expected)
  // A view cannot be returned from: what it shows is read while the row is still there.
  const before = resource.derived || cascade ? await read(db, resource, id) : undefined
  await cascade?.(id)
  const params: unknown[] = []
  const guard = guarded(resource, id, expected, params)
  db.changed?.(resource, id)
  const statement = resource.softDelete
    ? `update ${resource.table} set ${['deleted_at = now()', ...touched(resource)].join(', ')} where ${guard}`
    : `delete from ${resource.table} where ${guard}`
  const write = () => db.cells(`${statement} ${returning(table)}`, params)
  const cells = await write()
  if (cells[0]) return before ?? rowOf<R>(table, cells[0])
  // It was locked: it has gone with a row below it that it refers to in its turn.
  if (cascade && before && !(await find(db, resource, id))) return before
  await assertMatches(db, resource, id, expected)
  const again = expected && (await write())[0]
  if (again) return before ?? rowOf<R>(table, again)
  // A trigger may have done it in its own way, so that the view shows the row no more.
  if (before && !(await find(db, resource, id))) return before
  throw suppressed(resource)
}

/** Why a write that expects certain versions may not meet this row; undefined when it may. */
export function conflictOf(row: Row, expected: ExpectedVersion | undefined): Problem | undefined {
  const { resource } = row.table
  const version = resource.versioned ? Number(row.cells[row.table.places.get('version')!]) : undefined
  if (expected?.ifMatch && !expected.ifMatch.includes(version!)) return new Problem('PRECONDITION_FAILED')
  if (expected?.ifNoneMatch?.includes(version!)) return new Problem('PRECONDITION_FAILED')
  if (expected?.version !== undefined && expected.version !== version) return new Problem('VERSION_CONFLICT')
  return undefined
}

/** Locks a row in the version that a write expects, until the transaction ends. Problems: NOT_FOUND, PRECONDITION_FAILED. */
export async function lockVersion(
  db: Queryable,
  resource: AnyResource,
  id: string,
  expected: ExpectedVersion,
): Promise<void> {
  const conflict = conflictOf(await read(db, resource, id, 'for update'), expected)
  if (conflict) throw conflict
}

/** The uuid inside an id; an id of another type is a mistake of the handler's. */
export function uuidOf(resource: AnyResource, id: string): string {
  const uuid = decodeId(resource.idPrefix, id)
  if (uuid === undefined) throw new Problem('NOT_FOUND')
  return uuid
}

function columnsOf(table: Table, values: object) {
  const names: string[] = []
  const params: unknown[] = []
  for (const [field, value] of Object.entries(values)) {
    if (value === undefined) continue
    if (!table.places.has(field)) throw new Error(`${table.resource.table} has no field "${field}"`)
    const column = columnFor(table, field)
    names.push(column.sql)
    params.push(value === null ? null : column.toParam(value))
  }
  return { names, params }
}

/** With the states where a new thing begins, unless it is made in another. */
function begun(resource: AnyResource, values: object): object {
  if (resource.states.length === 0) return values
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  const initial = resource.states.map((name: string) => [name, resource.stored[name]!.initial])
  return Object.fromEntries([...initial, ...given])
}

/** What every change of a row sets beside. */
export function touched({ versioned, table }: AnyResource): string[] {
  return [...(versioned ? [`version = ${table}.version + 1`] : []), 'updated_at = now()']
}

/** `params` grows by what the condition needs. */
function guarded(resource: AnyResource, id: string, expected: ExpectedVersion | undefined, params: unknown[]): string {
  const terms = [`id = $${params.push(uuidOf(resource, id))}`]
  if (resource.softDelete) terms.push('deleted_at is null')
  if (expected?.version !== undefined) terms.push(`version = $${params.push(expected.version)}`)
  if (expected?.ifMatch)
    terms.push(resource.versioned ? `version = any($${params.push(expected.ifMatch)}::bigint[])` : 'false')
  if (expected?.ifNoneMatch && resource.versioned)
    terms.push(`version <> all($${params.push(expected.ifNoneMatch)}::bigint[])`)
  return terms.join(' and ')
}

function matching<R extends AnyResource>(row: RowOf<R>, expected: ExpectedVersion | undefined): RowOf<R> {
  const conflict = conflictOf(row, expected)
  if (conflict) throw conflict
  return row
}

/**
 * Finds out why a write met no row, and throws it; returns where the row is there in an expected version. It is locked by
 * then. Without an expectation a trigger has kept the write from it; with one the version may only just have come to be
 * right, so that the write deserves another try.
 */
async function assertMatches(db: Queryable, resource: AnyResource, id: string, expected: ExpectedVersion | undefined) {
  const params: unknown[] = []
  const guard = guarded(resource, id, expected, params)
  const met = await db.cells(`select 1 from ${resource.table} where ${guard} for update`, params)
  if (met.length > 0) return
  const row = await find(db, resource, id)
  if (!row) throw new Problem('NOT_FOUND')
  const byHeader = expected?.ifMatch ?? expected?.ifNoneMatch
  throw conflictOf(row, expected) ?? new Problem(byHeader ? 'PRECONDITION_FAILED' : 'VERSION_CONFLICT')
}

/** A trigger that returns null keeps a row from being written, and says nothing. */
function suppressed({ table }: AnyResource): Problem {
  return new Problem('CONFLICT', undefined, { cause: new Error(`a trigger of ${table} returned null`) })
}

/** With a view of its own a resource has columns that its table lacks: then only the id comes back. */
function returning(table: Table): string {
  return `returning ${table.resource.derived ? 'id' : table.select}`
}

async function written<R extends AnyResource>(
  db: Queryable,
  table: Table,
  id: string,
  cells: Cells,
): Promise<RowOf<R>> {
  return table.resource.derived ? read(db, table.resource as R, id) : rowOf<R>(table, cells)
}
