import type { Contract } from '../contract/contract.ts'
import { camelCase } from '../contract/names.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Constraint, Constraints } from './faults.ts'
import type { Queryable } from './pool.ts'
import { tableOf } from './table.ts'

/**
 * Reads the constraints of every table from the catalog: their names follow no rule that could be relied on. A check of a
 * domain is about every column of that type, so its fields are known where there is only one. What migrations add while the
 * service runs is unknown until the next start: such an error has its code, but no details.
 */
export async function readConstraints(db: Queryable, contract: Contract): Promise<Constraints> {
  const resources = Object.values<AnyResource>(contract.resources)
  const tables = [...new Set(resources.map(({ table }) => table))]
  const rows = await db.query<Row>(CONSTRAINTS, [tables])
  const names = fieldsOf(contract)
  const found = new Map<string, Constraint>()
  // Of two columns that an expression mentions, or two resources on one table, each field is named once.
  for (const { schema, relation, name, root, columns, refersTo, domain } of rows) {
    const fields = [...new Set((columns ?? []).flatMap((column) => names(root, column) ?? []))]
    found.set(keyOf(schema, relation, name), {
      fields: domain && fields.length > 1 ? [] : fields,
      resource: resources.find(({ table }) => table === root)?.plural,
      table: relation,
      refersTo,
    })
  }
  return {
    find: (schema = '', relation = '', name = '') => found.get(keyOf(schema, relation, name)),
    field: (table, column) => names(table ?? null, column),
  }
}

interface Row {
  schema: string
  /** The table, or the domain. */
  relation: string
  name: string
  /** The table as the contract names it; of a partition, the whole table's. */
  root: string | null
  columns: string[] | null
  refersTo: string | null
  domain: boolean
}

function keyOf(schema: string, relation: string, name: string): string {
  return JSON.stringify([schema, relation, name])
}

/**
 * The field of a column: of the resource whose table it is in; of a table without a resource, such as one that joins two
 * others, a field of that name anywhere in the contract. Hidden fields are nobody's business.
 */
function fieldsOf(contract: Contract) {
  const byTable = new Map<string, Map<string, string>>()
  const all = new Set<string>()
  for (const resource of Object.values<AnyResource>(contract.resources)) {
    const columns = byTable.get(resource.table) ?? new Map<string, string>()
    byTable.set(resource.table, columns)
    for (const [field, place] of tableOf(resource).places) {
      const { name, spec } = tableOf(resource).columns[place]!
      if (spec.hidden || columns.has(name)) continue
      columns.set(name, field)
      all.add(field)
    }
  }
  for (const { body, params } of contract.served)
    for (const name of [...Object.keys(body ?? {}), ...params.map((param) => param.name)]) all.add(name)
  return (table: string | null, column: string): string | undefined => {
    const columns = table === null ? undefined : byTable.get(table)
    if (columns) return columns.get(column)
    const name = camelCase(column.replaceAll('_', '-'))
    return all.has(name) ? name : undefined
  }
}

/**
 * `$1` are the tables of the contract. Columns that an index only mentions in an expression, such as `lower(email)`, are
 * found by name in the expression's text, as the catalog does not tell them from those of the predicate.
 */
const CONSTRAINTS = `
with tables as (
  select c.oid, n.nspname as schema, c.relname as relation, wanted.name as root
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  left join unnest($1::text[]) wanted(name) on to_regclass(wanted.name) = coalesce(pg_partition_root(c.oid), c.oid)
  where c.relkind in ('r', 'p') and n.nspname not in ('information_schema', 'lintel') and n.nspname !~ '^pg_'
)
select t.schema, t.relation, i.relname as name, t.root, null as "refersTo", false as domain,
  (select json_agg(key.attname order by key.place) from (
    select a.attname, min(place) as place
    from generate_series(1, x.indnkeyatts) place
    join pg_attribute a on a.attrelid = x.indrelid and a.attnum > 0 and (a.attnum = x.indkey[place - 1]
      or x.indkey[place - 1] = 0
        and pg_get_indexdef(x.indexrelid, place, true) ~ ('\\m' || regexp_replace(a.attname, '\\W', '.', 'g') || '\\M')
        and exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = x.indexrelid
          and d.refclassid = 'pg_class'::regclass and d.refobjid = x.indrelid and d.refobjsubid = a.attnum))
    group by a.attname) key) as columns
from tables t join pg_index x on x.indrelid = t.oid join pg_class i on i.oid = x.indexrelid
where x.indisunique or x.indisexclusion
union all
select t.schema, t.relation, c.conname, t.root, r.relname, false,
  (select json_agg(a.attname order by key.place) from unnest(c.conkey) with ordinality key(attnum, place)
   join pg_attribute a on a.attrelid = c.conrelid and a.attnum = key.attnum)
from tables t join pg_constraint c on c.conrelid = t.oid left join pg_class r on r.oid = c.confrelid
where c.contype in ('f', 'c')
union all
select n.nspname, y.typname, c.conname, t.root, null, true, json_agg(a.attname)
from pg_constraint c join pg_type y on y.oid = c.contypid join pg_namespace n on n.oid = y.typnamespace
join pg_attribute a on a.atttypid = y.oid and a.attnum > 0 join tables t on t.oid = a.attrelid
where t.root is not null
group by n.nspname, y.typname, c.conname, t.root`
