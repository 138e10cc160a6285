import { handled } from '../base/handled.ts'
import * as rows from '../data/rows.ts'

/*
 * Reading and writing rows, for handlers: their promises are handled from the start, since the statements of a unit end with it,
 * also those that are not awaited yet.
 */

export const find: typeof rows.find = (db, resource, id, lock) => handled(rows.find(db, resource, id, lock))

export const read: typeof rows.read = (db, resource, id, lock) => handled(rows.read(db, resource, id, lock))

export const insert: typeof rows.insert = (db, resource, values, sent) =>
  handled(rows.insert(db, resource, values, sent))

export const change: typeof rows.change = (db, resource, id, values, expected) =>
  handled(rows.change(db, resource, id, values, expected))

export const remove: typeof rows.remove = (db, resource, id, expected) =>
  handled(rows.remove(db, resource, id, expected))
