import type { AnyResource, ValuesOf } from '../contract/resource.ts'
import { type Cells, type Row, rowOf } from './row.ts'
import type { Table } from './table.ts'

/** An insert whose row is known before it is sent, as it leaves nothing to the database. */
export interface ForetoldInsert<V = unknown> {
  readonly row: Row<V>
  /** As text. */
  readonly values: Cells
  /**
   * The statement for so many such rows. It fails with `REFUTED` where what is written is not what was foretold, as a trigger may see to: answer
   * and event have been made of it.
   */
  readonly text: TextFor
  /** The same with an event of each row, for whose id, type, aggregate, data and headers it takes five values more behind the row's. */
  readonly textWithEvents: TextFor
  /** Forgets for a minute that rows of its table can be foretold. */
  refuted(): void
}

type TextFor = (count: number) => string

/** division_by_zero, in lack of a way to raise something in plain SQL. */
export const REFUTED = '22012'

/** Tables whose triggers have the last word, and until when that is remembered. */
const refutedUntilMs = new WeakMap<Table, number>()
const REMEMBERED_MS = 60_000

type Texts = Pick<ForetoldInsert, 'text' | 'textWithEvents'>

/** By table; each insert has every column. */
const texts = new WeakMap<Table, Texts>()

/** The insert of a row that is known, or undefined: where a column is left to its default, or a view decides what is shown. */
export function foretell<R extends AnyResource>(
  table: Table,
  id: string,
  values: object,
): ForetoldInsert<ValuesOf<R>> | undefined {
  const { resource, columns, fields, places } = table
  if (resource.derived || isRefuted(table)) return undefined
  const given = values as Readonly<Record<string, unknown>>
  const made = beginning()
  const cells: (string | null)[] = []
  let shaped: unknown[] | undefined
  for (let place = 0; place < fields.length; place++) {
    const field = fields[place]!
    const { spec, shape, toText } = columns[place]!
    let value = field === 'id' ? id : given[field]
    // A state that is not given is where a new thing begins.
    if (value === undefined) value = made[field] ?? spec.initial
    if (value === undefined) return undefined
    if (shape !== undefined && value !== null) {
      shaped ??= new Array(fields.length)
      value = shaped[place] = shape(value)
    }
    const text = value === null ? null : toText(value)
    if (text === undefined) return undefined
    cells.push(text)
  }
  for (const name in given)
    if (!places.has(name) && given[name] !== undefined) throw new Error(`${resource.table} has no field "${name}"`)
  return {
    row: rowOf<R>(table, cells, shaped),
    values: cells,
    ...textsOf(table),
    refuted: () => void refutedUntilMs.set(table, performance.now() + REMEMBERED_MS),
  }
}

let latest: Readonly<Record<string, unknown>>
let latestMs: number | undefined

/** What a row that is made in this millisecond begins with. */
function beginning(): typeof latest {
  const nowMs = Date.now()
  if (nowMs !== latestMs) {
    const now = new Date(nowMs).toISOString()
    latest = { version: 1, createdAt: now, updatedAt: now }
    latestMs = nowMs
  }
  return latest
}

function isRefuted(table: Table): boolean {
  const untilMs = refutedUntilMs.get(table)
  return untilMs !== undefined && untilMs > performance.now()
}

function textsOf(table: Table): Texts {
  let known = texts.get(table)
  if (known === undefined) {
    known = {
      text: keeping((count) => insertOf(table, count, [])),
      textWithEvents: keeping((count) => insertOf(table, count, EVENT)),
    }
    texts.set(table, known)
  }
  return known
}

function keeping(make: TextFor): TextFor {
  const made: string[] = []
  return (count) => {
    made[count] ??= make(count)
    return made[count]
  }
}

/** What the log takes of an event, and as what. */
const EVENT = [
  ['id', 'uuid'],
  ['type', 'text'],
  ['aggregate_id', 'text'],
  ['data', 'json'],
  ['headers', 'json'],
] as const

function insertOf({ resource, columns, select }: Table, count: number, event: typeof EVENT | readonly []): string {
  const width = columns.length + event.length
  /** For each row, what `write` makes of its parameters. */
  const perRow = (write: (param: (i: number) => string) => string[], joint: string) =>
    Array.from({ length: count }, (_, row) => `(${write((i) => `$${row * width + i + 1}`).join(joint)})`)
  const rows = perRow((param) => columns.map((_, i) => param(i)), ', ')
  const guards = perRow((param) => columns.map(({ sql, spec }, i) => same(spec, sql, param(i))), ' and ')
  const made = `with made as (insert into ${resource.table} (${select}) values ${rows.join(', ')} returning ${select})`
  const check = `select 1 / (count(*) = ${count})::integer from made where ${guards.join(' or ')}`
  if (event.length === 0) return `${made} ${check}`
  const events = perRow((param) => event.map(([, type], i) => `${param(columns.length + i)}::${type}`), ', ')
  const log = `lintel.outbox (${event.map(([name]) => name).join(', ')})`
  // Once all rows are there: no event has its number before.
  const sent = `insert into ${log} select * from (values ${events.join(', ')}) e where (select count(*) from made) = ${count}`
  return `${made}, sent as (${sent}) ${check}`
}

/** json has no equality; as text, json is what was sent, and jsonb is the same of both. */
function same({ kind, nullable }: { kind: string; nullable?: boolean }, column: string, param: string): string {
  const cast = kind === 'list' || kind === 'object' ? '::text' : ''
  return `${column}${cast} ${nullable ? 'is not distinct from' : '='} ${param}${cast}`
}
