import { decodeId, encodeId } from '../base/ids.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { shapedValue } from '../contract/shaped.ts'

/** How a field stands in PostgreSQL: what its column may be, and the ways between text, JSON and JavaScript. */
export interface Column {
  readonly name: string
  readonly spec: FieldSpec
  /** Types that `format_type` may call the column. */
  readonly types: readonly string[]
  /** JSON text of a value that is not null, from the text PostgreSQL sends. */
  readonly toJson: (text: string) => string
  readonly toValue: (text: string) => unknown
  readonly toParam: (value: unknown) => unknown
}

const same = (text: string) => text
const identity = (value: unknown) => value

export function columnOf(name: string, spec: FieldSpec): Column {
  switch (spec.kind) {
    case 'id': {
      const prefix = spec.prefix!
      return {
        name,
        spec,
        types: ['uuid'],
        toJson: (text) => `"${encodeId(prefix, text)}"`,
        toValue: (text) => encodeId(prefix, text),
        toParam: (value) => (value === null ? null : decodeId(prefix, value as string)),
      }
    }
    case 'integer':
      return { name, spec, types: ['integer', 'bigint', 'smallint'], toJson: same, toValue: Number, toParam: identity }
    case 'money':
    case 'decimal':
      return { name, spec, types: ['numeric'], toJson: same, toValue: Number, toParam: identity }
    case 'boolean':
      return {
        name,
        spec,
        types: ['boolean'],
        toJson: (text) => (text === 't' ? 'true' : 'false'),
        toValue: (text) => text === 't',
        toParam: identity,
      }
    case 'time':
      return {
        name,
        spec,
        types: ['timestamp(3) with time zone'],
        toJson: (text) => `"${isoTime(text)}"`,
        toValue: isoTime,
        toParam: identity,
      }
    case 'list':
    case 'object':
      return { name, spec, types: ['jsonb', 'json'], toJson: same, toValue: JSON.parse, toParam: jsonParam(spec) }
    default:
      return {
        name,
        spec,
        types: ['text', 'character varying', 'character'],
        toJson: JSON.stringify,
        toValue: same,
        toParam: identity,
      }
  }
}

/** `2026-11-23 16:43:32.12+00`, as PostgreSQL writes UTC with the ISO date style, as RFC 3339 with milliseconds. */
export function isoTime(text: string): string {
  const time = `${text.slice(0, 10)}T${text.slice(11, 19)}`
  const fraction = text.length > 22 ? text.slice(20, text.length - 3) : ''
  return `${time}.${fraction.padEnd(3, '0')}Z`
}

/**
 * As text: the driver would make a PostgreSQL array of a list. What is written is what will be shown, as an answer copies
 * the column's JSON without a look into it: so no member that the contract does not name gets in (R-BODY-7).
 */
function jsonParam(spec: FieldSpec): (value: unknown) => unknown {
  return (value) => (value === null ? null : JSON.stringify(shapedValue(spec, value)))
}
