import { Problem } from '../base/errors.ts'
import { encodeId } from '../base/ids.ts'
import type { Contract } from '../contract/contract.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Queryable, Writable } from './pool.ts'
import type { Row } from './row.ts'
import { change, remove, uuidOf } from './rows.ts'
import { columnFor, tableOf } from './table.ts'

/** A foreign key with ON DELETE CASCADE or SET NULL: what it does to rows of a resource says no event by itself. */
export interface Cascade {
  readonly child: AnyResource
  /** Ids of the living rows that refer to the one with the uuid `$1`, locked; one more than MOST at most. */
  readonly below: string
  /** The fields that become null; undefined where the rows are deleted. */
  readonly cleared: Readonly<Record<string, null>> | undefined
}

/** By the table that is referred to. */
export type Cascades = ReadonlyMap<string, readonly Cascade[]>

/** How many rows of one resource may go or change with one row, each with its event. */
const MOST = 1_000

/** The foreign keys that change what has an event for it, or is cached. Those added while the service runs are unknown until its next start. */
export async function readCascades(db: Queryable, contract: Contract): Promise<Cascades> {
  const resources = Object.values<AnyResource>(contract.resources)
  const keys = await db.query<Key>(KEYS, [[...new Set(resources.map(({ table }) => table))]])
  const found = new Map<string, Cascade[]>()
  for (const { parent, child: table, deletes, columns, term } of keys) {
    const child = resources.find(
      (one) => one.table === table && (one.cached || eventOf(one, deletes) in contract.events),
    )
    if (!child) continue
    const cleared = Object.keys(child.stored).filter((field) => columns.includes(columnFor(tableOf(child), field).name))
    if (!deletes && cleared.length === 0) continue
    const living = child.softDelete ? ' and child.deleted_at is null' : ''
    const cascade: Cascade = {
      child,
      below: `select child.id from ${table} child join ${parent} parent on ${term} where parent.id = $1${living}
        order by child.id limit ${MOST + 1} for update of child`,
      cleared: deletes ? undefined : Object.fromEntries(cleared.map((field) => [field, null])),
    }
    found.set(parent, [...(found.get(parent) ?? []), cascade])
  }
  return found
}

/**
 * For one unit of work: does what the foreign keys below a row would do in silence, row by row, and emits the event of each
 * (R-EVT-7), before the row itself is deleted. 409 CONFLICT where more than a thousand rows of a resource would be changed.
 */
export function cascading(
  cascades: Cascades,
  tx: () => Writable,
  emit: (type: string, row: Row) => void,
): NonNullable<Writable['cascade']> {
  // Rows may refer to each other in a circle.
  const underWay = new Set<string>()
  return (resource) => {
    const below = cascades.get(resource.table)
    if (below === undefined) return undefined
    return async (id) => {
      underWay.add(id)
      for (const { child, below: text, cleared } of below) {
        const rows = await tx().query<{ id: string }>(text, [uuidOf(resource, id)])
        if (rows.length > MOST)
          throw new Problem('CONFLICT', `More than ${MOST} ${child.plural} belong to it: delete those first`)
        for (const row of rows) {
          const childId = encodeId(child.idPrefix, row.id)
          if (underWay.has(childId)) continue
          const written = cleared ? await change(tx(), child, childId, cleared) : await remove(tx(), child, childId)
          emit(eventOf(child, cleared === undefined), written)
        }
      }
      underWay.delete(id)
    }
  }
}

interface Key {
  parent: string
  child: string
  /** Or sets null. */
  deletes: boolean
  /** Of the child. */
  columns: string[]
  term: string
}

/** `$1` are the tables of the contract. Of a partitioned table the key of the whole counts. */
const KEYS = `
with tables as (select name, to_regclass(name) as oid from unnest($1::text[]) name)
select parent.name as parent, child.name as child, c.confdeltype = 'c' as deletes, pairs.columns, pairs.term
from pg_constraint c join tables parent on parent.oid = c.confrelid join tables child on child.oid = c.conrelid,
lateral (
  select json_agg(theirs.attname) as columns, string_agg(format('child.%I = parent.%I', theirs.attname, ours.attname), ' and ') as term
  from unnest(c.conkey, c.confkey) pair(their, our)
  join pg_attribute theirs on theirs.attrelid = c.conrelid and theirs.attnum = pair.their
  join pg_attribute ours on ours.attrelid = c.confrelid and ours.attnum = pair.our
) pairs
where c.contype = 'f' and c.confdeltype in ('c', 'n') and c.conparentid = 0
order by c.conname`

function eventOf({ name }: AnyResource, deletes: boolean): string {
  return `${name}.${deletes ? 'deleted' : 'updated'}`
}
