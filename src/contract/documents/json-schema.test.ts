import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import { decodeId, newId } from '../../base/ids.ts'
import { decimalsOf } from '../../base/money.ts'
import { bodyCheck, checkOf, readTime } from '../check.ts'
import type { Contract } from '../contract.ts'
import { type AnyField, type FieldSpec, type Fields, specsOf, t } from '../fields.ts'
import { resource, service } from '../index.ts'
import { surfaceOf } from '../versions.ts'
import { answerSchema, bodySchema, changeSchema, type JsonSchema, valueSchema } from './json-schema.ts'

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { email: true, 'date-time': isTime } })
ajv.addKeyword({
  keyword: 'x-lintel-decimals',
  type: 'number',
  validate: (most: number, it: number) => decimalsOf(it) <= most,
})
ajv.addVocabulary(['x-lintel-default', 'x-lintel-only', 'x-lintel-transitions'])

function isTime(text: string): boolean {
  return readTime(text) !== undefined
}

const request = (field: AnyField) => valueSchema(field.spec, 'request')
const body = (fields: Fields) => bodySchema(specsOf(fields), 'request')

describe('a body is refused by its schema exactly where it is refused by the service', () => {
  for (const contract of [users, orders] as Contract[])
    for (const operation of contract.served)
      for (let version = 1; version <= contract.latest; version++) {
        const { body } = surfaceOf(contract, operation, version)
        if (!body) continue
        const partial = operation.verb === 'update' && !operation.resource!.input.update
        test(`${operation.id} of version ${version}`, () => agree(body, partial))
      }

  test('objects in objects, lists of objects, times, patterns and numbers that may be null', () => {
    const fields = {
      name: t.text({ min: 2, max: 4 }),
      code: t.text({ pattern: /^[a-z]+$/ }).nullable(),
      address: t.object({
        city: t.text(),
        zip: t.text({ max: 5 }).optional(),
        at: t.object({ lat: t.decimal({ scale: 3 }) }),
      }),
      lines: t.list(t.object({ amount: t.money().optional(), tags: t.list(t.oneOf('a', 'b'), { min: 1, max: 2 }) })),
      open: t.boolean().default(true),
      size: t.oneOf('s', 'm').optional(),
      since: t.time().optional(),
      total: t.money().server(),
      secret: t.text().hidden(),
    }
    agree(specsOf(fields), false)
    agree(specsOf(fields), true)
  })

  test('addresses', () => {
    const check = checkOf(t.email().spec)
    const validate = ajv.compile(request(t.email()))
    const text = fc.string({ unit: fc.constantFrom(...'aé1.@-+"<>(),:;[]\\ \t\u0085\u007f\u{1f600}'), maxLength: 12 })
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.tuple(text, text).map(([a, b]) => `${a}@${b}.de`),
        ),
        (address) => {
          const faults: never[] = []
          check(address, '', faults)
          expect(validate(address), address).toBe(faults.length === 0)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

test('R-BODY-1: the pattern of an id takes what decodeId takes', () => {
  const pattern = new RegExp(request(t.id('usr')).pattern!, 'u')
  const id = newId('usr')
  fc.assert(
    fc.property(fc.nat(id.length - 1), fc.constantFrom(...'0789abilouzAZ_-'), (place, letter) => {
      const text = id.slice(0, place) + letter + id.slice(place + 1)
      expect(pattern.test(text), text).toBe(decodeId('usr', text) !== undefined)
    }),
  )
})

test('R-BODY-4: a text without a pattern of its own takes any character but NUL', () => {
  const validate = ajv.compile(request(t.text()))
  expect(validate('a\nb')).toBe(true)
  expect(validate('a\0b')).toBe(false)
})

test('R-BODY-4: a body takes no more than its fields, without those that the server sets', () => {
  expect(body({ name: t.text(), total: t.money().server(), hash: t.text().hidden() })).toMatchObject({
    properties: { name: {} },
    required: ['name'],
    additionalProperties: false,
  })
})

test('a default is said in words and in an extension: by the keyword generated clients would require the field', () => {
  const fields = {
    size: t.oneOf('s', 'm').default('s'),
    note: t.text().default(''),
    tags: t.list(t.text()).default(['a']),
  }
  const { properties, required } = body(fields)
  expect(properties!.size).toEqual({
    type: 'string',
    enum: ['s', 'm'],
    description: '`s` by default.',
    'x-lintel-default': 's',
  })
  expect(properties!.note!.description).toBe('Empty by default.')
  expect(properties!.tags!.description).toBe('`["a"]` by default.')
  expect(required).toBeUndefined()
  const patch = bodySchema(specsOf(fields), 'patch')
  expect(patch.properties!.size).toEqual({ type: 'string', enum: ['s', 'm'] })
})

describe('examples', () => {
  const everything = {
    title: t.text({ min: 2, max: 20 }),
    unitCode: t.text({ pattern: /^\d{3}$/ }),
    sku: t.text({ pattern: /^[A-Z]-\d$/ }).example('A-1'),
    contact: t.email(),
    price: t.money(),
    fee: t.money({ max: 5 }),
    weight: t.decimal({ scale: 3, min: 2 }),
    count: t.integer({ min: 3 }),
    at: t.time(),
    currency: t.currency().default('USD'),
    tags: t.list(t.text({ max: 10 })),
    roles: t.list(t.oneOf('member', 'admin')),
    kind: t.oneOf('a', 'b').default('a'),
    lines: t.list(t.object({ name: t.text() })),
    key: t.id('usr'),
    note: t.text().optional(),
  }

  test('are what the contract gives, else made of the kind and the name, else none', () => {
    const { properties } = body(everything)
    const shown = Object.entries(properties!).map(([name, schema]) => [name, schema.examples?.[0]])
    expect(Object.fromEntries(shown)).toEqual({
      title: 'Title',
      unitCode: undefined,
      sku: 'A-1',
      contact: 'ada@example.com',
      price: 19.99,
      fee: 5,
      weight: 2,
      count: 3,
      at: '2026-01-31T09:30:00.000Z',
      currency: 'USD',
      tags: ['Tags'],
      roles: ['member'],
      kind: undefined,
      lines: undefined,
      key: 'usr_01h455vb4pex5vsknk084sn02q',
      note: 'Note',
    })
    expect(properties!.lines!.items!.properties!.name!.examples).toEqual(['Name'])
  })

  test('keep to their schemas, in everything that is asked and answered', () => {
    const bodies: JsonSchema[] = [body(everything), answerSchema(specsOf(everything))]
    for (const contract of [users, orders] as Contract[])
      for (const operation of contract.served)
        for (let version = 1; version <= contract.latest; version++) {
          const { body: given, answer } = surfaceOf(contract, operation, version)
          if (given) bodies.push(bodySchema(given, 'request'), changeSchema(given, 'patch'))
          if (answer) bodies.push(answerSchema(answer))
        }
    let count = 0
    for (const schema of bodies.flatMap((one) => [...within(one)]))
      for (const example of schema.examples ?? []) {
        count++
        expect(ajv.validate(schema, example), JSON.stringify(schema)).toBe(true)
      }
    expect(count).toBeGreaterThan(200)
  })

  test('one that its own field would refuse is refused when the contract is defined', () => {
    const define = () =>
      resource('thing', { id: 'thg', fields: { code: t.text({ max: 3 }).example('long') }, access: { get: 'public' } })
    expect(() => service('things', { resources: { things: define() } })).toThrow(
      'has an example that fails its own check: it must have at most 3 characters',
    )
  })
})

function* within(schema: JsonSchema): Generator<JsonSchema> {
  yield schema
  for (const member of Object.values(schema.properties ?? {})) yield* within(member)
  if (schema.items) yield* within(schema.items)
}

test('R-BODY-3: decimals are said in an extension, not by multipleOf', () => {
  const schema = request(t.money({ max: 10 }))
  expect(schema).toMatchObject({ type: 'number', minimum: 0, maximum: 10, 'x-lintel-decimals': 2 })
  expect(schema).not.toHaveProperty('multipleOf')
})

test('what may be null says so, also as an enum and as a reference', () => {
  expect(request(t.boolean().nullable()).type).toEqual(['boolean', 'null'])
  expect(request(t.oneOf('a').optional())).toMatchObject({ type: ['string', 'null'], enum: ['a', null] })
  const schema = valueSchema(t.id('usr').optional().spec, 'request', () => '#/UserId')
  expect(schema).toEqual({ anyOf: [{ $ref: '#/UserId' }, { type: 'null' }] })
})

test('R-BODY-7: an answer has every field that is shown, and no other', () => {
  const schema = answerSchema(
    specsOf({ id: t.id('usr'), nick: t.text().optional(), password: t.text().inputOnly(), hash: t.text().hidden() }),
  )
  expect(schema.required).toEqual(['id', 'nick'])
  const validate = ajv.compile(schema)
  expect(validate({ id: newId('usr'), nick: null })).toBe(true)
  expect(validate({ id: newId('usr'), nick: null, hash: 'x' })).toBe(false)
})

test('a pattern that JSON Schema would read otherwise is left to its hint', () => {
  const hinted = { patternHint: 'a word' }
  for (const pattern of [/^[a-z]+$/i, /^a$/m, /^a{,2}$/]) {
    const schema = request(t.text({ pattern, ...hinted }))
    expect(schema.pattern).not.toBe(pattern.source)
    expect(schema.description).toBe('Must be a word.')
  }
  expect(request(t.text({ pattern: /^[a-z]+$/, ...hinted })).pattern).toBe('^[a-z]+$')
})

test('R-AUTH-8: a field that only some roles may give says so', () => {
  expect(request(t.money().only('admin'))['x-lintel-only']).toEqual(['admin'])
  expect(request(t.text().default('a').only('admin', 'editor')).description).toBe(
    '`a` by default. Only `admin` or `editor` may give another value than the default, or change it.',
  )
})

/** Schema and service agree on bodies that are right, wrong in one place, or wrong in many. */
function agree(specs: Readonly<Record<string, FieldSpec>>, partial: boolean) {
  const validate = ajv.compile(bodySchema(specs, partial ? 'patch' : 'request'))
  const check = bodyCheck(specs)
  let accepted = 0
  fc.assert(
    fc.property(objectOf(specs), (value) => {
      const faults = check(value, partial)
      if (faults.length === 0) accepted++
      expect(validate(value), `${JSON.stringify(value)} ${JSON.stringify(faults)}`).toBe(faults.length === 0)
    }),
    { numRuns: 500 },
  )
  expect(accepted).toBeGreaterThan(20)
}

const STRAYS = fc.constantFrom<unknown>(null, 5, '5', true, [], {}, '')

function objectOf(specs: Readonly<Record<string, FieldSpec>>): fc.Arbitrary<unknown> {
  const members = Object.entries(specs).map(([name, spec]) => {
    const given = mostly(valueOrNull(spec), STRAYS)
    const absent = fc.constant(undefined)
    const usual = spec.server ? absent : given
    return fc.tuple(
      fc.constant(name),
      fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: spec.server ? given : absent }),
    )
  })
  const stray = mostly(fc.constant(['extra', undefined] as const), fc.constant(['extra', 1] as const))
  return fc
    .tuple(...members, stray)
    .map((pairs) => Object.fromEntries(pairs.filter(([, value]) => value !== undefined)))
}

function mostly<T, U>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: seldom })
}

function valueOrNull(spec: FieldSpec): fc.Arbitrary<unknown> {
  const value = likely(spec)
  return spec.nullable ? fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) }) : value
}

function likely(spec: FieldSpec): fc.Arbitrary<unknown> {
  const { min = -100, max = 100 } = spec
  switch (spec.kind) {
    case 'text':
      if (spec.pattern) return mostly(fc.stringMatching(spec.pattern), fc.string())
      return mostly(
        fc
          .string({ minLength: min, maxLength: Math.min(max, min + 20), unit: 'grapheme-composite' })
          .filter((s) => [...s].length <= max),
        fc.constantFrom('', 'é'.repeat(max), '\u{1f600}'.repeat(max), 'x'.repeat(max + 1), '\u{1f600}'.repeat(max + 1)),
      )
    case 'email':
      return mostly(
        fc.constantFrom('ada@example.com', 'é@b.c'),
        fc.constantFrom('a@b', 'a b@c.d', `${'a'.repeat(255)}@b.c`),
      )
    case 'integer':
      return mostly(fc.integer({ min, max }), fc.constantFrom(min, max, min - 1, max + 1, 1.5))
    case 'decimal':
    case 'money': {
      const unit = 10 ** spec.scale!
      const usual = fc.integer({ min: Math.ceil(min * 10), max: Math.min(max * 10, 1e6) }).map((n) => n / 10)
      return mostly(usual, fc.constantFrom(min, max, min - 1, max + 1, 1 / unit, 7 / unit, 1.1 / unit))
    }
    case 'boolean':
      return fc.boolean()
    case 'time':
      return mostly(
        fc.constantFrom('2026-01-31T12:00:00Z', '2024-02-29t00:00:00.123456+05:30'),
        fc.constantFrom('2026-02-29T00:00:00Z', '2026-01-31', '2026-01-31T24:00:00Z', '2026-01-31T12:00:00'),
      )
    case 'id':
      return mostly(fc.constant(newId(spec.prefix!)), fc.constantFrom(newId('xyz'), newId(spec.prefix!).toUpperCase()))
    case 'oneOf':
      return mostly(fc.constantFrom(...spec.values!), fc.constantFrom('none', 'NONE'))
    case 'list':
      return mostly(
        fc.array(valueOrNull(spec.of!), { minLength: min, maxLength: Math.min(max, min + 3) }),
        fc.constantFrom([], Array(Math.min(max, 1000) + 1).fill('a')),
      )
    case 'object':
      return objectOf(spec.fields!)
  }
}
