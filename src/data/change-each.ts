import { snakeCase } from '../contract/names.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Queryable, Writable } from './pool.ts'
import { type Cells, type RowOf, rowOf } from './row.ts'
import { touched, uuidOf } from './rows.ts'
import { type Table, tableOf } from './table.ts'

/** What changes a row, with values of its own: texts, numbers and booleans, which SQL knows as `given.<name in snake_case>`. */
export interface Given {
  readonly id: string
  readonly [name: string]: string | number | boolean
}

export interface EachChange {
  /** SQL after `set`: `stock = stock - given.quantity`. */
  readonly set: string
  /** SQL of a condition that a row must meet as well; rows that do not stay as they are, and are not returned. */
  readonly where?: string
  /** `usual`, the default, publishes `<resource>.updated` of each row; `none` publishes nothing. */
  readonly event?: 'usual' | 'none'
}

/** How many rows `changeEach` may change. */
const MOST_CHANGED = 10_000

/**
 * Changes living rows by SQL of one's own, in one statement, and returns those that it has changed, by id. What such SQL must not
 * forget is seen to: `version` and `updatedAt`, the cache, and the event `<resource>.updated` where the contract has it. Rows are locked
 * in the order of their ids first, so that two of these never wait for each other in a circle. An Error where it changes a state
 * (`t.state`): that is for `change`.
 *
 *     await changeEach(tx, Product, [{ id, quantity: 2 }], { set: 'stock = stock - given.quantity', where: 'stock >= given.quantity' })
 */
export async function changeEach<R extends AnyResource>(
  db: Queryable & Partial<Writable>,
  resource: R,
  given: readonly Given[],
  { set, where = 'true', event = 'usual' }: EachChange,
): Promise<RowOf<R>[]> {
  if (given.length === 0) return []
  const table = tableOf(resource)
  const { names, types, params } = columnsOf(resource, given)
  for (const { id } of given) db.changed?.(resource, id)
  const changed = await db.cells(textOf(table, { names, types, set, where }), params)
  if (changed.some((cells) => cells.slice(cells.length - resource.states.length).includes('f')))
    throw new Error(`changeEach(${resource.name}) changes a state: use change, which is held to its transitions`)
  const rows = (await shown(db, table, changed)).map((cells) => rowOf<R>(table, cells))
  if (event === 'usual') for (const row of rows) db.publish?.(`${resource.name}.updated`, row)
  return rows
}

interface Pieces {
  readonly names: readonly string[]
  readonly types: readonly string[]
  readonly set: string
  readonly where: string
}

/** Returns the rows that are changed, and whether each state has stayed; behind a view the ids. */
function textOf({ resource, columns, places }: Table, { names, types, set, where }: Pieces): string {
  const { table, softDelete, derived, states } = resource
  const state = states.map((name) => columns[places.get(name)!]!.sql)
  const before = state.map((column, i) => `, ${table}.${column} as state_${i}`).join('')
  const stayed = state.map((column, i) => `, ${table}.${column} = locked.state_${i}`).join('')
  return `with given as materialized (
      select * from unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) given (${names.join(', ')})
    ),
    locked as materialized (
      select ${table}.id${before} from ${table} join given using (id)
      ${softDelete ? `where ${table}.deleted_at is null` : ''} order by ${table}.id for update of ${table}
    )
    update ${table} set ${[set, ...touched(resource)].join(', ')}
    from given join locked using (id)
    where ${table}.id = given.id and (${where})
    returning ${derived ? `${table}.id` : columns.map(({ sql }) => `${table}.${sql}`).join(', ')}${stayed}`
}

async function shown(db: Queryable, { resource, select }: Table, changed: readonly Cells[]): Promise<readonly Cells[]> {
  if (!resource.derived) return changed
  const ids = changed.map(([id]) => id)
  return db.cells(`select ${select} from ${resource.view} where id = any($1::uuid[])`, [ids])
}

/** Columns of the rows that are given, `id` first; one list of values for each. */
function columnsOf(resource: AnyResource, given: readonly Given[]) {
  const refuse = (what: string) => new Error(`changeEach(${resource.name}) ${what}`)
  if (given.length > MOST_CHANGED) throw refuse(`has ${given.length} rows: ${MOST_CHANGED} are the most`)
  const ids = given.map(({ id }) => uuidOf(resource, id))
  // PostgreSQL would take either.
  if (new Set(ids).size < ids.length) throw refuse('has an id twice: add up what belongs to one row')
  const names = Object.keys(given[0]!).filter((name) => name !== 'id')
  const columns = names.map((name) => {
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) throw refuse(`has the name "${name}": expected camelCase`)
    const values = given.map((row) => row[name])
    const type = TYPES[typeof values[0]]
    if (type === undefined || values.some((value) => typeof value !== typeof values[0]))
      throw refuse(`has "${name}" of another kind than text, number or boolean, or of several`)
    return { name: `"${snakeCase(name)}"`, type, values }
  })
  return {
    names: ['id', ...columns.map(({ name }) => name)],
    types: ['uuid', ...columns.map(({ type }) => type)],
    params: [ids, ...columns.map(({ values }) => values)],
  }
}

const TYPES: Readonly<Record<string, string>> = { string: 'text', number: 'numeric', boolean: 'boolean' }
