import { readEmail } from '../base/email.ts'
import { type FieldFault, MAX_FAULTS } from '../base/errors.ts'
import { memberPath } from '../base/field-path.ts'
import { decodeId } from '../base/ids.ts'
import { decimalsOf } from '../base/money.ts'
import type { FieldSpec } from './fields.ts'

/** Adds to `faults` everything that is wrong with `value`; types are never coerced (R-BODY-4). */
export type Check = (value: unknown, path: string, faults: FieldFault[]) => void

/** Faults of a whole body; with `partial`, what is left out stays as it was (merge patch). */
export type BodyCheck = (value: unknown, partial: boolean) => FieldFault[]

/** What becomes of read-only fields: refused, or left for a check against what stands (service/read-only.ts). */
type ReadOnly = 'refused' | 'left'

/** Compiles a check of a body: every faulty field is reported at once, unknown ones are refused. */
export function bodyCheck(specs: Readonly<Record<string, FieldSpec>>, readOnly: ReadOnly = 'refused'): BodyCheck {
  const whole = objectCheck(specs, false, readOnly)
  const partial = objectCheck(specs, true, readOnly)
  return (value, isPartial) => {
    const faults: FieldFault[] = []
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      faults.push({ field: '', message: 'the body must be a JSON object' })
    else (isPartial ? partial : whole)(value, '', faults)
    return faults.length > MAX_FAULTS ? faults.slice(0, MAX_FAULTS) : faults
  }
}

/** Compiles a check of one value. */
export function checkOf(spec: FieldSpec, readOnly: ReadOnly = 'refused'): Check {
  const check = checks[spec.kind](spec, readOnly)
  if (!spec.nullable) return check
  return (value, path, faults) => {
    if (value !== null) check(value, path, faults)
  }
}

/** Fills in defaults, and null for what may be left out; times and addresses get their one spelling. Returns a new object; `value` has passed the check. */
export function withDefaults(specs: Readonly<Record<string, FieldSpec>>, value: object): Record<string, unknown> {
  const given = value as Record<string, unknown>
  const filled: Record<string, unknown> = {}
  for (const name in specs) {
    const spec = specs[name]!
    if (spec.server) continue
    filled[name] = fill(spec, given[name])
  }
  return filled
}

/** A default is copied like a value: a handler that changes what it was given must not change the contract. */
function fill(spec: FieldSpec, given: unknown): unknown {
  const value = given === undefined ? spec.default : given
  if (value === undefined || value === null) return null
  if (spec.kind === 'object') return withDefaults(spec.fields!, value)
  if (spec.kind === 'list') return (value as unknown[]).map((item) => fill(spec.of!, item))
  if (spec.kind === 'time') return new Date(value as string).toISOString()
  if (spec.kind === 'email') return readEmail(value as string) ?? value
  return value
}

function objectCheck(specs: Readonly<Record<string, FieldSpec>>, partial: boolean, readOnly: ReadOnly): Check {
  const names = new Set(Object.keys(specs))
  const fields = Object.entries(specs).map(([name, spec]) => {
    const inner = spec.server
      ? readOnlyCheck(readOnly)
      : partial && spec.kind === 'object'
        ? nullable(spec, objectCheck(spec.fields!, true, readOnly))
        : checkOf(spec, readOnly)
    return { name, inner, required: !partial && !spec.optional && !spec.server }
  })
  return (value, path, faults) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      faults.push({ field: path, message: 'must be an object' })
      return
    }
    const given = value as Record<string, unknown>
    for (const { name, inner, required } of fields) {
      const member = given[name]
      const before = faults.length
      if (member !== undefined) inner(member, '', faults)
      else if (required) faults.push({ field: '', message: 'is required' })
      if (faults.length > before) placeAt(join(path, name), faults, before)
    }
    // Last: however many there are, what the contract names comes first.
    for (const name in given) {
      if (names.has(name)) continue
      if (faults.length >= MAX_FAULTS) break
      faults.push({ field: memberPath(path, name), message: 'is not a field of this request' })
    }
  }
}

function readOnlyCheck(readOnly: ReadOnly): Check {
  return (_, path, faults) => {
    if (readOnly === 'refused') faults.push({ field: path, message: READ_ONLY })
  }
}

export const READ_ONLY = 'is read-only'

/** A field as answers have it: every member is there, null where the contract allows it. Marks for requests mean nothing. */
function unmarked(spec: FieldSpec): FieldSpec {
  return {
    ...spec,
    optional: false,
    server: false,
    ...(spec.of ? { of: unmarked(spec.of) } : {}),
    ...(spec.fields ? { fields: allUnmarked(spec.fields) } : {}),
  }
}

export function allUnmarked(specs: Readonly<Record<string, FieldSpec>>): Record<string, FieldSpec> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, unmarked(spec)]))
}

function nullable(spec: FieldSpec, check: Check): Check {
  return (value, path, faults) => {
    if (value === null && spec.nullable) return
    check(value, path, faults)
  }
}

/** Says of the last faults where they are. Not before there are some: most values have none, and a path costs more than a check. */
function placeAt(path: string, faults: FieldFault[], from: number): void {
  for (let i = from; i < faults.length; i++) {
    const { field, message } = faults[i]!
    faults[i] = { field: field.startsWith('[') ? path + field : join(path, field), message }
  }
}

function join(path: string, name: string): string {
  if (path === '' || name === '') return path + name
  return `${path}.${name}`
}

const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/

/** A valid RFC 3339 instant of the years 0001 to 9999, as milliseconds; undefined when it is none. */
export function readTime(text: string): number | undefined {
  if (!TIME.test(text)) return undefined
  const part = (from: number, to: number) => Number(text.slice(from, to))
  const day = part(8, 10)
  // What Date.parse lets through: 24:00, and the 31st of every month.
  if (part(11, 13) > 23 || (day > 28 && day > daysOf(part(0, 4), part(5, 7)))) return undefined
  const ms = Date.parse(text.toUpperCase())
  return Number.isNaN(ms) || ms < -62_135_596_800_000 || ms > 253_402_300_799_999 ? undefined : ms
}

/** Of a month. Leap years repeat after 400. */
function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
}

const checks: Record<FieldSpec['kind'], (spec: FieldSpec, readOnly: ReadOnly) => Check> = {
  text: (spec) => (value, path, faults) => {
    const fault = typeof value === 'string' ? textFault(spec, value) : 'must be a string'
    if (fault) faults.push({ field: path, message: fault })
  },
  email: (spec) => (value, path, faults) => {
    if (typeof value !== 'string') faults.push({ field: path, message: 'must be a string' })
    else if (readEmail(value) === undefined)
      faults.push({ field: path, message: `must be an email address of at most ${spec.max} characters` })
  },
  integer: (spec) => (value, path, faults) => {
    if (typeof value !== 'number' || !Number.isInteger(value))
      faults.push({ field: path, message: 'must be a whole number' })
    else rangeFault(spec, value, path, faults)
  },
  decimal: decimalCheck,
  money: decimalCheck,
  boolean: () => (value, path, faults) => {
    if (typeof value !== 'boolean') faults.push({ field: path, message: 'must be true or false' })
  },
  time: () => (value, path, faults) => {
    if (typeof value !== 'string' || readTime(value) === undefined)
      faults.push({ field: path, message: 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z' })
  },
  id: (spec) => (value, path, faults) => {
    if (typeof value !== 'string' || decodeId(spec.prefix!, value) === undefined)
      faults.push({ field: path, message: `must be an id that begins with ${spec.prefix}_` })
  },
  oneOf: (spec) => (value, path, faults) => {
    if (typeof value !== 'string' || !spec.values!.includes(value))
      faults.push({ field: path, message: `must be one of ${spec.values!.join(', ')}` })
  },
  list: (spec, readOnly) => {
    const member = checkOf(spec.of!, readOnly)
    return (value, path, faults) => {
      if (!Array.isArray(value)) {
        faults.push({ field: path, message: 'must be a list' })
        return
      }
      if (value.length < spec.min!) faults.push({ field: path, message: `must have at least ${spec.min} members` })
      // Nothing of a list that is too long is looked at: the faults would have no bound.
      if (value.length > spec.max!) faults.push({ field: path, message: `must have at most ${spec.max} members` })
      else
        for (let i = 0; i < value.length && faults.length < MAX_FAULTS; i++) {
          const before = faults.length
          member(value[i], '', faults)
          if (faults.length > before) placeAt(`${path}[${i}]`, faults, before)
        }
    }
  },
  object: (spec, readOnly) => objectCheck(spec.fields!, false, readOnly),
}

function decimalCheck(spec: FieldSpec): Check {
  return (value, path, faults) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) faults.push({ field: path, message: 'must be a number' })
    else if (decimalsOf(value) > spec.scale!)
      faults.push({ field: path, message: `must have at most ${spec.scale} decimals` })
    else rangeFault(spec, value, path, faults)
  }
}

/** Lengths are in code points, as PostgreSQL counts them: one or two of UTF-16 each, so its length decides most cases. */
function isLonger(value: string, max: number): boolean {
  return value.length > max && (value.length > 2 * max || [...value].length > max)
}

function textFault(spec: FieldSpec, value: string): string | undefined {
  const { min = 0, max = Number.POSITIVE_INFINITY } = spec
  const units = value.length
  const length = units >= min && units < 2 * min ? [...value].length : units
  if (isLonger(value, max)) return `must have at most ${max} characters`
  if (length < min) return min === 1 ? 'must not be empty' : `must have at least ${min} characters`
  // JSON from a socket has none; what another service hands over in this process was never JSON.
  if (value.includes('\0')) return 'must not contain NUL'
  if (spec.pattern && !spec.pattern.test(value)) return `must be ${spec.patternHint ?? `like ${spec.pattern.source}`}`
  return undefined
}

function rangeFault(spec: FieldSpec, value: number, path: string, faults: FieldFault[]) {
  if (spec.min !== undefined && value < spec.min) faults.push({ field: path, message: `must be at least ${spec.min}` })
  else if (spec.max !== undefined && value > spec.max)
    faults.push({ field: path, message: `must be at most ${spec.max}` })
}
