import { type BoundedCache, boundedCache } from '../base/bounded-cache.ts'
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
 * So many rows are given one by one, and PostgreSQL keeps its plan from the sixth time on. Of a list it knows the length only when it has
 * the values: it plans for them each time, which takes longer than changing a few rows.
 */
const FEW = 8

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
  const { names, types, values } = columnsOf(resource, given)
  for (const { id } of given) db.changed?.(resource, id)
  const changed = await db.cells(textFor(table, { names, types, rows: given.length, set, where }), paramsOf(values))
  if (changed.some((cells) => cells.slice(cells.length - resource.states.length).includes('f')))
    throw new Error(`changeEach(${resource.name}) changes a state: use change, which is held to its transitions`)
  const rows = (await shown(db, table, changed)).map((cells) => rowOf<R>(table, cells))
  if (event === 'usual') for (const row of rows) db.publish?.(`${resource.name}.updated`, row)
  return rows
}

interface Pieces {
  readonly names: readonly string[]
  readonly types: readonly string[]
  readonly rows: number
  readonly set: string
  readonly where: string
}

/** `values` are those of each column. */
function paramsOf(values: readonly (readonly unknown[])[]): readonly unknown[] {
  const rows = values[0]!.length
  if (rows > FEW) return values
  const params: unknown[] = []
  for (let row = 0; row < rows; row++) for (const column of values) params.push(column[row])
  return params
}

/** SQL of the rows that are given. */
function sourceOf({ types, rows }: Pieces): string {
  if (rows > FEW) return `unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')})`
  const row = (at: number) => `(${types.map((type, i) => `$${at * types.length + i + 1}::${type}`).join(', ')})`
  return `(values ${Array.from({ length: rows }, (_, at) => row(at)).join(', ')})`
}

/** A service has few of them; by their pieces. */
const texts = new WeakMap<Table, BoundedCache<string>>()
const MOST_TEXTS = 200

function textFor(table: Table, pieces: Pieces): string {
  let known = texts.get(table)
  if (known === undefined) {
    known = boundedCache(MOST_TEXTS)
    texts.set(table, known)
  }
  const { names, types, rows, set, where } = pieces
  const key = `${Math.min(rows, FEW + 1)} ${names} ${types} ${set}\0${where}`
  let text = known.get(key)
  if (text === undefined) {
    text = textOf(table, pieces)
    known.set(key, text)
  }
  return text
}

/** Returns the rows that are changed, and whether each state has stayed; behind a view the ids. */
function textOf({ resource, columns, places }: Table, pieces: Pieces): string {
  const { names, set, where } = pieces
  const { table, softDelete, derived, states } = resource
  const state = states.map((name) => columns[places.get(name)!]!.sql)
  const before = state.map((column, i) => `, ${table}.${column} as state_${i}`).join('')
  const stayed = state.map((column, i) => `, ${table}.${column} = given.state_${i}`).join('')
  return `with given as materialized (
      select given.*${before} from ${sourceOf(pieces)} given (${names.join(', ')}) join ${table} using (id)
      ${softDelete ? `where ${table}.deleted_at is null` : ''} order by ${table}.id for update of ${table}
    )
    update ${table} set ${[set, ...touched(resource)].join(', ')} from given
    where ${table}.id = given.id and (${where})
    returning ${derived ? `${table}.id` : columns.map(({ sql }) => `${table}.${sql}`).join(', ')}${stayed}`
}

async function shown(db: Queryable, { resource, select }: Table, changed: readonly Cells[]): Promise<readonly Cells[]> {
  if (!resource.derived) return changed
  const ids = changed.map(([id]) => id)
  return db.cells(`select ${select} from ${resource.view} where id = any($1::uuid[])`, [ids])
}

/** Columns of the rows that are given, `id` first, and the values of each. */
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
    values: [ids, ...columns.map(({ values }) => values)],
  }
}

const TYPES: Readonly<Record<string, string>> = { string: 'text', number: 'numeric', boolean: 'boolean' }
