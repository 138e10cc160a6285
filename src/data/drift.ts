import { Fault } from '../base/errors.ts'
import type { Contract } from '../contract/contract.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { snakeCase } from '../contract/names.ts'
import { makersField } from '../contract/principal.ts'
import type { AnyResource } from '../contract/resource.ts'
import { bare, type Catalog, type CatalogColumn, type Relation, readCatalog } from './catalog.ts'
import { misfits } from './column-fit.ts'
import { outboxDrift } from './outbox-drift.ts'
import type { Queryable } from './pool.ts'
import { columnFor, tableOf } from './table.ts'

/**
 * Where a service's database is not what its contract needs, one sentence each; empty when all is well (R-OPS-6).
 * What the database has beyond that is its own affair, as long as rows can be written without it.
 */
export async function driftOf(db: Queryable, contract: Contract): Promise<string[]> {
  const resources = Object.entries<AnyResource>(contract.resources)
  const names = resources.flatMap(([, resource]) => [resource.table, resource.view, livingView(resource)])
  const catalog = await readCatalog(db, [...new Set(names)])
  // Two resources may share a table.
  const drift = new Set(resources.flatMap(([key, resource]) => resourceDrift({ key, resource, catalog })))
  return [...drift, ...(await outboxDrift(db))]
}

/** Throws SCHEMA_DRIFT, naming every difference. */
export async function assertNoDrift(db: Queryable, contract: Contract): Promise<void> {
  const differences = await driftOf(db, contract)
  if (differences.length === 0) return
  throw new Fault(
    'SCHEMA_DRIFT',
    `The database of the ${contract.name} service does not match its contract:\n` +
      `${differences.map((line) => `  ${line}`).join('\n')}\n` +
      'Write a migration that closes the gap and apply it (lintel migrate), or correct the contract.',
  )
}

interface Subject {
  readonly key: string
  readonly resource: AnyResource
  readonly catalog: Catalog
}

function resourceDrift(subject: Subject): string[] {
  const { key, resource, catalog } = subject
  const table = catalog.get(resource.table)
  if (!table) return [`${resource.table}: the table is missing (contract: ${key})`]
  return [
    ...(table.isTable ? tableDrift(subject, table) : []),
    ...(resource.softDelete ? softDeleteDrift(subject, table) : []),
    // A table that is a view itself serves reads alone.
    ...(table.isTable && resource.view === resource.table ? [] : viewDrift(subject, table)),
  ]
}

function tableDrift({ key, resource }: Subject, table: Relation): string[] {
  const found: string[] = []
  for (const [field, spec] of fieldsOf(resource)) {
    const wanted = columnFor(tableOf(resource), field)
    const column = columnIn(table, wanted.name)
    if (column) {
      const faults = [...misfitsOf(resource, field, column), ...nullMisfits(resource, field, spec, column)]
      if (column.generated && field !== 'createdAt' && isWritten(resource, field))
        faults.push('the column is generated and cannot be set: mark the field server()')
      found.push(...faults.map((fault) => `${resource.table}.${wanted.name}: ${fault}`))
    } else if (!resource.derived || isWritten(resource, field))
      found.push(`${resource.table}: column ${wanted.name} is missing (contract: ${key}.${field})`)
  }
  if (columnIn(table, 'id') && !table.indexes.some((index) => index.primary && index.key === 'id'))
    found.push(`${resource.table}: id must be the primary key`)
  return [...found, ...unfilledColumns(resource, table), ...uniqueDrift({ key, resource }, table)]
}

/** A view of the resource's own may put something in the place of a null; what CRUD writes goes to the table as it is. */
function nullMisfits(resource: AnyResource, field: string, spec: FieldSpec, column: CatalogColumn): string[] {
  const written = isWritten(resource, field)
  if (!spec.nullable && !column.notNull && (written || !resource.derived))
    return ['the contract does not allow null, but the column does']
  if (spec.nullable && column.notNull && written && !spec.server)
    return ['the contract allows null, but the column does not']
  return []
}

/** CRUD inserts what the request gives, the id and the parent's or the owner's; the rest is up to the table's defaults. */
function unfilledColumns(resource: AnyResource, table: Relation): string[] {
  return table.columns
    .filter((column) => column.notNull && !column.hasDefault && !isFilled(resource, column.name))
    .map(({ name }) => `${resource.table}.${name}: the column is required, but create never sets it: add a default`)
}

/** Whether a row that CRUD creates has a value for a column; what a service's own code inserts is its own affair. */
export function isFilled(resource: AnyResource, column: string): boolean {
  if (!isCrud(resource, 'create')) return true
  const filled = [
    'id',
    resource.parent?.field ?? makersField(resource) ?? 'id',
    ...resource.states,
    ...givenTo(resource, 'create'),
  ]
  return filled.map(snakeCase).includes(column)
}

function uniqueDrift({ key, resource }: Pick<Subject, 'key' | 'resource'>, table: Relation): string[] {
  return resource.unique.flatMap((field) => {
    const { name, on, where, create } = uniqueIndexOf(resource, field)
    const index = table.indexes.find((one) => one.name === name)
    if (!index)
      return [`${resource.table}: the index ${name} is missing (contract: ${key}.${field} is unique): ${create}`]
    if (!index.valid)
      return [
        `${resource.table}: the index ${name} is invalid, as a failed CREATE INDEX CONCURRENTLY leaves it: drop and create it again`,
      ]
    const fits = index.unique && bare(index.key) === bare(on) && bare(index.predicate) === bare(where)
    return fits ? [] : [`${resource.table}: the index ${name} is not what the contract needs: ${create}`]
  })
}

export function uniqueIndexOf(resource: AnyResource, field: string) {
  const { name: column, spec } = columnFor(tableOf(resource), field)
  const name = `${resource.table}_${column}_key`
  const on = spec.kind === 'email' ? `lower(${column})` : column
  const where = resource.softDelete ? 'deleted_at is null' : null
  const create = `create unique index ${name} on ${resource.table} (${on})${where ? ` where ${where}` : ''}`
  return { name, on, where, create }
}

/** What shows the rows that are not softly deleted, also where reads go to a view of the resource's own. */
export function livingView({ table }: AnyResource): string {
  return `active_${table}`
}

function softDeleteDrift({ resource, catalog }: Subject, table: Relation): string[] {
  const found: string[] = []
  const name = livingView(resource)
  const view = catalog.get(name)
  const column = columnIn(table, 'deleted_at')
  if (!column) found.push(`${resource.table}: column deleted_at is missing (contract: soft delete)`)
  else if (column.type !== 'timestamp(3) with time zone' || column.notNull)
    found.push(`${resource.table}.deleted_at: soft delete needs a nullable timestamptz(3)`)
  if (!view) found.push(`${name}: the view of rows that are not deleted is missing (contract: soft delete)`)
  else if (!/\bdeleted_at IS NULL\b/.test(view.definition ?? '')) found.push(`${name}: the view includes deleted rows`)
  return found
}

/** A view made by `select *` has the columns of its day: what a migration has added since is missing. */
function viewDrift({ key, resource, catalog }: Subject, table: Relation): string[] {
  const { view: name, derived, softDelete } = resource
  const view = catalog.get(name)
  if (!view) return name === livingView(resource) ? [] : [`${name}: the view is missing (contract: ${key})`]
  const found: string[] = []
  for (const [field] of fieldsOf(resource)) {
    const wanted = columnFor(tableOf(resource), field)
    const column = columnIn(view, wanted.name)
    const below = columnIn(table, wanted.name)
    // What is wrong with the table is said already: its type there, or that a plain view can't have what the table lacks.
    if (table.isTable && (below ? below.type === column?.type : !derived)) continue
    if (column) found.push(...misfitsOf(resource, field, column).map((fault) => `${name}.${wanted.name}: ${fault}`))
    else found.push(`${name}: column ${wanted.name} is missing (contract: ${key}.${field})`)
  }
  const living = new RegExp(`\\b(deleted_at IS NULL|${livingView(resource)})\\b`)
  if (derived && softDelete && !living.test(view.definition ?? ''))
    found.push(`${name}: the view includes deleted rows`)
  return found
}

function misfitsOf(resource: AnyResource, field: string, column: CatalogColumn): string[] {
  return misfits(columnFor(tableOf(resource), field), column, Object.values(resource.list.filter).includes(field))
}

function fieldsOf(resource: AnyResource): [string, FieldSpec][] {
  return Object.entries<FieldSpec>(resource.stored)
}

function columnIn(relation: Relation, name: string): CatalogColumn | undefined {
  return relation.columns.find((column) => column.name === name)
}

type WritingVerb = 'create' | 'replace' | 'update'

function isCrud(resource: AnyResource, verb: WritingVerb): boolean {
  return resource.access[verb] !== undefined && !resource.custom.includes(verb)
}

function givenTo(resource: AnyResource, verb: WritingVerb): string[] {
  const own = resource.input[verb] as Readonly<Record<string, FieldSpec>> | undefined
  if (own) return Object.keys(own)
  return fieldsOf(resource).flatMap(([field, spec]) => (spec.server ? [] : [field]))
}

/** Whether Lintel itself writes the field's column. */
function isWritten(resource: AnyResource, field: string): boolean {
  if (resource.states.includes(field)) return true
  if (['id', 'version', 'createdAt', 'updatedAt', resource.parent?.field].includes(field)) return true
  const verbs: WritingVerb[] = ['create', 'replace', 'update']
  return verbs.some((verb) => isCrud(resource, verb) && givenTo(resource, verb).includes(field))
}
