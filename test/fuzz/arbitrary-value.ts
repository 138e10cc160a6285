import fc from 'fast-check'
import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'
import type { Described } from './document.ts'
import { Seen } from './known.ts'
import { STRANGE } from './strange.ts'

/**
 * Values that keep to a schema, as far as the documents use JSON Schema. What a member's name says of it is used: where
 * something of that name (or an id of that kind) is known, it is often taken.
 */
export function schemaValue(schema: JsonSchema, described: Described, name = ''): fc.Arbitrary<unknown> {
  const of = described.look(schema)
  if (of.enum) return fc.constantFrom(...of.enum)
  if (of.anyOf && of.type === undefined)
    return fc.oneof(
      ...of.anyOf.map((one) => ({ weight: one.type === 'null' ? 1 : 4, arbitrary: schemaValue(one, described, name) })),
    )
  if (Array.isArray(of.type)) {
    const [type, ...others] = of.type as string[]
    const alone = schemaValue({ ...of, type: type! }, described, name)
    return others.includes('null')
      ? fc.oneof({ weight: 4, arbitrary: alone }, { weight: 1, arbitrary: fc.constant(null) })
      : alone
  }
  const keeps = (value: unknown) => described.faults(of, value).length === 0
  switch (of.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return numberOf(of).filter(keeps)
    case 'array':
      return listOf(of, described, name)
    case 'object':
      return objectOf(of, described)
    case 'string':
      return textOf(of, name, keeps)
  }
  throw new Error(`no values for the schema ${JSON.stringify(of)}`)
}

function numberOf({ type, minimum, maximum, 'x-lintel-decimals': decimals = 0 }: JsonSchema): fc.Arbitrary<number> {
  const [min, max] = [minimum ?? -(2 ** 31), maximum ?? 2 ** 31]
  const unit = type === 'integer' ? 1 : 10 ** decimals
  const near = (from: number, to: number) => fc.integer({ min: Math.max(min, from), max: Math.min(max, to) })
  const start = Math.max(min, 0)
  return fc.oneof(
    { weight: 5, arbitrary: near(start, start + 3) },
    { weight: 2, arbitrary: near(start, start + 100_000).map((n) => Math.max(min, n / unit)) },
    {
      weight: 2,
      arbitrary: fc.maxSafeInteger().map((n) => Math.round(Math.min(max, Math.max(min, n / unit)) * unit) / unit),
    },
    { weight: 2, arbitrary: fc.constantFrom(min, max) },
  )
}

function listOf(of: JsonSchema, described: Described, name: string): fc.Arbitrary<unknown> {
  const item = schemaValue(of.items!, described, name)
  const { minItems = 0, maxItems = 100 } = of
  const few = fc.array(item, { minLength: Math.max(minItems, 1), maxLength: Math.min(maxItems, minItems + 3) })
  const fewest = fc.array(item, { minLength: minItems, maxLength: minItems })
  const many = fc.array(item, { minLength: minItems, maxLength: maxItems, size: 'max' })
  return fc.oneof({ weight: 17, arbitrary: few }, { weight: 2, arbitrary: fewest }, { weight: 1, arbitrary: many })
}

/**
 * Often with just one of the members that may be left out: each that is given has its own reasons to be refused. Without
 * those that are read-only: what they may be, only the thing can say.
 */
function objectOf({ properties: all = {}, required = [] }: JsonSchema, described: Described): fc.Arbitrary<unknown> {
  const properties = Object.fromEntries(Object.entries(all).filter(([, { readOnly }]) => !readOnly))
  const memberOf = ([name, schema]: [string, JsonSchema]) =>
    schemaValue(schema, described, name).map((value) => [name, value] as const)
  const needed = Object.entries(properties)
    .filter(([name]) => required.includes(name))
    .map(memberOf)
  const rest = Object.entries(properties)
    .filter(([name]) => !required.includes(name))
    .map(memberOf)
  const withOne = rest.map((one) => fc.tuple(...needed, one))
  const withAny = fc.tuple(...needed, ...rest.map((one) => fc.option(one, { nil: undefined, freq: 2 })))
  const members: fc.Arbitrary<(readonly [string, unknown] | undefined)[]> = fc.oneof(
    ...withOne.map((arbitrary) => ({ weight: 1, arbitrary })),
    {
      weight: rest.length + 1,
      arbitrary: withAny,
    },
  )
  return members.map((given) => Object.fromEntries(given.filter((member) => member !== undefined)))
}

function textOf(of: JsonSchema, name: string, keeps: (value: unknown) => boolean): fc.Arbitrary<unknown> {
  const [, me, id] = /^\^\(?(me\|)?([a-z]+)_\[0-7\]/.exec(of.pattern ?? '') ?? []
  if (id)
    return fc.oneof({ weight: 2, arbitrary: seenOr(id, matching(of.pattern!), 6) }, ...(me ? [fc.constant('me')] : []))
  if (of.format === 'date-time' || of.anyOf) return times(of).filter(keeps)
  const { minLength = 0, maxLength = 300 } = of
  if (of.format === 'email') {
    // Lengths are in characters, whatever each of them takes.
    const longest = ['x', 'ß', '😀'].map((unit) => `${unit.repeat(maxLength - 5)}@x.io`)
    return seenOr(
      name,
      fc.oneof(matching(of.pattern!), fc.emailAddress(), fc.constantFrom(...longest)).filter(keeps),
      1,
    )
  }
  const edges = [minLength, maxLength].flatMap((length) => ['x', 'ß', '😀'].map((unit) => unit.repeat(length)))
  const plain = fc.string({ minLength, maxLength, unit: 'grapheme-ascii', size: 'small' })
  const wild = fc.string({ minLength, maxLength, unit: 'binary', size: 'small' })
  const odd = fc.constantFrom(
    ...[...STRANGE, ...edges].filter((text) => keeps(text) && isWellFormed(text)),
    'x'.repeat(minLength),
  )
  const fresh = patterned(of.pattern) ? matching(of.pattern!) : fc.oneof({ weight: 2, arbitrary: plain }, wild, odd)
  return seenOr(name, fresh.filter(keeps), 1)
}

/** Whether a pattern says more than that there is no NUL. */
function patterned(pattern: string | undefined): boolean {
  return pattern !== undefined && !pattern.includes('\\x00]*$')
}

function seenOr(name: string, fresh: fc.Arbitrary<unknown>, weight: number): fc.Arbitrary<unknown> {
  const seen = fc.tuple(nth(), fresh).map(([back, otherwise]) => new Seen(name, back, otherwise))
  return fc.oneof({ weight, arbitrary: seen }, { weight: 1, arbitrary: fresh })
}

/** How far back to reach: mostly to what is new, for what is old may be gone. */
export function nth(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(2), fc.nat(19))
}

/** Making one of these takes 10 ms. */
const patterns = new Map<string, fc.Arbitrary<string>>()

function matching(pattern: string): fc.Arbitrary<string> {
  const made = patterns.get(pattern) ?? fc.stringMatching(new RegExp(pattern, 'u'))
  patterns.set(pattern, made)
  return made
}

function times({ anyOf }: JsonSchema): fc.Arbitrary<string> {
  const range = { min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true }
  const recent = { min: new Date('2026-01-01T00:00:00Z'), max: new Date('2027-01-01T00:00:00Z'), noInvalidDate: true }
  const zone = fc.constantFrom('Z', 'Z', 'z', '+00:00', '-00:00', '+05:30', '-23:59', '+23:59')
  const fraction = fc.constantFrom('', '.0', '.5', '.999', '.123456789')
  const time = fc
    .tuple(fc.oneof(fc.date(range), fc.date(recent)), fraction, zone)
    .map(([date, rest, at]) => date.toISOString().slice(0, 19) + rest + at)
  const edges = fc.constantFrom(
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '2028-02-29T23:59:59Z',
    '1969-12-31T23:59:59.999Z',
  )
  return anyOf
    ? fc.oneof(
        time,
        edges,
        fc.date(range).map((date) => date.toISOString().slice(0, 10)),
      )
    : fc.oneof({ weight: 4, arbitrary: time }, edges)
}

/** Half a surrogate pair is no text that JSON could carry. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}
