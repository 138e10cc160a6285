import type { References } from '../openapi/references.ts'
import { below, children, entriesOf, fieldsOf, has, type Spot, textOf } from '../openapi/spot.ts'

/** What values a schema takes: its `$ref`, its `allOf` and what stands beside them taken together. */
export interface Shape {
  /** Undefined: any. */
  readonly types: ReadonlySet<string> | undefined
  /** Undefined: not listed. */
  readonly values: readonly unknown[] | undefined
  readonly bounds: ReadonlyMap<Bound, number>
  readonly pattern: string | undefined
  readonly format: string | undefined
  readonly properties: ReadonlyMap<string, readonly Spot[]>
  readonly required: ReadonlySet<string>
  readonly closed: boolean
  readonly additional: Spot | undefined
  readonly items: readonly Spot[]
  /** Of `oneOf` or `anyOf`, null left out. */
  readonly variants: readonly Spot[]
  readonly default: unknown
  readonly readOnly: boolean
  readonly writeOnly: boolean
}

/** Bounds from below get larger, and those from above smaller, where they narrow. */
export const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties', 'uniqueItems'] as const
export const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const
export type Bound = (typeof LOWER)[number] | (typeof UPPER)[number] | 'multipleOf'

export function shapeOf(given: readonly Spot[], references: References): Shape {
  const { parts, mayBeNull } = partsOf(given, references)
  const all = parts.map(fieldsOf)
  const first = (name: string): unknown => all.find((one) => Object.hasOwn(one, name))?.[name]
  const variants = parts.flatMap((part) => {
    const own = variantsOf(part)
    return isOneOrNull(own, references) ? [] : own
  })
  const types = typesOf(all) ?? typesOfVariants(variants, references)
  if (mayBeNull || variants.some((one) => isNull(references.resolve(one)))) types?.add('null')
  const properties = new Map<string, Spot[]>()
  for (const part of parts)
    for (const [name, one] of entriesOf(below(part, 'properties')))
      properties.set(name, [...(properties.get(name) ?? []), one])
  const openPart = parts.find((part) => typeof fieldsOf(part).additionalProperties === 'object')
  return {
    types,
    values: valuesOf(all),
    bounds: boundsOf(all),
    pattern: textOf(first('pattern')),
    format: textOf(first('format')),
    properties,
    required: new Set(all.flatMap(({ required }) => (Array.isArray(required) ? required.map(String) : []))),
    closed: all.some((one) => one.additionalProperties === false || one.unevaluatedProperties === false),
    additional: openPart && below(openPart, 'additionalProperties'),
    items: parts.filter((part) => has(part, 'items')).map((part) => below(part, 'items')),
    variants: variants.filter((one) => !isNull(references.resolve(one))),
    default: first('default'),
    readOnly: first('readOnly') === true,
    writeOnly: first('writeOnly') === true,
  }
}

/** A schema, what it refers to and joins, and what `anyOf` gives beside null: each once. */
function partsOf(given: readonly Spot[], references: References): { parts: Spot[]; mayBeNull: boolean } {
  const parts: Spot[] = []
  const seen = new Set<unknown>()
  const left = [...given].reverse()
  let mayBeNull = false
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (seen.has(part.value)) continue
    seen.add(part.value)
    parts.push(part)
    const next = children(below(part, 'allOf')).map(([, one]) => one)
    if (has(part, '$ref')) next.unshift(references.resolve(part))
    const variants = variantsOf(part)
    if (isOneOrNull(variants, references)) {
      mayBeNull = true
      next.push(...variants.filter((one) => !isNull(references.resolve(one))))
    }
    left.push(...next.reverse())
  }
  return { parts, mayBeNull }
}

function variantsOf(part: Spot): Spot[] {
  return ['oneOf', 'anyOf'].flatMap((name) => children(below(part, name)).map(([, one]) => one))
}

/** One variant beside null is no choice: it is how a value that may be null is written. */
function isOneOrNull(variants: readonly Spot[], { resolve }: References): boolean {
  return variants.length === 2 && variants.filter((one) => !isNull(resolve(one))).length === 1
}

type Fields = Readonly<Record<string, unknown>>

/** Those that every part takes. Undefined: any. */
function typesOf(parts: readonly Fields[]): Set<string> | undefined {
  let types: Set<string> | undefined
  for (const part of parts) {
    const own = ownTypes(part)
    if (own === undefined) continue
    const before: Set<string> | undefined = types
    types =
      before === undefined
        ? own
        : new Set([...own].filter((one) => before.has(one) || (one === 'integer' && before.has('number'))))
    if (before?.has('integer') && own.has('number')) types.add('integer')
  }
  return types
}

const MAX_CHOICES = 8

/** Those of all variants together; undefined where one of them takes any. */
function typesOfVariants(variants: readonly Spot[], references: References, depth = 0): Set<string> | undefined {
  if (variants.length === 0 || depth > MAX_CHOICES) return undefined
  const types = new Set<string>()
  for (const variant of variants) {
    const { parts } = partsOf([variant], references)
    const own = typesOf(parts.map(fieldsOf)) ?? typesOfVariants(parts.flatMap(variantsOf), references, depth + 1)
    if (own === undefined) return undefined
    for (const one of own) types.add(one)
  }
  return types
}

function ownTypes({ type, nullable, properties, items, enum: values }: Fields): Set<string> | undefined {
  if (typeof type === 'string') return new Set(nullable === true ? [type, 'null'] : [type])
  if (Array.isArray(type)) return new Set(type.map(String))
  if (properties !== undefined) return new Set(['object'])
  if (items !== undefined) return new Set(['array'])
  if (Array.isArray(values)) return new Set(values.map(typeOfValue))
  return undefined
}

function typeOfValue(value: unknown): string {
  if (value === null) return 'null'
  if (Number.isInteger(value)) return 'integer'
  return Array.isArray(value) ? 'array' : typeof value
}

function valuesOf(parts: readonly Fields[]): unknown[] | undefined {
  let values: unknown[] | undefined
  for (const part of parts) {
    const own = Object.hasOwn(part, 'const') ? [part.const] : Array.isArray(part.enum) ? part.enum : undefined
    if (own === undefined) continue
    const texts = new Set(own.map((one) => JSON.stringify(one)))
    values = values === undefined ? own : values.filter((one) => texts.has(JSON.stringify(one)))
  }
  return values
}

/** The narrowest. In 3.0 `exclusiveMinimum` is a flag beside `minimum`. */
function boundsOf(parts: readonly Fields[]): Map<Bound, number> {
  const bounds = new Map<Bound, number>()
  const put = (name: Bound, value: unknown, narrower: (a: number, b: number) => number) => {
    if (typeof value !== 'number') return
    const before = bounds.get(name)
    bounds.set(name, before === undefined ? value : narrower(before, value))
  }
  for (const part of parts) {
    for (const name of LOWER)
      put(name, name === 'exclusiveMinimum' && part[name] === true ? part.minimum : part[name], Math.max)
    if (part.uniqueItems === true) bounds.set('uniqueItems', 1)
    for (const name of UPPER)
      put(name, name === 'exclusiveMaximum' && part[name] === true ? part.maximum : part[name], Math.min)
    put('multipleOf', part.multipleOf, Math.max)
  }
  return bounds
}

function isNull(spot: Spot): boolean {
  const { type, enum: values, const: value } = fieldsOf(spot)
  return type === 'null' || value === null || (Array.isArray(values) && values.length === 1 && values[0] === null)
}
