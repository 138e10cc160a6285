/**
 * Ids are TypeIDs (specification 0.3): a type prefix, `_`, and a UUID as 26 characters of Crockford base32. In
 * Postgres they are `uuid`, everywhere else text, so both directions are hot: a page of 20 rows turns 40 of them.
 * Each direction goes through four 32-bit words (bits 0 to 31 first) and one String.fromCharCode call: 0.1 µs, where
 * joining two-character strings took 0.13 to 0.17 µs, because the pieces have to be flattened later.
 */

const BASE32 = codesOf('0123456789abcdefghjkmnpqrstvwxyz')
const BASE16 = codesOf('0123456789abcdef')
const BASE32_VALUES = valuesOf('0123456789abcdefghjkmnpqrstvwxyz')
const BASE16_VALUES = valuesOf('0123456789abcdef')
for (let i = 10; i < 16; i++) BASE16_VALUES['ABCDEF'.charCodeAt(i - 10)] = i

const SUFFIX_LENGTH = 26
const UUID_LENGTH = 36
const UNDERSCORE = 95
const DASH = 45
const MAX_MS = 2 ** 48 - 1

/** A clock that goes back by less than this was corrected; by more, it was moved on purpose. */
const CORRECTION_MS = 10_000

/** An id with its type prefix: `Id<'ord'>` is `ord_${string}`. */
export type Id<P extends string> = `${P}_${string}`

/** A new id, such as `ord_01h455vb4pex5vsknk084sn02q`: later ones of this process sort after earlier ones. */
export function newId<const P extends string>(prefix: P): Id<P> {
  advance(Date.now())
  return idText(prefix, stamp0(), stamp1(), (random32() & 0x3fff_ffff) | 0x8000_0000, random32())
}

/**
 * A new UUIDv7 as text (RFC 9562, 5.7), for a moment in milliseconds since 1970 (default: now).
 *
 * Ids made in one millisecond are kept in order by a counter in `rand_a` (RFC 9562 6.2, method 1): it starts at a
 * random number below 2048 and, past 4095, borrows from the next millisecond. When the clock is corrected backwards
 * the time of the last id is kept, so order holds; a moment more than 10 s back is taken to be meant, and is used as
 * it is.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  advance(nowMs)
  return uuidText(stamp0(), stamp1(), (random32() & 0x3fff_ffff) | 0x8000_0000, random32())
}

/** The id of a UUID in its usual 36 characters. RangeError when it is not one. */
export function encodeId<const P extends string>(prefix: P, uuid: string): Id<P> {
  if (uuid.length !== UUID_LENGTH || !dashed(uuid)) throw notUuid(uuid)
  const s0 = hex4(uuid, 0)
  const s1 = hex4(uuid, 4)
  const s2 = hex4(uuid, 9)
  const s3 = hex4(uuid, 14)
  const s4 = hex4(uuid, 19)
  const s5 = hex4(uuid, 24)
  const s6 = hex4(uuid, 28)
  const s7 = hex4(uuid, 32)
  if ((s0 | s1 | s2 | s3 | s4 | s5 | s6 | s7) < 0) throw notUuid(uuid)
  return idText(prefix, (s0 << 16) | s1, (s2 << 16) | s3, (s4 << 16) | s5, (s6 << 16) | s7)
}

/**
 * The UUID of an id, in lower case; `undefined` when the text is not an id of this type. Only the one spelling that
 * encodeId gives is taken.
 */
export function decodeId(prefix: string, text: string): string | undefined {
  const start = prefix === '' ? 0 : prefix.length + 1
  if (text.length !== start + SUFFIX_LENGTH) return undefined
  if (start > 0 && !(text.startsWith(prefix) && text.charCodeAt(start - 1) === UNDERSCORE)) return undefined
  // The first character has 3 bits, then five times five characters have 25 each.
  const t0 = BASE32_VALUES[text.charCodeAt(start)]!
  const t1 = letters5(text, start + 1)
  const t2 = letters5(text, start + 6)
  const t3 = letters5(text, start + 11)
  const t4 = letters5(text, start + 16)
  const t5 = letters5(text, start + 21)
  if ((t0 | t1 | t2 | t3 | t4 | t5) < 0 || t0 > 7) return undefined
  return uuidText(
    (t0 << 29) | (t1 << 4) | (t2 >>> 21),
    (t2 << 11) | (t3 >>> 14),
    (t3 << 18) | (t4 >>> 7),
    (t4 << 25) | t5,
  )
}

/** When an id was made, in milliseconds since 1970; `undefined` when the text is no id or its UUID not of version 7. */
export function idTime(text: string): number | undefined {
  const prefix = text.slice(0, Math.max(0, text.length - SUFFIX_LENGTH - 1))
  const uuid = decodeId(prefix, text)
  if (uuid === undefined || uuid[14] !== '7' || !isIdPrefix(prefix)) return undefined
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}

/** Whether TypeID allows this text before the `_`: lower-case letters, with `_` inside, at most 63 characters. */
export function isIdPrefix(text: string): boolean {
  return /^(?:[a-z](?:[a-z_]{0,61}[a-z])?)?$/.test(text)
}

let clockMs = 0
let idMs = 0
let counter = 0

function advance(nowMs: number): void {
  const ms = Math.floor(nowMs)
  if (!(ms >= 0 && ms <= MAX_MS)) throw new RangeError(`Not a time that an id can hold: ${nowMs}`)
  if (ms > idMs || ms < clockMs - CORRECTION_MS) {
    idMs = ms
    counter = random32() & 0x7ff
  } else if (++counter > 0xfff) {
    idMs++
    counter = random32() & 0x7ff
  }
  // Compared with the clock, not with the last id: a burst that borrowed milliseconds must not look like a clock set
  // back.
  clockMs = ms
}

/** The time's first 32 bits. */
function stamp0(): number {
  return Math.floor(idMs / 0x1_0000) | 0
}

/** The time's last 16 bits, the version and the counter. */
function stamp1(): number {
  return ((idMs % 0x1_0000) << 16) | 0x7000 | counter
}

// One call of getRandomValues costs as much as ten ids; 4 KiB of it are enough for 500.
const pool = new Uint32Array(1024)
let used = pool.length

function random32(): number {
  if (used === pool.length) {
    globalThis.crypto.getRandomValues(pool)
    used = 0
  }
  return pool[used++]!
}

function dashed(uuid: string): boolean {
  return (
    uuid.charCodeAt(8) === DASH &&
    uuid.charCodeAt(13) === DASH &&
    uuid.charCodeAt(18) === DASH &&
    uuid.charCodeAt(23) === DASH
  )
}

function notUuid(text: string): RangeError {
  return new RangeError(`Not a UUID: ${JSON.stringify(text)}`)
}

/** Sixteen bits; negative when a character is not hexadecimal. */
function hex4(text: string, at: number): number {
  return (
    (BASE16_VALUES[text.charCodeAt(at)]! << 12) |
    (BASE16_VALUES[text.charCodeAt(at + 1)]! << 8) |
    (BASE16_VALUES[text.charCodeAt(at + 2)]! << 4) |
    BASE16_VALUES[text.charCodeAt(at + 3)]!
  )
}

/** Twenty-five bits; negative when a character is not in the alphabet. */
function letters5(text: string, at: number): number {
  return (
    (BASE32_VALUES[text.charCodeAt(at)]! << 20) |
    (BASE32_VALUES[text.charCodeAt(at + 1)]! << 15) |
    (BASE32_VALUES[text.charCodeAt(at + 2)]! << 10) |
    (BASE32_VALUES[text.charCodeAt(at + 3)]! << 5) |
    BASE32_VALUES[text.charCodeAt(at + 4)]!
  )
}

function idText<P extends string>(prefix: P, a: number, b: number, c: number, d: number): Id<P> {
  const suffix = String.fromCharCode(
    BASE32[a >>> 29]!,
    BASE32[(a >>> 24) & 31]!,
    BASE32[(a >>> 19) & 31]!,
    BASE32[(a >>> 14) & 31]!,
    BASE32[(a >>> 9) & 31]!,
    BASE32[(a >>> 4) & 31]!,
    BASE32[((a << 1) | (b >>> 31)) & 31]!,
    BASE32[(b >>> 26) & 31]!,
    BASE32[(b >>> 21) & 31]!,
    BASE32[(b >>> 16) & 31]!,
    BASE32[(b >>> 11) & 31]!,
    BASE32[(b >>> 6) & 31]!,
    BASE32[(b >>> 1) & 31]!,
    BASE32[((b << 4) | (c >>> 28)) & 31]!,
    BASE32[(c >>> 23) & 31]!,
    BASE32[(c >>> 18) & 31]!,
    BASE32[(c >>> 13) & 31]!,
    BASE32[(c >>> 8) & 31]!,
    BASE32[(c >>> 3) & 31]!,
    BASE32[((c << 2) | (d >>> 30)) & 31]!,
    BASE32[(d >>> 25) & 31]!,
    BASE32[(d >>> 20) & 31]!,
    BASE32[(d >>> 15) & 31]!,
    BASE32[(d >>> 10) & 31]!,
    BASE32[(d >>> 5) & 31]!,
    BASE32[d & 31]!,
  )
  // TypeID allows an empty prefix; contracts do not.
  return (prefix === '' ? suffix : `${prefix}_${suffix}`) as Id<P>
}

function uuidText(a: number, b: number, c: number, d: number): string {
  return String.fromCharCode(
    BASE16[a >>> 28]!,
    BASE16[(a >>> 24) & 15]!,
    BASE16[(a >>> 20) & 15]!,
    BASE16[(a >>> 16) & 15]!,
    BASE16[(a >>> 12) & 15]!,
    BASE16[(a >>> 8) & 15]!,
    BASE16[(a >>> 4) & 15]!,
    BASE16[a & 15]!,
    DASH,
    BASE16[b >>> 28]!,
    BASE16[(b >>> 24) & 15]!,
    BASE16[(b >>> 20) & 15]!,
    BASE16[(b >>> 16) & 15]!,
    DASH,
    BASE16[(b >>> 12) & 15]!,
    BASE16[(b >>> 8) & 15]!,
    BASE16[(b >>> 4) & 15]!,
    BASE16[b & 15]!,
    DASH,
    BASE16[c >>> 28]!,
    BASE16[(c >>> 24) & 15]!,
    BASE16[(c >>> 20) & 15]!,
    BASE16[(c >>> 16) & 15]!,
    DASH,
    BASE16[(c >>> 12) & 15]!,
    BASE16[(c >>> 8) & 15]!,
    BASE16[(c >>> 4) & 15]!,
    BASE16[c & 15]!,
    BASE16[d >>> 28]!,
    BASE16[(d >>> 24) & 15]!,
    BASE16[(d >>> 20) & 15]!,
    BASE16[(d >>> 16) & 15]!,
    BASE16[(d >>> 12) & 15]!,
    BASE16[(d >>> 8) & 15]!,
    BASE16[(d >>> 4) & 15]!,
    BASE16[d & 15]!,
  )
}

function codesOf(alphabet: string): Uint8Array {
  return Uint8Array.from(alphabet, (character) => character.charCodeAt(0))
}

/**
 * By UTF-16 code unit, all 65,536, so that no character needs a check of its own; -1 for what is not in the alphabet.
 */
function valuesOf(alphabet: string): Int8Array {
  const values = new Int8Array(0x1_0000).fill(-1)
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
  return values
}

/** What may be the id of a request: it goes into logs, headers and JSON as it is, where anything else could do harm (R-REST-7). */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(value)
}
