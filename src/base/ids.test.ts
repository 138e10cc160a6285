import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { decodeId, encodeId, idTime, isIdPrefix, newId, uuidv7 } from './ids.ts'

const uuids = fc.uuid().map((uuid) => uuid.toLowerCase())
const anyUuids = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(uuidOf)
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const prefixes = fc.stringMatching(/^[a-z]([a-z_]{0,10}[a-z])?$/)

// The vectors published with the TypeID specification, 0.3.
const VALID = [
  ['', '00000000000000000000000000', '00000000-0000-0000-0000-000000000000'],
  ['', '00000000000000000000000001', '00000000-0000-0000-0000-000000000001'],
  ['', '0000000000000000000000000a', '00000000-0000-0000-0000-00000000000a'],
  ['', '0000000000000000000000000g', '00000000-0000-0000-0000-000000000010'],
  ['', '00000000000000000000000010', '00000000-0000-0000-0000-000000000020'],
  ['', '7zzzzzzzzzzzzzzzzzzzzzzzzz', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  ['prefix', 'prefix_0123456789abcdefghjkmnpqrs', '0110c853-1d09-52d8-d73e-1194e95b5f19'],
  ['prefix', 'prefix_01h455vb4pex5vsknk084sn02q', '01890a5d-ac96-774b-bcce-b302099a8057'],
  ['pre_fix', 'pre_fix_00000000000000000000000000', '00000000-0000-0000-0000-000000000000'],
] as const

const INVALID_SUFFIXES = [
  '1234567890123456789012345',
  '123456789012345678901234567',
  '1234567890123456789012345 ',
  '0123456789ABCDEFGHJKMNPQRS',
  '123456789-123456789-123456',
  'ooooooiiiiiiuuuuuuulllllll',
  'i23456789ol23456789oi23456',
  '123456789-0123456789-0123456',
  '8zzzzzzzzzzzzzzzzzzzzzzzzz',
  '',
]

const INVALID_PREFIXES = ['PREFIX', '12345', 'pre.fix', 'préfix', '  prefix', 'a'.repeat(64), '_', '_prefix', 'prefix_']

describe('an id and its uuid', () => {
  test('R-BODY-1: the published TypeID vectors hold in both directions', () => {
    for (const [prefix, id, uuid] of VALID) {
      expect(encodeId(prefix, uuid)).toBe(id)
      expect(decodeId(prefix, id)).toBe(uuid)
    }
  })

  test('R-BODY-1: the published invalid suffixes are refused', () => {
    for (const suffix of INVALID_SUFFIXES) {
      expect(decodeId('prefix', `prefix_${suffix}`), suffix).toBeUndefined()
      expect(decodeId('', suffix), suffix).toBeUndefined()
    }
    expect(decodeId('', '_00000000000000000000000000')).toBeUndefined()
    expect(decodeId('', '_')).toBeUndefined()
  })

  test('R-BODY-1: an id of another type is refused', () => {
    const id = 'usr_01h455vb4pex5vsknk084sn02q'
    expect(decodeId('usr', id)).toBe('01890a5d-ac96-774b-bcce-b302099a8057')
    for (const prefix of ['ord', 'us', 'usrx', 'sr', 'USR', '', 'usr_', 'usr_0']) {
      expect(decodeId(prefix, id), prefix).toBeUndefined()
    }
    expect(decodeId('usr', id.toUpperCase())).toBeUndefined()
    expect(decodeId('usr', id.replace('_', '-'))).toBeUndefined()
    expect(decodeId('usr', '01890a5d-ac96-774b-bcce-b302099a8057')).toBeUndefined()
  })

  test('R-BODY-1: a letter whose low bits look like one of the alphabet is refused', () => {
    expect(decodeId('usr', `usr_0${String.fromCharCode(0x80 + 49)}h455vb4pex5vsknk084sn02q`)).toBeUndefined()
    expect(decodeId('usr', `usr_0${String.fromCharCode(0x100 + 49)}h455vb4pex5vsknk084sn02q`)).toBeUndefined()
    expect(() => encodeId('usr', `0189${String.fromCharCode(0x100 + 48)}a5d-ac96-774b-bcce-b302099a8057`)).toThrow(
      RangeError,
    )
  })

  test('every uuid survives the trip, and ids sort as their uuids do', () => {
    fc.assert(
      fc.property(prefixes, fc.oneof(uuids, anyUuids), (prefix, uuid) => {
        expect(encodeId(prefix, uuid)).toBe(`${prefix}_${oracleSuffix(uuid)}`)
        expect(decodeId(prefix, encodeId(prefix, uuid))).toBe(uuid)
      }),
    )
    fc.assert(
      fc.property(anyUuids, anyUuids, (one, other) => {
        expect(encodeId('x', one) < encodeId('x', other)).toBe(one < other)
      }),
    )
  })

  test('decoding takes exactly what encoding gives', () => {
    const suffixes = fc.oneof(
      fc.string({ minLength: 26, maxLength: 26 }),
      fc.stringMatching(/^[0-9a-z]{26}$/),
      fc.stringMatching(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/),
    )
    fc.assert(
      fc.property(suffixes, (suffix) => {
        const uuid = decodeId('usr', `usr_${suffix}`)
        expect(uuid !== undefined).toBe(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(suffix))
        if (uuid !== undefined) expect(encodeId('usr', uuid)).toBe(`usr_${suffix}`)
      }),
    )
  })

  test('text that is no uuid cannot be encoded', () => {
    const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'
    const wrong = [
      '',
      uuid.slice(1),
      `${uuid}0`,
      uuid.replaceAll('-', ''),
      uuid.replace('-', '0'),
      uuid.replace('8', 'g'),
      `{${uuid.slice(2)}}`,
    ]
    for (const text of wrong) expect(() => encodeId('usr', text), text).toThrow(RangeError)
    expect(encodeId('usr', uuid.toUpperCase())).toBe(encodeId('usr', uuid))
  })

  test('the prefixes that TypeID allows', () => {
    for (const prefix of ['', 'a', 'usr', 'pre_fix', 'a'.repeat(63)]) expect(isIdPrefix(prefix), prefix).toBe(true)
    for (const prefix of INVALID_PREFIXES) expect(isIdPrefix(prefix), prefix).toBe(false)
  })
})

describe('a new id', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-23T10:00:00Z') }))
  afterEach(() => vi.useRealTimers())

  test('R-BODY-1: a new id holds a UUIDv7 of its moment', () => {
    expect(uuidv7()).toMatch(UUID_V7)
    const id = newId('ord')
    expect(id).toMatch(/^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
    expect(decodeId('ord', id)).toMatch(UUID_V7)
    expect(idTime(id)).toBe(Date.now())
    expect(idTime(encodeId('a_b', uuidv7(Date.now() + 5.9)))).toBe(Date.now() + 5)
  })

  test('ids of one moment are in order and all different, even more than the counter holds', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? newId('ord') : encodeId('ord', uuidv7())))
    expect(ids.toSorted()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(decodeId('ord', id)).toMatch(UUID_V7)
    expect(idTime(ids.at(-1)!)! - idTime(ids[0]!)!).toBeLessThanOrEqual(10)
  })

  test('order holds while a burst runs ahead of the clock, and when the clock is corrected backwards', () => {
    const start = Date.now()
    const ids = Array.from({ length: 5_000 }, () => newId('ord'))
    vi.setSystemTime(start + 1)
    ids.push(newId('ord'))
    for (const backMs of [1, 500, 9_000, 17_000]) {
      vi.setSystemTime(start - backMs)
      ids.push(newId('ord'))
    }
    expect(ids.toSorted()).toEqual(ids)
  })

  test('a moment far in the past is used as it is, so that a test clock and an import get their own times', () => {
    newId('ord')
    const then = Date.parse('1997-07-04T00:00:00Z')
    expect(idTime(encodeId('ord', uuidv7(then)))).toBe(then)
    expect(idTime(newId('ord'))).toBe(Date.now())
  })

  test('a moment that an id cannot hold is refused', () => {
    for (const ms of [-1, 2 ** 48, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => uuidv7(ms), `${ms}`).toThrow(RangeError)
    expect(uuidv7(2 ** 48 - 1)).toMatch(/^ffffffff-ffff-7/)
    expect(uuidv7(0)).toMatch(/^00000000-0000-7/)
  })

  test('the time of an id that is none, or not of version 7, is undefined', () => {
    expect(idTime('prefix_01h455vb4pex5vsknk084sn02q')).toBe(0x01890a5dac96)
    expect(idTime('01h455vb4pex5vsknk084sn02q')).toBe(0x01890a5dac96)
    expect(idTime('prefix_00000000000000000000000000')).toBeUndefined()
    for (const text of [
      '',
      'ord',
      'ord_',
      '_01h455vb4pex5vsknk084sn02q',
      'ord-01h455vb4pex5vsknk084sn02q',
      'ORD_01h455vb4pex5vsknk084sn02q',
      'ord_81h455vb4pex5vsknk084sn02q',
    ]) {
      expect(idTime(text), text).toBeUndefined()
    }
  })
})

function uuidOf(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function oracleSuffix(uuid: string): string {
  let value = BigInt(`0x${uuid.replaceAll('-', '')}`)
  let suffix = ''
  for (let i = 0; i < 26; i++) {
    suffix = '0123456789abcdefghjkmnpqrstvwxyz'[Number(value & 31n)] + suffix
    value >>= 5n
  }
  return suffix
}
