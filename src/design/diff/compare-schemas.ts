import type { References } from '../openapi/references.ts'
import { fieldsOf, type Spot, textOf } from '../openapi/spot.ts'
import { changed } from './changed.ts'
import type { Kind } from './kinds.ts'
import { type Bound, LOWER, type Shape, shapeOf, UPPER } from './schema-shape.ts'

/** Whether the other side sends the values, or reads them: what narrows breaks senders, and what widens breaks readers. */
export type Direction = 'sent' | 'read'

export interface Sides {
  readonly old: References
  readonly now: References
}

/** `spot` is in the new document, or in the old where there is nothing left of it. */
export type ReportChange = (kind: Kind, where: string, what: string, spot: Spot, side: 'old' | 'new') => void

export interface SchemaComparison {
  /** Compares two schemas; each pair once for a direction, so that recursive schemas come to an end. */
  compare(old: readonly Spot[], now: readonly Spot[], direction: Direction, where: string): void
}

export function createSchemaComparison(sides: Sides, report: ReportChange): SchemaComparison {
  const seen = new Set<string>()
  const ids = new WeakMap<object, number>()
  let lastId = 0

  function compare(old: readonly Spot[], now: readonly Spot[], direction: Direction, where: string): void {
    if (old.length === 0 || now.length === 0 || isSeen(old, now, direction)) return
    const before = asChoice(old, shapeOf(old, sides.old), shapeOf(now, sides.now))
    const after = asChoice(now, shapeOf(now, sides.now), before)
    const here: Here = { direction, where, spot: now[0]!, report }
    compareTypes(before, after, here)
    compareValues(before, after, here)
    compareBounds(before, after, here)
    comparePatterns(before, after, here)
    if (direction === 'sent' && !isSame(before.default, after.default) && before.default !== undefined)
      report('sent-default', where, changed('default', shown(before.default), shown(after.default)), now[0]!, 'new')
    if (takesObjects(before) && takesObjects(after)) compareProperties(before, after, here)
    compare(before.items, after.items, direction, `${where}[]`)
    if (before.additional && after.additional) compare([before.additional], [after.additional], direction, `${where}.*`)
    compareVariants(before, after, here)
  }

  function isSeen(old: readonly Spot[], now: readonly Spot[], direction: Direction): boolean {
    const key = [
      direction,
      ...old.map((one) => idOf(one, sides.old)),
      '|',
      ...now.map((one) => idOf(one, sides.now)),
    ].join(' ')
    if (seen.has(key)) return true
    seen.add(key)
    return false
  }

  /** Of a mere reference that of what it leads to. */
  function idOf(spot: Spot, references: References): number {
    const isMere = Object.keys(fieldsOf(spot)).every(
      (name) => name === '$ref' || name === 'description' || name === 'summary',
    )
    const { value } = isMere ? references.resolve(spot) : spot
    if (typeof value !== 'object' || value === null) return 0
    const id = ids.get(value) ?? ++lastId
    ids.set(value, id)
    return id
  }

  function compareProperties(before: Shape, after: Shape, { direction, where, spot }: Here): void {
    const isVisible = direction === 'sent' ? isSendable : isReadable
    const inOld = visible(before, sides.old, isVisible)
    const inNew = visible(after, sides.now, isVisible)
    const at = (name: string) => (where.endsWith(' ') || where === '' ? `${where}${name}` : `${where}.${name}`)
    for (const [name, old] of inOld) {
      const now = inNew.get(name)
      if (now === undefined) {
        // Of what any name is taken, so is this one.
        if (after.additional && direction === 'read') continue
        const kind =
          direction === 'read'
            ? 'read-property-removed'
            : after.closed
              ? 'sent-property-refused'
              : 'sent-property-ignored'
        report(kind, at(name), 'is gone', old[0]!, 'old')
        continue
      }
      const wasRequired = before.required.has(name)
      const isRequired = after.required.has(name)
      if (!wasRequired && isRequired)
        report(`${direction}-property-required`, at(name), 'is required now', now[0]!, 'new')
      if (wasRequired && !isRequired)
        report(`${direction}-property-optional`, at(name), 'is optional now', now[0]!, 'new')
      compare(old, now, direction, at(name))
    }
    for (const [name, now] of inNew) {
      if (inOld.has(name)) continue
      const isRequired = after.required.has(name)
      if (direction === 'read') report('read-property-added', at(name), 'is new', now[0]!, 'new')
      else
        report(
          isRequired ? 'sent-property-required' : 'sent-property-added',
          at(name),
          isRequired ? 'is new, and required' : 'is new',
          now[0]!,
          'new',
        )
    }
    if (
      direction === 'sent' &&
      before.closed !== after.closed &&
      (before.properties.size > 0 || after.properties.size > 0)
    )
      report(
        after.closed ? 'sent-closed' : 'sent-opened',
        where.trim(),
        after.closed ? 'takes no further members now' : 'takes further members now',
        spot,
        'new',
      )
  }

  function compareVariants(before: Shape, after: Shape, { direction, where, spot }: Here): void {
    if (before.variants.length === 0 && after.variants.length === 0) return
    const left = [...after.variants]
    const pairs: [Spot, Spot][] = []
    const gone: Spot[] = []
    for (const old of before.variants) {
      const i = left.findIndex((one) => nameOf(one) === nameOf(old))
      if (i >= 0) pairs.push([old, left.splice(i, 1)[0]!])
      else gone.push(old)
    }
    // What is left on each side is the same under another name, where one of them has none.
    while (gone.length > 0 && left.length > 0 && [gone[0]!, left[0]!].some((one) => nameOf(one) === undefined))
      pairs.push([gone.shift()!, left.shift()!])
    for (const [old, now] of pairs)
      compare([old], [now], direction, `${where}${pairs.length > 1 ? `(${nameOf(now) ?? ''})` : ''}`)
    if (before.variants.length > 0)
      for (const one of left)
        report(`${direction}-variant-added`, where, `has the new variant ${nameOf(one) ?? ''}`.trim(), one, 'new')
    if (after.variants.length > 0)
      for (const one of gone)
        report(`${direction}-variant-removed`, where, `has lost the variant ${nameOf(one) ?? ''}`.trim(), spot, 'new')
  }

  return { compare }
}

function takesObjects({ types }: Shape): boolean {
  return types === undefined || types.has('object')
}

/** What was one schema, and is a choice now (or the other way round), is a choice of one. */
function asChoice([spot]: readonly Spot[], shape: Shape, other: Shape): Shape {
  const isChoice = (one: Shape) => one.variants.length > 0 && one.properties.size === 0
  if (!isChoice(other) || shape.variants.length > 0 || !spot) return shape
  return { ...NOTHING_SAID, types: shape.types, variants: [spot] }
}

const NOTHING_SAID: Omit<Shape, 'types' | 'variants'> = {
  values: undefined,
  bounds: new Map(),
  pattern: undefined,
  format: undefined,
  properties: new Map(),
  required: new Set(),
  closed: false,
  additional: undefined,
  items: [],
  default: undefined,
  readOnly: false,
  writeOnly: false,
}

interface Here {
  readonly direction: Direction
  readonly where: string
  readonly spot: Spot
  readonly report: ReportChange
}

function visible(
  shape: Shape,
  references: References,
  isVisible: (shape: Shape) => boolean,
): Map<string, readonly Spot[]> {
  return new Map([...shape.properties].filter(([, spots]) => isVisible(shapeOf(spots, references))))
}

function isSendable({ readOnly }: Shape): boolean {
  return !readOnly
}

function isReadable({ writeOnly }: Shape): boolean {
  return !writeOnly
}

function compareTypes(before: Shape, after: Shape, { direction, where, spot, report }: Here): void {
  const gone = missingFrom(before.types, after.types)
  const more = missingFrom(after.types, before.types)
  if (gone.length > 0)
    report(
      `${direction}-type-narrowed`,
      where,
      `is ${inWords(after.types)} now, not ${inWords(before.types)}`,
      spot,
      'new',
    )
  else if (more.length > 0)
    report(
      `${direction}-type-widened`,
      where,
      `may be ${inWords(after.types)} now, not only ${inWords(before.types)}`,
      spot,
      'new',
    )
  // Both at once: for readers what is new counts.
  if (gone.length > 0 && more.length > 0 && direction === 'read')
    report('read-type-widened', where, `is ${inWords(after.types)} now, not ${inWords(before.types)}`, spot, 'new')
}

/** Types of the first that the second does not take. `integer` is a `number`. */
function missingFrom(these: ReadonlySet<string> | undefined, those: ReadonlySet<string> | undefined): string[] {
  if (those === undefined) return []
  if (these === undefined) return ['any']
  return [...these].filter((one) => !those.has(one) && !(one === 'integer' && those.has('number')))
}

function inWords(types: ReadonlySet<string> | undefined): string {
  return types === undefined ? 'anything' : [...types].sort().join(' or ') || 'nothing'
}

function compareValues(before: Shape, after: Shape, { direction, where, spot, report }: Here): void {
  const texts = (values: readonly unknown[] | undefined) => values?.map((one) => JSON.stringify(one))
  const old = texts(before.values)
  const now = texts(after.values)
  if (old === undefined && now === undefined) return
  if (old === undefined) report(`${direction}-values-removed`, where, `takes only ${now!.join(', ')} now`, spot, 'new')
  else if (now === undefined)
    report(`${direction}-values-added`, where, 'is not limited to known values now', spot, 'new')
  else {
    const gone = old.filter((one) => !now.includes(one))
    const more = now.filter((one) => !old.includes(one))
    if (gone.length > 0)
      report(`${direction}-values-removed`, where, `has lost the value ${gone.join(', ')}`, spot, 'new')
    if (more.length > 0) report(`${direction}-values-added`, where, `has the new value ${more.join(', ')}`, spot, 'new')
  }
}

function compareBounds(before: Shape, after: Shape, { direction, where, spot, report }: Here): void {
  for (const name of [...LOWER, ...UPPER, 'multipleOf'] as const) {
    const old = before.bounds.get(name)
    const now = after.bounds.get(name)
    if (old === now) continue
    const what =
      name === 'uniqueItems' ? `has elements that ${now ? 'have to' : 'need not'} differ now` : changed(name, old, now)
    report(`${direction}-bound-${isNarrower(name, old, now) ? 'narrowed' : 'widened'}`, where, what, spot, 'new')
  }
}

function isNarrower(name: Bound, old: number | undefined, now: number | undefined): boolean {
  if (now === undefined) return false
  if (old === undefined) return true
  if (name === 'multipleOf') return !Number.isInteger(Math.round((old / now) * 1e6) / 1e6)
  return (LOWER as readonly string[]).includes(name) ? now > old : now < old
}

function comparePatterns(before: Shape, after: Shape, { direction, where, spot, report }: Here): void {
  for (const name of ['pattern', 'format'] as const) {
    const old = before[name]
    const now = after[name]
    if (old === now) continue
    const what = changed(name, old, now)
    const isWider = name === 'format' && (WIDER[old ?? ''] ?? []).includes(now ?? '')
    if (old === undefined && NOTES.has(now!)) continue
    if (direction === 'sent') {
      const kind =
        old === undefined
          ? 'sent-pattern-added'
          : now === undefined || isWider
            ? 'sent-pattern-removed'
            : name === 'format'
              ? 'sent-pattern-added'
              : 'sent-pattern-changed'
      report(kind, where, what, spot, 'new')
    } else report(old === undefined ? 'read-pattern-added' : 'read-pattern-changed', where, what, spot, 'new')
  }
}

/** Formats that take all that another takes. */
const WIDER: Readonly<Record<string, readonly string[]>> = { int32: ['int64'], float: ['double'] }
/** Formats that say how to show or hold a value, and refuse none. */
const NOTES = new Set(['password', 'double', 'float', 'int64', 'binary', 'byte', 'markdown'])

function nameOf(spot: Spot): string | undefined {
  const { $ref: reference, title, type, const: value } = fieldsOf(spot)
  const named = textOf(reference)?.split('/').at(-1) ?? textOf(title)
  return (
    named ??
    (value !== undefined ? JSON.stringify(value) : typeof type === 'string' && type !== 'object' ? type : undefined)
  )
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function shown(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}
