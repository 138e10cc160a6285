import type { FieldSpec } from '../contract/fields.ts'
import type { CatalogColumn } from './catalog.ts'
import type { Column } from './columns.ts'

/**
 * Why a column can't hold what the contract lets be stored in it; empty when it can. Limits are looked at where a
 * client's values arrive: of what a service writes itself, the contract has only the default bounds.
 */
export function misfits(wanted: Column, { type }: CatalogColumn, filtered: boolean): string[] {
  const { spec } = wanted
  // What an expression in a view makes of char(3) has no length any more: format_type then says bpchar.
  const [name, ...modifiers] = type.replace('bpchar', 'character').split(/[(,)]/)
  if (!wanted.types.includes(type) && !wanted.types.includes(name!))
    return [`the contract needs ${short(wanted.types[0]!)}, the table has ${short(type)}`]
  if (spec.kind === 'integer') return rangeMisfits(spec, name!)
  if (name === 'numeric' && modifiers.length > 0)
    return numericMisfits(spec, type, Number(modifiers[0]), Number(modifiers[1]))
  if (name?.startsWith('character') && modifiers.length > 0) return lengthMisfits(spec, type, Number(modifiers[0]))
  if (name === 'json' && filtered) return ['the contract filters by it, which needs jsonb, the table has json']
  return []
}

const INTEGERS: Readonly<Record<string, number>> = { smallint: 2 ** 15 - 1, integer: 2 ** 31 - 1, bigint: 2 ** 63 }

function rangeMisfits({ min = 0, max = 0 }: FieldSpec, type: string): string[] {
  const bound = INTEGERS[type]!
  if (max > bound) return [`the contract allows up to ${max}, ${type} holds ${bound}`]
  if (min < -bound - 1) return [`the contract allows down to ${min}, ${type} holds ${-bound - 1}`]
  return []
}

/** PostgreSQL rounds to the column's scale without a word. */
function numericMisfits(spec: FieldSpec, type: string, precision: number, scale: number): string[] {
  if (spec.scale! > scale) return [`the contract allows ${spec.scale} decimals, ${type} keeps ${scale}`]
  const bound = 10 ** (precision - scale)
  const largest = Math.max(Math.abs(spec.min ?? 0), spec.max ?? 0)
  if (!spec.server && largest >= bound)
    return [`the contract allows up to ${largest}, ${type} holds less than ${bound}`]
  return []
}

function lengthMisfits(spec: FieldSpec, type: string, length: number): string[] {
  const lengths = spec.values?.map((value) => [...value].length)
  const max = lengths ? Math.max(...lengths) : spec.server ? 0 : spec.max!
  if (max > length) return [`the contract allows ${max} characters, the column holds ${length}`]
  const min = lengths ? Math.min(...lengths) : spec.min!
  if (type.startsWith('character(') && min < length)
    return [`char(${length}) pads what is shorter with spaces: use varchar`]
  return []
}

/** `timestamp(3) with time zone` as people write it. */
function short(type: string): string {
  return type
    .replace(/^timestamp(\(\d\))? with time zone$/, 'timestamptz$1')
    .replace(/^timestamp(\(\d\))? without time zone$/, 'timestamp$1')
    .replace('character varying', 'varchar')
    .replace('character', 'char')
}
