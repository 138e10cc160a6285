import type { Queryable } from './pool.ts'

/** A table or a view as the database has it. */
export interface Relation {
  readonly isTable: boolean
  /** The query of a view. */
  readonly definition: string | null
  readonly columns: readonly CatalogColumn[]
  readonly indexes: readonly Index[]
}

export interface CatalogColumn {
  readonly name: string
  /** As `format_type` has it; of a domain, the type below. */
  readonly type: string
  readonly notNull: boolean
  /** Gets a value when a row is inserted without one. */
  readonly hasDefault: boolean
  /** `generated always`: the table takes no value for it. */
  readonly generated: boolean
}

export interface Index {
  readonly name: string
  readonly primary: boolean
  readonly unique: boolean
  /** False where CREATE INDEX CONCURRENTLY has failed. */
  readonly valid: boolean
  /** The column or expression, where there is but one. */
  readonly key: string | null
  readonly predicate: string | null
  /** `btree`, `gin` … */
  readonly method: string
  /** Its columns or expressions, in order; without those that it only INCLUDEs. */
  readonly keys: readonly string[]
  /** The statement that makes it. */
  readonly definition: string
}

export type Catalog = ReadonlyMap<string, Relation>

const RELATIONS = `
select wanted.name, c.relkind in ('r', 'p') as "isTable",
  case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
  (select json_agg(json_build_object(
      'name', a.attname,
      'type', format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
        case when t.typbasetype = 0 then a.atttypmod else t.typtypmod end),
      'notNull', a.attnotnull or t.typnotnull,
      'hasDefault', a.atthasdef or a.attidentity <> '' or t.typdefault is not null,
      'generated', a.attgenerated <> '' or a.attidentity = 'a'))
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
  (select json_agg(json_build_object(
      'name', i.relname, 'primary', x.indisprimary, 'unique', x.indisunique, 'valid', x.indisvalid,
      'key', case when x.indnkeyatts = 1 then pg_get_indexdef(x.indexrelid, 1, true) end,
      'predicate', pg_get_expr(x.indpred, x.indrelid, true),
      'method', m.amname,
      'keys', (select json_agg(pg_get_indexdef(x.indexrelid, n, true) order by n) from generate_series(1, x.indnkeyatts) n),
      'definition', pg_get_indexdef(x.indexrelid)))
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am m on m.oid = i.relam
    where x.indrelid = c.oid) as indexes
from unnest($1::text[]) wanted(name) join pg_class c on c.oid = to_regclass(wanted.name)`

/** The tables and views of these names, without those that there are not; one query. */
export async function readCatalog(db: Queryable, names: readonly string[]): Promise<Catalog> {
  const rows = await db.query<Relation & { name: string }>(RELATIONS, [names])
  return new Map(rows.map((row) => [row.name, { ...row, columns: row.columns ?? [], indexes: row.indexes ?? [] }]))
}

/** `lower((email)::text)` and `lower(email)` are the same. */
export function bare(expression: string | null): string | undefined {
  return expression?.toLowerCase().replace(/::[a-z ]+|[\s"()]/g, '')
}
