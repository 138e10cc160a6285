import { handled } from '../base/handled.ts'
import type { Id } from '../base/ids.ts'
import type { ChangedRow, NewRow, Stored } from '../contract/fields.ts'
import type { AnyResource, IdOf, ValuesOf } from '../contract/resource.ts'
import { type EachChange, changeEach as each, type Given } from '../data/change-each.ts'
import { findBy as byFields } from '../data/find-by.ts'
import type { Queryable, Writable } from '../data/pool.ts'
import { readField as fieldOf, type Row } from '../data/row.ts'
import * as rows from '../data/rows.ts'

/*
 * Reading and writing rows, for handlers: typed by the resource, and their promises are handled from the start, since the statements
 * of a unit end with it, also those that are not awaited yet.
 */

/** An id of the resource. A plain text is looked at when it runs; an id of another type does not compile. */
type IdFor<P extends string, I extends string> = I & (string extends I ? string : Id<P>)
/** Nothing but what can be written: a field that is only a request's, or of no column, does not compile. */
type Only<K extends PropertyKey, V> = V & { readonly [N in Exclude<keyof V, K>]: NotWritable<N> }
interface NotWritable<Name> {
  readonly '~': Name
}
type Db = Queryable & Partial<Writable>

/** The living row with this id, or undefined; `for update` locks it until the transaction ends. */
export function find<R extends AnyResource, I extends string>(
  db: Queryable,
  resource: R,
  id: IdFor<R['idPrefix'], I>,
  lock?: 'for update' | '',
): Promise<Row<ValuesOf<R>> | undefined> {
  return handled(rows.find(db, resource, id, lock))
}

/** The living row with this id, or a Problem `NOT_FOUND`; `for update` locks it until the transaction ends. */
export function read<R extends AnyResource, I extends string>(
  db: Queryable,
  resource: R,
  id: IdFor<R['idPrefix'], I>,
  lock?: 'for update' | '',
): Promise<Row<ValuesOf<R>>> {
  return handled(rows.read(db, resource, id, lock))
}

/**
 * Inserts a row: what the table needs must be given, what may be null or has a default may be left out. An `id` is made where none is
 * given.
 *
 * Sent `at commit`, it goes in one write with the unit's events and COMMIT, and at once if a statement comes after it: for the last
 * change of a unit, and where no refusal of the database is to be caught, as it fails the whole unit. So it saves a trip where
 * the row is known before it is written, which takes a value for every column but `version`, `createdAt` and `updatedAt`. Then the
 * clock of this process, and not that of the database, says when it was made.
 */
export function insert<R extends AnyResource, V extends NewRow<R['fields']> & { readonly id?: IdOf<R> }>(
  db: Db,
  resource: R,
  values: Only<keyof NewRow<R['fields']> | 'id', V>,
  sent?: 'now' | 'at commit',
): Promise<Row<ValuesOf<R>>> {
  return handled(rows.insert(db, resource, values, sent))
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
export function change<R extends AnyResource, I extends string, V extends ChangedRow<R['fields']>>(
  db: Db,
  resource: R,
  id: IdFor<R['idPrefix'], I>,
  values: Only<keyof ChangedRow<R['fields']>, V>,
  expected?: rows.ExpectedVersion,
  by?: 'as caller' | 'as service',
): Promise<Row<ValuesOf<R>>> {
  return handled(rows.change(db, resource, id, values, expected, by))
}

/**
 * Changes nothing of a living row but its version and `updatedAt`, as something that belongs to it has changed. Publishes
 * `<resource>.updated`, where the contract has that event. Problems as in `change`.
 */
export function touch<R extends AnyResource, I extends string>(
  db: Db,
  resource: R,
  id: IdFor<R['idPrefix'], I>,
  expected?: rows.ExpectedVersion,
): Promise<Row<ValuesOf<R>>> {
  return handled(rows.touch(db, resource, id, expected))
}

/**
 * The living rows whose fields have these values, in the order of their ids; of a list of values any, null where nothing is to be
 * there; addresses without case. `for update` locks them until the transaction ends, in that order too, so that two of these never
 * wait for each other in a circle. An Error where there are more than 10,000.
 *
 *     await findBy(tx, Order, { userId, status: ['pending', 'paid'] }, 'for update')
 */
export function findBy<R extends AnyResource>(
  db: Queryable,
  resource: R,
  where: Wanted<R>,
  lock?: 'for update' | '',
): Promise<Row<ValuesOf<R>>[]> {
  return handled(byFields(db, resource, where, lock))
}

type Wanted<R extends AnyResource> = { readonly id?: Sought<string> } & {
  readonly [K in keyof Stored<R['fields']>]?: Sought<Stored<R['fields']>[K]>
}
/** An id may be any text: one of another type is no row's. */
type Sought<T> = AnyId<T> | readonly AnyId<T>[]
type AnyId<T> = T extends string ? ({} extends Record<T, 1> ? string : T) : T

/**
 * Changes living rows by SQL of your own, in one statement, and returns those that it has changed. What such SQL must not forget is seen
 * to: `version` and `updatedAt`, the cache, and the event `<resource>.updated` where the contract has it. The texts, numbers and booleans
 * that are given with each id SQL knows as `given.<name in snake_case>`. Rows are locked in the order of their ids first, so that two
 * of these never wait for each other in a circle. At most 10,000, each once. An Error where it changes a state (`t.state`): that is for `change`.
 *
 *     await changeEach(tx, Product, [{ id, quantity: 2 }], { set: 'stock = stock - given.quantity', where: 'stock >= given.quantity' })
 */
export function changeEach<R extends AnyResource>(
  db: Db,
  resource: R,
  given: readonly (Given & { readonly id: IdOf<R> })[],
  change: EachChange,
): Promise<Row<ValuesOf<R>>[]> {
  return handled(each(db, resource, given, change))
}

/**
 * Deletes a living row, softly where the resource says so (R-DEL-1), and returns it as it was. In a unit of work the rows that
 * a foreign key takes along have their events (R-EVT-7). Problems as in `change`.
 */
export function remove<R extends AnyResource, I extends string>(
  db: Db,
  resource: R,
  id: IdFor<R['idPrefix'], I>,
  expected?: rows.ExpectedVersion,
): Promise<Row<ValuesOf<R>>> {
  return handled(rows.remove(db, resource, id, expected))
}

/** One field's value, without the rest of the row. */
export function readField<V, K extends keyof V & string>(row: Row<V>, field: K): V[K] {
  return fieldOf(row, field) as V[K]
}

/** A text as an id of the resource, such as `caller.id`; a Problem NOT_FOUND where it is none. */
export function idOf<R extends AnyResource>(resource: R, text: string): IdOf<R> {
  rows.uuidOf(resource, text)
  return text as IdOf<R>
}

/** The uuid inside an id, as the database has it; a Problem NOT_FOUND for an id of another type. */
export function uuidOf<R extends AnyResource, I extends string>(resource: R, id: IdFor<R['idPrefix'], I>): string {
  return rows.uuidOf(resource, id)
}
