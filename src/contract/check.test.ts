import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEmail } from '../base/email.ts'
import { newId } from '../base/ids.ts'
import { bodyCheck, checkOf, readTime, withDefaults } from './check.ts'
import { type AnyField, type FieldSpec, type Fields, specsOf, t } from './fields.ts'

/** Faults of a body as `field: message`. */
function faults(fields: Fields, body: unknown, partial = false): string[] {
  return bodyCheck(specsOf(fields))(body, partial).map(({ field, message }) => `${field}: ${message}`)
}

/** What is wrong with one value; undefined when nothing is. */
function fault({ spec }: AnyField, value: unknown): string | undefined {
  const found: { field: string; message: string }[] = []
  checkOf(spec)(value, '', found)
  return found[0]?.message
}

/** Any character of Unicode; of UTF-16 some take two. */
const codePoint = fc
  .integer({ min: 0, max: 0x10_ffff - 0x800 })
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800))

const Order = {
  id: t.id('ord').server(),
  name: t.text({ min: 1, max: 5 }),
  items: t.list(t.object({ productId: t.id('prd'), quantity: t.integer({ min: 1 }), note: t.text().optional() }), {
    min: 1,
    max: 3,
  }),
  address: t.object({ city: t.text({ min: 1 }), zip: t.text().optional(), floor: t.integer().default(0) }).optional(),
  paid: t.boolean().default(false),
  dueAt: t.time().nullable(),
}
const item = (more: object = {}) => ({ productId: newId('prd'), quantity: 1, ...more })
const order = (more: object = {}) => ({ name: 'Ada', items: [item()], dueAt: null, ...more })

describe('a whole body', () => {
  test('R-BODY-4: what fits has no faults', () => {
    expect(faults(Order, order())).toEqual([])
    expect(
      faults(Order, order({ address: { city: 'Rome', zip: null }, paid: true, dueAt: '2026-01-31T12:00:00Z' })),
    ).toEqual([])
  })

  test('R-BODY-5: every faulty field is named at once, nested ones by their path', () => {
    const body = {
      name: '',
      items: [item(), item({ quantity: 0 }), { quantity: '1', note: 5, colour: 'red' }],
      address: { zip: 12, floor: 1.5 },
      paid: 'yes',
      colour: 'red',
    }
    expect(faults(Order, body)).toEqual([
      'name: must not be empty',
      'items[1].quantity: must be at least 1',
      'items[2].productId: is required',
      'items[2].quantity: must be a whole number',
      'items[2].note: must be a string',
      'items[2].colour: is not a field of this request',
      'address.city: is required',
      'address.zip: must be a string',
      'address.floor: must be a whole number',
      'paid: must be true or false',
      'dueAt: is required',
      'colour: is not a field of this request',
    ])
  })

  test('R-BODY-4: an unknown field is refused by its name, also one that every object has', () => {
    expect(faults(Order, order({ colour: 'red' }))).toEqual(['colour: is not a field of this request'])
    expect(faults(Order, order({ constructor: 'x', hasOwnProperty: 1 }))).toEqual([
      'constructor: is not a field of this request',
      'hasOwnProperty: is not a field of this request',
    ])
  })

  test('of an unknown field the name is told up to 200 characters', () => {
    expect(faults({}, { ['x'.repeat(200)]: 1, ['y'.repeat(201)]: 1 })).toEqual([
      `${'x'.repeat(200)}: is not a field of this request`,
      `${'y'.repeat(200)}…: is not a field of this request`,
    ])
  })

  test('FC-92: of all faults of a body fifty are told, those of fields that the contract names first', () => {
    const unknown = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x${i}`, i]))
    expect(faults({}, unknown)).toHaveLength(50)
    const told = faults({ at: t.text(), on: t.object({}) }, { ...unknown, on: 1 })
    expect(told).toHaveLength(50)
    expect(told.slice(0, 2)).toEqual(['at: is required', 'on: must be an object'])
    const items = t.list(t.object({ quantity: t.integer() }), { max: 1_000 })
    expect(faults({ items }, { items: Array(1_000).fill(unknown) })).toHaveLength(50)
    expect(faults({ items }, { items: Array(1_000).fill(1) })).toHaveLength(50)
    expect(faults({ items }, { items: Array(49).fill({}), a: 1 })).toHaveLength(50)
  })

  test('FC-104: an unknown field whose name is not plain stands in brackets and quotes', () => {
    const at = t.object({ b: t.text() })
    expect(faults({ a: at }, { a: { b: 'x', 'c.d': 1 }, 'a.b': 1, 'x[0]': 1, '': 1, 'a b': 1, 'a"]': 1 })).toEqual([
      'a["c.d"]: is not a field of this request',
      '["a.b"]: is not a field of this request',
      '["x[0]"]: is not a field of this request',
      '[""]: is not a field of this request',
      '["a b"]: is not a field of this request',
      '["a\\"]"]: is not a field of this request',
    ])
  })

  test('R-BODY-4: a read-only field is refused by its name, whatever its value', () => {
    for (const id of [newId('ord'), null, 5]) expect(faults(Order, order({ id }))).toEqual(['id: is read-only'])
  })

  test('R-BODY-4: null is no absent field', () => {
    expect(faults(Order, order({ name: null, items: null, paid: null }))).toEqual([
      'name: must be a string',
      'items: must be a list',
      'paid: must be true or false',
    ])
  })

  test.each([[null], [[]], [[order()]], ['{}'], [5], [true], [undefined]])(
    'R-BODY-4: a body that is no object (%j) is one fault',
    (body) => {
      expect(faults(Order, body)).toEqual([': the body must be a JSON object'])
      expect(faults(Order, body, true)).toEqual([': the body must be a JSON object'])
    },
  )

  test('R-BODY-5: a list that is too long is one fault, however much is wrong in it', () => {
    expect(faults(Order, order({ items: Array(1_000_000).fill('x') }))).toEqual(['items: must have at most 3 members'])
  })

  test('R-BODY-5: a list that is too short is named beside what is wrong in it', () => {
    const two = { pair: t.list(t.integer(), { min: 2 }) }
    expect(faults(two, { pair: ['x'] })).toEqual([
      'pair: must have at least 2 members',
      'pair[0]: must be a whole number',
    ])
    expect(faults(two, { pair: { length: 2 } })).toEqual(['pair: must be a list'])
  })

  test('R-BODY-5: lists in lists have paths', () => {
    expect(faults({ grid: t.list(t.list(t.integer())) }, { grid: [[1], [2, 'x']] })).toEqual([
      'grid[1][1]: must be a whole number',
    ])
  })
})

describe('a merge patch', () => {
  test('R-REST-2: what is left out stays as it was', () => {
    expect(faults(Order, {}, true)).toEqual([])
    expect(faults(Order, { address: { zip: '00100' } }, true)).toEqual([])
  })

  test('R-REST-2: null clears what may be null, and is refused for the rest', () => {
    expect(faults(Order, { dueAt: null, address: null }, true)).toEqual([])
    expect(faults(Order, { address: { zip: null } }, true)).toEqual([])
    expect(faults(Order, { name: null, paid: null, address: { city: null } }, true)).toEqual([
      'name: must be a string',
      'address.city: must be a string',
      'paid: must be true or false',
    ])
  })

  test('R-REST-2: a list is replaced, so its members are whole', () => {
    expect(faults(Order, { items: [{ quantity: 2 }] }, true)).toEqual(['items[0].productId: is required'])
  })

  test('R-BODY-4: unknown and read-only fields are refused as ever', () => {
    expect(faults(Order, { id: newId('ord'), address: { street: 'x' }, colour: 1 }, true)).toEqual([
      'id: is read-only',
      'address.street: is not a field of this request',
      'colour: is not a field of this request',
    ])
  })
})

describe('types are never coerced (R-BODY-4)', () => {
  const anything = [null, true, false, 0, 1, 1.5, '', '5', 'true', 'a', {}, [], ['a']]
  const takes: [string, AnyField, unknown[]][] = [
    ['text', t.text(), ['', '5', 'true', 'a']],
    ['an integer', t.integer(), [0, 1]],
    ['a decimal', t.decimal({ scale: 2 }), [0, 1, 1.5]],
    ['money', t.money(), [0, 1, 1.5]],
    ['a boolean', t.boolean(), [true, false]],
    ['a choice', t.oneOf('a', '5'), ['5', 'a']],
    ['a list', t.list(t.text()), [[], ['a']]],
    ['an object', t.object({}), [{}]],
    ['an email', t.email(), []],
    ['a time', t.time(), []],
    ['an id', t.id('usr'), []],
    ['text or null', t.text().nullable(), [null, '', '5', 'true', 'a']],
  ]
  test.each(takes)('R-BODY-4: %s takes nothing else', (_, field, taken) => {
    expect(anything.filter((value) => fault(field, value) === undefined)).toEqual(taken)
  })

  test('R-BODY-4: what JSON cannot say is no number', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 5n, undefined])
      for (const field of [t.integer(), t.decimal({ scale: 2 }), t.money()])
        expect(fault(field, value)).toMatch(/^must be a (whole )?number$/)
  })
})

describe('text', () => {
  test('lengths are in code points, as PostgreSQL counts them', () => {
    const two = t.text({ min: 2, max: 2 })
    expect(fault(two, '😀😀')).toBeUndefined()
    expect(fault(two, 'e\u0301')).toBeUndefined()
    expect(fault(two, '😀')).toBe('must have at least 2 characters')
    expect(fault(two, '😀😀😀')).toBe('must have at most 2 characters')
    expect(fault(two, 'abc')).toBe('must have at most 2 characters')
    expect(fault(t.text({ min: 1 }), '')).toBe('must not be empty')
  })

  test('a length is right for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: codePoint }), fc.nat(12), fc.nat(12), (text, min, more) => {
        const length = [...text].length
        const fits = length >= min && length <= min + more && !text.includes('\0')
        expect(fault(t.text({ min, max: min + more }), text) === undefined).toBe(fits)
      }),
    )
  })

  test('R-BODY-4: NUL is refused by the name of its field, also where the body was never JSON', () => {
    expect(faults({ name: t.text() }, { name: 'a\0b' })).toEqual(['name: must not contain NUL'])
  })

  test('a pattern says what it wants', () => {
    expect(fault(t.currency(), 'usd')).toBe('must be three capital letters (ISO 4217)')
    expect(fault(t.text({ pattern: /^\d+$/ }), 'x')).toBe('must be like ^\\d+$')
  })
})

describe('an email address', () => {
  test.each([
    'ada@example.com',
    'ada.love+list@mail.example.co.uk',
    "o'hara@example.com",
    'ä@bücher.example',
    '1@2.3',
    `${'a'.repeat(64)}@example.com`,
    // Characters are counted as a text's are: 128 of UTF-16.
    `${'😀'.repeat(64)}@example.com`,
    `a@${`${'b'.repeat(61)}.`.repeat(4)}c.de`,
    'a.b-c_d!e@x--y.io',
  ])('%s is one', (address) => expect(fault(t.email(), address)).toBeUndefined())

  test.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'ada@example',
    'ada@.com',
    'ada@example.',
    'ada@example..com',
    'a@b@example.com',
    'ada love@example.com',
    'ada@exa mple.com',
    'ada@example.com\n',
    'ada\0@example.com',
    '<ada@example.com>',
    'Ada <ada@example.com>',
    'ada@example.com,bob@example.com',
    `${'a'.repeat(65)}@example.com`,
    `${'😀'.repeat(65)}@example.com`,
    `a@${`${'b'.repeat(61)}.`.repeat(4)}cde.fg`,
    `a@${'b'.repeat(64)}.de`,
    'a@-b.com',
    'a@b_c.com',
    'a@b-.com',
    'a@b.-c.com',
    '.a@b.com',
    'a.@b.com',
    'a..b@c.com',
    'ad\u200ba@example.com',
    'ada@exam\u200dple.com',
    'ada\u00ad@example.com',
    'ada\u3164@example.com',
    '\u2800@example.com',
    'ada\u202e@example.com',
    '\ufeffada@example.com',
    'ada@ex\u226eample.com',
    'ada@ex<\u0338ample.com',
    'ada\u3000@example.com',
    'ada\uff0c@example.com',
  ])('FC-102: %j is none', (address) =>
    expect(fault(t.email(), address)).toBe('must be an email address of at most 255 characters'),
  )

  test('FC-19 FC-102: has one spelling, whatever it is given in: composed, in usual widths, in small letters beyond ASCII', () => {
    const kept = (email: string) => withDefaults({ email: t.email().spec }, { email }).email
    expect(kept('Ann.Lee@Example.com')).toBe('Ann.Lee@Example.com')
    expect(kept('jose\u0301@example.com')).toBe('jos\u00e9@example.com')
    expect(kept('Ａｎｎ@ｅｘａｍｐｌｅ.com')).toBe('ann@example.com')
    expect(kept('ΟΔΥΣΣΕΥΣ@BÜCHER.example')).toBe('οδυσσευσ@bücher.example')
    expect(kept('al\u0130ce@example.com')).toBe('alice@example.com')
    expect(kept('\u212aate@example.com')).toBe('kate@example.com')
  })

  test('FC-19: the one spelling stays as it is, and its decomposed letters come to it', () => {
    const letters = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(letters, letters, (local, host) => {
        const email = readEmail(`${local}@${host}.io`)
        if (email === undefined) return
        expect(readEmail(email)).toBe(email)
        expect(readEmail(email.normalize('NFD'))).toBe(email)
      }),
      { numRuns: 3000 },
    )
  })

  test('a hostile one costs no time', () => {
    const begun = performance.now()
    for (const hostile of [`a@${'a.'.repeat(120)}`, `${'a'.repeat(250)}@`, `a@${'a'.repeat(250)}`])
      fault(t.email(), hostile)
    expect(performance.now() - begun).toBeLessThan(50)
  })
})

describe('a time (R-BODY-2)', () => {
  test.each([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31t12:00:00z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.5Z', '2026-01-31T12:00:00.500Z'],
    ['2026-01-31T12:00:00.123456789Z', '2026-01-31T12:00:00.123Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00.000Z'],
    ['2026-01-31T23:30:00-05:30', '2026-02-01T05:00:00.000Z'],
    ['2026-01-31T12:00:00-00:00', '2026-01-31T12:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['0004-02-29T00:00:00Z', '0004-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is one, and kept as %s', (text, kept) => {
    expect(fault(t.time(), text)).toBeUndefined()
    expect(withDefaults(specsOf({ at: t.time() }), { at: text })).toEqual({ at: kept })
  })

  test.each([
    '2026-01-31',
    '2026-01-31T12:00Z',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-1-31T12:00:00Z',
    '2026-00-10T12:00:00Z',
    '2026-13-10T12:00:00Z',
    '2026-01-00T12:00:00Z',
    '2026-02-29T12:00:00Z',
    '2100-02-29T12:00:00Z',
    '2026-04-31T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-06-30T23:59:60Z',
    '2026-01-31T12:00:00.Z',
    '2026-01-31T12:00:00.1234567890Z',
    '2026-01-31T12:00:00+24:00',
    '2026-01-31T12:00:00+01:60',
    '2026-01-31T12:00:00+0100',
    '2026-01-31T12:00:00+01',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:30:00-01:00',
    '12026-01-31T12:00:00Z',
    '2026-01-31T12:00:00Z ',
    ' 2026-01-31T12:00:00Z',
    '٢٠٢٦-01-31T12:00:00Z',
    'Sat, 31 Jan 2026 12:00:00 GMT',
    '1769860800',
    '',
  ])('%j is none', (text) => expect(fault(t.time(), text)).toMatch(/^must be an RFC 3339 time/))

  test('any day is read as the calendar has it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9999 }), fc.nat(13), fc.nat(32), (year, month, day) => {
        const pad = (n: number, width = 2) => String(n).padStart(width, '0')
        const date = new Date(0)
        date.setUTCFullYear(year, month - 1, day)
        const real = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
        expect(readTime(`${pad(year, 4)}-${pad(month)}-${pad(day)}T00:00:00Z`)).toBe(real ? date.getTime() : undefined)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('an id (R-BODY-1)', () => {
  test('it has the prefix of its type and one spelling', () => {
    const id = newId('usr')
    expect(fault(t.id('usr'), id)).toBeUndefined()
    for (const wrong of [
      newId('ord'),
      id.toUpperCase(),
      id.slice(4),
      `${id} `,
      `${id}0`,
      id.slice(0, -1),
      `usr_8${id.slice(5)}`,
      'usr_',
      '',
    ])
      expect(fault(t.id('usr'), wrong), wrong).toBe('must be an id that begins with usr_')
  })
})

describe('money and decimals (R-BODY-3)', () => {
  test('R-BODY-3: more decimals than the field allows are refused, never rounded', () => {
    for (const amount of [1.005, 0.001, 10.999, 1e-7, 0.1 + 0.2, 1.1 * 3])
      expect(fault(t.money(), amount), String(amount)).toBe('must have at most 2 decimals')
    expect(fault(t.decimal({ scale: 4 }), 0.12345)).toBe('must have at most 4 decimals')
    expect(fault(t.decimal({ scale: 0 }), 0.5)).toBe('must have at most 0 decimals')
  })

  test('R-BODY-3: what has two decimals as people write it is taken', () => {
    for (const amount of [0, 0.1, 0.3, 1.15, 4.35, 8.2, 19.99, 1e3, 70_368_744_177_663.99])
      expect(fault(t.money(), amount), String(amount)).toBeUndefined()
  })

  test('R-BODY-3: an amount beyond what a number holds to the cent is refused', () => {
    for (const amount of [1e21, 70_368_744_177_664, Number.MAX_VALUE])
      expect(fault(t.money(), amount)).toBe('must be at most 70368744177663.99')
    expect(fault(t.money(), -0.01)).toBe('must be at least 0')
    expect(fault(t.money({ min: -10 }), -9.99)).toBeUndefined()
  })

  test('R-BODY-3: a decimal has 15 digits unless told otherwise, which a JSON number holds exactly', () => {
    expect(fault(t.decimal({ scale: 4 }), 99_999_999_999.9999)).toBeUndefined()
    expect(fault(t.decimal({ scale: 4 }), 1e11)).toBe('must be at most 99999999999.9999')
    expect(fault(t.decimal({ scale: 4 }), -1e21)).toBe('must be at least -99999999999.9999')
    expect(fault(t.decimal({ scale: 0 }), 1e15)).toBe('must be at most 999999999999999')
    expect(fault(t.decimal({ scale: 2, min: 0, max: 1 }), 1.01)).toBe('must be at most 1')
  })

  test('R-BODY-3: every amount of whole cents is taken', () => {
    fc.assert(fc.property(fc.nat(2 ** 31 - 1), (cents) => fault(t.money(), cents / 100) === undefined))
  })
})

describe('whole numbers', () => {
  test("they keep to PostgreSQL's integer unless told otherwise", () => {
    expect(fault(t.integer(), 2_147_483_647)).toBeUndefined()
    expect(fault(t.integer(), 2_147_483_648)).toBe('must be at most 2147483647')
    expect(fault(t.integer(), -2_147_483_649)).toBe('must be at least -2147483648')
    expect(fault(t.integer({ min: 1, max: 3 }), 4)).toBe('must be at most 3')
    expect(fault(t.integer(), 1e21)).toBe('must be at most 2147483647')
  })
})

describe('what a handler receives', () => {
  const filled = (fields: Fields, value: object) => withDefaults(specsOf(fields), value)

  test('defaults are filled in, what was left out is null, and what is read-only is not there', () => {
    expect(filled(Order, order({ items: [], address: { city: 'Rome' } }))).toEqual({
      name: 'Ada',
      items: [],
      address: { city: 'Rome', zip: null, floor: 0 },
      paid: false,
      dueAt: null,
    })
    expect(filled({ note: t.text().optional(), size: t.integer().optional().default(1) }, {})).toEqual({
      note: null,
      size: 1,
    })
  })

  test('null that was given stays null, also where there is a default', () => {
    expect(filled({ size: t.integer().nullable().default(1) }, { size: null })).toEqual({ size: null })
  })

  test('R-BODY-2: times are in UTC to the millisecond, at any depth', () => {
    const at = '2026-01-31T13:00:00.123456+01:00'
    const fields = {
      at: t.time(),
      list: t.list(t.time()),
      things: t.list(t.object({ at: t.time(), within: t.object({ at: t.time() }) })),
      days: t.list(t.list(t.time())),
    }
    const utc = '2026-01-31T12:00:00.123Z'
    expect(filled(fields, { at, list: [at], things: [{ at, within: { at } }], days: [[at]] })).toEqual({
      at: utc,
      list: [utc],
      things: [{ at: utc, within: { at: utc } }],
      days: [[utc]],
    })
  })

  test('a default that is a time is in UTC too', () => {
    expect(filled({ at: t.time().default('2026-01-01T00:00:00+02:00') }, {})).toEqual({
      at: '2025-12-31T22:00:00.000Z',
    })
  })

  test('a handler that changes what it was given does not change the contract', () => {
    const fields = {
      roles: t.list(t.oneOf('member', 'admin')).default(['member']),
      place: t.object({ tags: t.list(t.text()) }).default({ tags: [] }),
    }
    const first = filled(fields, {}) as { roles: string[]; place: { tags: string[] } }
    first.roles.push('admin')
    first.place.tags.push('x')
    expect(filled(fields, {})).toEqual({ roles: ['member'], place: { tags: [] } })
  })

  test('the body that was given is left as it was', () => {
    const given = order({ dueAt: '2026-01-31T13:00:00+01:00' })
    const copy = structuredClone(given)
    filled(Order, given)
    expect(given).toEqual(copy)
  })
})

/** A field with values that fit it, and values that do not, each by one fault. */
interface Sample {
  readonly field: AnyField
  readonly fits: fc.Arbitrary<unknown>
  readonly misfits: fc.Arbitrary<unknown>
}

const strange = fc.constantFrom<unknown>(undefined, Number.NaN, 5n)
const sample = (field: AnyField, fits: fc.Arbitrary<unknown>, ...misfits: unknown[]): Sample => ({
  field,
  fits,
  misfits: fc.constantFrom<unknown>(null, ...misfits),
})
const range = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.nat(5)).map(([min, more]) => ({ min, max: min + more }))

const leaves: fc.Arbitrary<Sample> = fc.oneof(
  range(0, 4).map((limits) => {
    const unit = codePoint.filter((one) => one !== '\0')
    const fits = fc.string({ unit, minLength: limits.min, maxLength: limits.max })
    const short = limits.min > 0 ? ['😀'.repeat(limits.min - 1)] : []
    return sample(t.text(limits), fits, 5, true, {}, [], 'x'.repeat(limits.max + 1), ...short)
  }),
  range(-1000, 1000).map((limits) =>
    sample(
      t.integer(limits),
      fc.integer(limits),
      limits.min - 1,
      limits.max + 1,
      limits.min + 0.5,
      String(limits.min),
      true,
      [],
    ),
  ),
  fc.nat(4).map((scale) => {
    const fits = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 10 ** scale)
    return sample(t.decimal({ scale }), fits, 10 ** -(scale + 1), '1', 1e300, false, [1])
  }),
  fc.constant(
    sample(
      t.money(),
      fc.nat(1_000_000_000).map((n) => n / 100),
      -1,
      0.005,
      1.005,
      '1.00',
      1e21,
    ),
  ),
  fc.constant(sample(t.boolean(), fc.boolean(), 0, 1, 'true', '')),
  fc.constant(
    sample(
      t.time(),
      fc
        .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
        .map((at) => at.toISOString()),
      '2026-01-31',
      1769860800,
      'now',
      '2026-02-30T00:00:00Z',
    ),
  ),
  fc.constant(
    sample(
      t.id('abc'),
      fc.constant(null).map(() => newId('abc')),
      newId('abd'),
      'abc_',
      5,
    ),
  ),
  fc.constant(sample(t.oneOf('a', 'b'), fc.constantFrom('a', 'b'), 'c', 'A', '', 0, ['a'])),
  fc.constant(sample(t.email(), fc.constantFrom('a@b.c', 'ada@example.com'), 'a@b', 'a b@c.d', 5)),
)

const listOf = ({ field, fits, misfits }: Sample, limits: { min: number; max: number }): Sample => {
  const members = (length: { minLength: number; maxLength: number }) => fc.array(fits, length)
  const within = members({ minLength: Math.max(1, limits.min), maxLength: Math.max(1, limits.max) })
  return {
    field: t.list(field, limits),
    fits: members({ minLength: limits.min, maxLength: limits.max }),
    misfits: fc.oneof(
      members({ minLength: limits.max + 1, maxLength: limits.max + 1 }),
      fc.constantFrom<unknown>(null, {}, 'x', 5),
      ...(limits.max === 0
        ? []
        : [fc.tuple(within, misfits, fc.nat()).map(([all, wrong, i]) => all.with(i % all.length, wrong))]),
    ),
  }
}

const maybe = (one: Sample, how: 'plain' | 'nullable' | 'optional'): Sample =>
  how === 'plain'
    ? one
    : {
        field: how === 'nullable' ? one.field.nullable() : one.field.optional(),
        fits: fc.option(one.fits),
        misfits: one.misfits.filter((value) => value !== null),
      }

const NAMES = ['a', 'b', 'c']
const objectOf = (members: readonly Sample[]): Sample => {
  const fields = Object.fromEntries(members.map((member, i) => [NAMES[i]!, member.field]))
  const optional = NAMES.filter((name) => fields[name]?.spec.optional)
  const whole = fc.record(Object.fromEntries(members.map((member, i) => [NAMES[i]!, member.fits])))
  const fits = fc
    .tuple(whole, fc.subarray(optional))
    .map(([value, absent]) => Object.fromEntries(Object.entries(value).filter(([name]) => !absent.includes(name))))
  const required = NAMES.filter((name) => fields[name] && !optional.includes(name))
  return {
    field: t.object(fields),
    fits,
    misfits: fc.oneof(
      fc.constantFrom<unknown>(null, [], 'x'),
      fits.map((value) => ({ ...value, extra: 1 })),
      ...members.map((member, i) =>
        fc.tuple(fits, member.misfits).map(([value, wrong]) => ({ ...value, [NAMES[i]!]: wrong })),
      ),
      ...required.map((name) => fits.map(({ [name]: _, ...rest }: Record<string, unknown>) => rest)),
    ),
  }
}

function samples(depth: number): fc.Arbitrary<Sample> {
  const bare =
    depth === 0
      ? leaves
      : fc.oneof(
          leaves,
          fc.tuple(samples(depth - 1), range(0, 3)).map(([member, limits]) => listOf(member, limits)),
          fc.array(samples(depth - 1), { minLength: 1, maxLength: 3 }).map(objectOf),
        )
  return fc
    .tuple(bare, fc.constantFrom('plain', 'nullable', 'optional'))
    .map(([one, how]) => maybe(one, how as 'plain'))
}

const bodies = fc.array(samples(2), { minLength: 1, maxLength: 3 }).map(objectOf)
const fieldsOf = ({ field }: Sample) => field.spec.fields as Readonly<Record<string, FieldSpec>>

describe('whatever the contract', () => {
  test('R-BODY-4: a value that fits has no faults, and what a handler receives of it fits again', () => {
    fc.assert(
      fc.property(
        bodies.chain((body) => fc.tuple(fc.constant(body), body.fits)),
        ([body, value]) => {
          const specs = fieldsOf(body)
          const check = bodyCheck(specs)
          expect(check(value, false)).toEqual([])
          expect(check(value, true)).toEqual([])
          const filled = withDefaults(specs, value as object)
          expect(Object.keys(filled)).toEqual(Object.keys(specs))
          expect(check(filled, false)).toEqual([])
          expect(withDefaults(specs, filled)).toEqual(filled)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('R-BODY-4: a value with one thing wrong never passes, and the fault says where', () => {
    fc.assert(
      fc.property(
        bodies.chain((body) => fc.tuple(fc.constant(body), body.misfits)),
        ([body, value]) => {
          const found = bodyCheck(fieldsOf(body))(value, false)
          expect(found.length).toBeGreaterThan(0)
          for (const { field } of found) expect(field).toMatch(/^$|^(a|b|c|extra)([.[]|$)/)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('R-BODY-4: what JSON cannot say never passes', () => {
    fc.assert(
      fc.property(samples(1), strange, ({ field }, value) => {
        expect(fault(field, value)).toBeDefined()
      }),
    )
  })
})
