import { decodeId, encodeId } from '../base/ids.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { shapedValue } from '../contract/shaped.ts'
import { jsonShaper } from './json-column.ts'

/** How a field stands in PostgreSQL: what its column may be, and the ways between text, JSON and JavaScript. */
export interface Column {
  readonly name: string
  /** The name as SQL takes it, quoted: fields may be called `order`, `from` or `user`. */
  readonly sql: string
  readonly spec: FieldSpec
  /** Types that `format_type` may call the column. */
  readonly types: readonly string[]
  /** JSON text of a value that is not null, from the text PostgreSQL sends. */
  readonly toJson: (text: string) => string
  readonly toValue: (text: string) => unknown
  readonly toParam: (value: unknown) => unknown
  /** The text that PostgreSQL will send of a value that is not null, and that `shape` has shaped; undefined where only it can tell. */
  readonly toText: (value: unknown) => string | undefined
  /** Of a column of JSON: the value with just the members that the contract names, as a new one. */
  readonly shape?: (value: unknown) => unknown
}

const same = (text: string) => text
const identity = (value: unknown) => value

export function columnOf(name: string, spec: FieldSpec): Column {
  const head = { name, sql: `"${name}"`, spec }
  switch (spec.kind) {
    case 'id': {
      const prefix = spec.prefix!
      return {
        ...head,
        types: ['uuid'],
        toJson: (text) => `"${encodeId(prefix, text)}"`,
        toValue: (text) => encodeId(prefix, text),
        toParam: (value) => (value === null ? null : decodeId(prefix, value as string)),
        toText: (value) => decodeId(prefix, value as string),
      }
    }
    case 'integer':
      return {
        ...head,
        types: ['integer', 'bigint', 'smallint'],
        toJson: same,
        toValue: Number,
        toParam: identity,
        toText: String,
      }
    case 'money':
    case 'decimal':
      return {
        ...head,
        types: ['numeric'],
        toJson: finite,
        toValue: (text) => Number(finite(text)),
        toParam: identity,
        toText: (value) => (spec.kind === 'money' ? (value as number).toFixed(2) : String(value)),
      }
    case 'boolean':
      return {
        ...head,
        types: ['boolean'],
        toJson: (text) => (text === 't' ? 'true' : 'false'),
        toValue: (text) => text === 't',
        toParam: identity,
        toText: (value) => (value ? 't' : 'f'),
      }
    case 'time':
      return {
        ...head,
        types: ['timestamp(3) with time zone'],
        toJson: (text) => `"${isoTime(text)}"`,
        toValue: isoTime,
        toParam: identity,
        toText: timeText,
      }
    case 'list':
    case 'object':
      return {
        ...head,
        types: ['jsonb', 'json'],
        toJson: jsonShaper(spec),
        toValue: JSON.parse,
        // As text: the driver would make a PostgreSQL array of a list.
        toParam: (value) => (value === null ? null : JSON.stringify(shapedValue(spec, value))),
        toText: JSON.stringify,
        // What is read back can be copied as it is (R-BODY-7).
        shape: (value) => shapedValue(spec, value),
      }
    default:
      return {
        ...head,
        types: ['text', 'character varying', 'character'],
        toJson: JSON.stringify,
        toValue: same,
        toParam: identity,
        toText: String,
      }
  }
}

/** A numeric as it is; NaN and the infinities, which JSON does not have, are an Error. All other texts end in a digit. */
function finite(text: string): string {
  if (text.charCodeAt(text.length - 1) > NINE) throw new Error(`is ${text}, which JSON cannot represent`)
  return text
}

const NINE = 57
const HYPHEN = 45
const ZERO = 48

/**
 * `2026-11-23 16:43:32.12+00`, as PostgreSQL writes UTC with the ISO date style, as RFC 3339 with milliseconds. RFC 3339 has
 * years of four digits: infinity, years before 1 (they end in BC) and after 9999 are an Error. What is finer is cut off.
 */
export function isoTime(text: string): string {
  if (text !== lastText) {
    lastTime = readIsoTime(text)
    lastText = text
  }
  return lastTime
}

/** A row that nobody has changed has one time twice, and rows of one moment the same. */
let lastText: string | undefined
let lastTime = ''

function readIsoTime(text: string): string {
  if (text.charCodeAt(4) !== HYPHEN || text.charCodeAt(text.length - 1) !== ZERO)
    throw new Error(`is ${text}, which RFC 3339 does not have`)
  const time = `${text.slice(0, 10)}T${text.slice(11, 19)}`
  const fraction = text.length > 22 ? text.slice(20, text.length - 3) : ''
  return `${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}

/** `2026-11-23T16:43:32.120Z` as PostgreSQL writes it; undefined where it would round, or writes years in its own way. */
function timeText(value: unknown): string | undefined {
  const text = String(value)
  return MILLISECONDS.test(text) ? `${text.slice(0, 10)} ${text.slice(11, -1)}+00` : undefined
}

const MILLISECONDS = /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/
