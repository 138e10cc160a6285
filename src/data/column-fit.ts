import { type FieldSpec, t } from '../contract/fields.ts'
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

function rangeMisfits(spec: FieldSpec, type: string): string[] {
  const bound = INTEGERS[type]!
  return [
    ...((spec.max ?? 0) > bound ? [`${upper(spec)}, ${type} holds ${bound}`] : []),
    ...((spec.min ?? 0) < -bound - 1 ? [`${lower(spec)}, ${type} holds ${-bound - 1}`] : []),
  ]
}

/** PostgreSQL rounds to the column's scale without a word. */
function numericMisfits(spec: FieldSpec, type: string, precision: number, scale: number): string[] {
  if (spec.scale! > scale) return [`the contract allows ${spec.scale} decimals, ${type} keeps ${scale}`]
  if (spec.server) return []
  const bound = 10 ** (precision - scale)
  return [
    ...((spec.max ?? 0) >= bound ? [`${upper(spec)}, ${type} holds less than ${bound}`] : []),
    ...((spec.min ?? 0) <= -bound ? [`${lower(spec)}, ${type} holds more than ${-bound}`] : []),
  ]
}

const upper = (spec: FieldSpec) => `the contract allows up to ${spec.max}${byDefault(spec, 'max')}`
const lower = (spec: FieldSpec) => `the contract allows down to ${spec.min}${byDefault(spec, 'min')}`

/** A limit that nobody has written down is the default of the field's kind: its author would look for it in vain. */
function byDefault(spec: FieldSpec, limit: 'min' | 'max'): string {
  if (spec.server) return ''
  const { spec: usual } = spec.kind === 'integer' ? t.integer() : spec.kind === 'money' ? t.money() : decimalLike(spec)
  return spec[limit] === usual[limit] ? ` (the field has no ${limit}: give it one)` : ''
}

const decimalLike = ({ scale = 0 }: FieldSpec) => t.decimal({ scale })

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
