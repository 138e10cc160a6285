import type { Contract } from '../contract/contract.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { snakeCase } from '../contract/names.ts'
import type { AnyResource } from '../contract/resource.ts'
import { type CatalogColumn, type Relation, readCatalog } from './catalog.ts'
import { misfits } from './column-fit.ts'
import type { Column } from './columns.ts'
import { driftOf, isFilled, livingView, uniqueIndexOf } from './drift.ts'
import { missingIndexesOf } from './list-indexes.ts'
import { DRAFT } from './migration-files.ts'
import type { Queryable } from './pool.ts'
import { tableOf } from './table.ts'

/**
 * A migration that closes the gap between a contract and its database, for a person to read and mend; undefined where there is none.
 * It adds and loosens. What could lose data, or needs a decision, is a comment.
 */
export async function draftMigration(db: Queryable, contract: Contract): Promise<string | undefined> {
  const resources = Object.values<AnyResource>(contract.resources)
  const names = resources.flatMap(({ table, view }) => [table, view])
  const catalog = await readCatalog(db, [...new Set(names)])
  const tables = new Map(parentsFirst(resources).map((resource) => [resource.table, resource]))
  const statements = [...tables.values()].flatMap((resource) =>
    statementsFor(resource, catalog.get(resource.table), tables),
  )
  const left = await driftOf(db, contract)
  if (left.length === 0 && statements.length === 0) return undefined
  const head = [
    DRAFT,
    '-- Read it, mend it, and remove the line above: then it is applied. What it was drafted from:',
    ...left.map((line) => `--   ${line.replaceAll('\n', ' ')}`),
  ]
  return `${head.join('\n')}\n\n${statements.join('\n')}\n`
}

/** What makes the table of a resource, with its indexes. */
export function tableStatements(resource: AnyResource): string[] {
  return statementsFor(resource, undefined, new Map())
}

function statementsFor(
  resource: AnyResource,
  table: Relation | undefined,
  tables: ReadonlyMap<string, AnyResource>,
): string[] {
  // A view is somebody's own SQL; so is what a derived resource is read from.
  if (table && !table.isTable) return []
  const changes = table ? changesOf(resource, table) : [createTable(resource, tables)]
  const after = relationAfter(resource, table)
  const indexes = [
    ...resource.unique
      .map((field) => uniqueIndexOf(resource, field))
      .filter(({ name }) => !after.indexes.some((index) => index.name === name))
      .map(({ create }) => `${create};`),
    ...missingIndexesOf(resource, after).map((text) => (/^create /.test(text) ? `${text};` : `-- ${text}`)),
  ]
  const living = resource.softDelete && (table === undefined || changes.some((one) => !one.startsWith('--')))
  // `select *` has the columns of its day: made again, it has the new ones too.
  const view = `create or replace view ${livingView(resource)} as select * from ${resource.table} where deleted_at is null;`
  return [...changes, ...(living ? [view] : []), ...indexes]
}

function createTable(resource: AnyResource, tables: ReadonlyMap<string, AnyResource>): string {
  const lines = columnsOf(resource).map((column) => {
    const references = referenceOf(resource, column, tables)
    const unset = isUnset(resource, column) ? ' -- create never sets it: give it a default' : ''
    return [`  ${nameOf(column)} ${definition(column, presetOf(resource, column))}${references}`, unset] as const
  })
  if (resource.softDelete) lines.push(['  deleted_at timestamptz(3)', ''])
  const body = lines.map(([line, comment], i) => `${line}${i < lines.length - 1 ? ',' : ''}${comment}`)
  return `create table ${resource.table} (\n${body.join('\n')}\n);`
}

function changesOf(resource: AnyResource, table: Relation): string[] {
  const alter = `alter table ${resource.table}`
  const wanted = columnsOf(resource)
  const changes = wanted.flatMap((column) => {
    const there = table.columns.find(({ name }) => name === column.name)
    if (there) return changesOfColumn(alter, column, there, resource)
    if (resource.derived) return []
    const preset = presetOf(resource, column) ?? literalOf(column.spec)
    const bare = !column.spec.nullable && preset === undefined
    return [
      ...(bare
        ? [`-- Rows that are there need a value for ${column.name}: give it a default, or fill it before "not null".`]
        : []),
      `${alter} add column ${column.sql} ${definition(column, preset)};`,
    ]
  })
  if (resource.softDelete && !table.columns.some(({ name }) => name === 'deleted_at'))
    changes.push(`${alter} add column deleted_at timestamptz(3);`)
  const known = new Set([...wanted.map(({ name }) => name), 'deleted_at'])
  for (const { name, notNull, hasDefault } of table.columns)
    if (notNull && !hasDefault && !known.has(name) && !isFilled(resource, name))
      changes.push(
        `-- The contract has no ${name} any more, and nobody sets it: loosen it, and drop it when no version needs it.`,
        `${alter} alter column "${name}" drop not null;`,
        `-- ${alter} drop column "${name}";`,
      )
  return changes
}

function changesOfColumn(alter: string, column: Column, there: CatalogColumn, resource: AnyResource): string[] {
  const filtered = Object.values(resource.list.filter).some((field) => resource.stored[field] === column.spec)
  const faults = misfits(column, there, filtered)
  const { spec, sql } = column
  return [
    ...(faults.length > 0
      ? [`-- ${column.name}: ${faults.join('; ')}`, `-- ${alter} alter column ${sql} type ${typeOf(column)};`]
      : []),
    ...(spec.nullable && there.notNull ? [`${alter} alter column ${sql} drop not null;`] : []),
    ...(!spec.nullable && !there.notNull && !resource.derived
      ? [`-- This fails while a row has null there: fill it first.`, `${alter} alter column ${sql} set not null;`]
      : []),
  ]
}

/** A field may be called `order` or `user`; of Lintel's own names none is a word of SQL. */
function nameOf({ name, sql }: Column): string {
  return ['id', 'version', 'created_at', 'updated_at'].includes(name) ? name : sql
}

function definition(column: Column, preset: string | undefined): string {
  const required = column.spec.nullable ? '' : ' not null'
  return `${typeOf(column)}${column.name === 'id' ? ' primary key' : required}${preset === undefined ? '' : ` default ${preset}`}`
}

/** What the table sets where a request cannot. */
function presetOf(resource: AnyResource, { name, spec }: Column): string | undefined {
  if (name === 'version') return '1'
  if (name === 'created_at' || name === 'updated_at') return 'now()'
  return spec.server && !isFilled(resource, name) ? literalOf(spec) : undefined
}

function isUnset(resource: AnyResource, column: Column): boolean {
  return !column.spec.nullable && !isFilled(resource, column.name) && presetOf(resource, column) === undefined
}

/** The contract's own default, in SQL. */
function literalOf({ default: value }: FieldSpec): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `'${text.replaceAll("'", "''")}'`
}

const INT4 = 2 ** 31
/** The largest length of `varchar`; nobody has asked for the bound that a text has by default. */
const LONGEST = 10_485_760
const USUAL_LENGTH = 10_000

/** The narrowest usual type that holds what the contract lets in. */
function typeOf({ spec, types }: Column): string {
  const { kind, min = 0, max = 0, scale = 0 } = spec
  switch (kind) {
    case 'integer':
      return max >= INT4 || min < -INT4 ? 'bigint' : 'integer'
    case 'money':
    case 'decimal': {
      const digits = String(Math.trunc(Math.max(Math.abs(max), Math.abs(min)))).length
      return spec.server && kind === 'decimal' ? 'numeric' : `numeric(${digits + scale}, ${scale})`
    }
    case 'time':
      return 'timestamptz(3)'
    case 'text':
    case 'email':
      return !spec.server && max > 0 && max !== USUAL_LENGTH && max <= LONGEST ? `varchar(${max})` : 'text'
    default:
      return types[0]!
  }
}

function columnsOf(resource: AnyResource): readonly Column[] {
  return tableOf(resource).columns
}

function referenceOf({ parent }: AnyResource, { name }: Column, tables: ReadonlyMap<string, AnyResource>): string {
  const of = parent?.of as AnyResource | undefined
  return of && name === snakeCase(parent!.field) && tables.has(of.table) ? ` references ${of.table}` : ''
}

/** A reference needs its table to be there. */
function parentsFirst(resources: readonly AnyResource[]): AnyResource[] {
  const depth = ({ parent }: AnyResource): number => (parent ? 1 + depth(parent.of as AnyResource) : 0)
  return resources.toSorted((a, b) => depth(a) - depth(b))
}

/** The table once the draft is applied, as far as its indexes depend on it. */
function relationAfter(resource: AnyResource, table: Relation | undefined): Relation {
  const added = columnsOf(resource)
    .filter(({ name }) => !table?.columns.some((column) => column.name === name))
    .map(({ name }) => ({ name, type: '', notNull: false, hasDefault: false, generated: false }))
  return {
    isTable: true,
    definition: null,
    columns: [...(table?.columns ?? []), ...added],
    indexes: table?.indexes ?? [],
  }
}
