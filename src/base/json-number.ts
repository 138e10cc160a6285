import { Problem } from './errors.ts'
import { shortened } from './field-path.ts'
import { type Reader, refuse, unexpected } from './json-reading.ts'

/**
 * Numbers of 16 or 17 digits, or at the ends of what a double holds: each takes as long as ten others. No field of a contract
 * has one.
 */
const MAX_JUDGED = 4_000

export const MINUS = 45

/**
 * A number. Of its significant digits, without zeros at either end, up to 15 are always kept, and more than 17 never: a double
 * shows no more. Those between are judged by writing the double out.
 */
export function readNumber(reader: Reader): void {
  const { text } = reader
  const start = reader.at
  let at = text.charCodeAt(start) === MINUS ? start + 1 : start
  let code = text.charCodeAt(at)
  if (!isDigit(code)) throw unexpected(reader, 'a digit', at)
  /** How many digits there are from the first that is not zero on, and up to the last that is not. */
  let digits = 0
  let significant = 0
  /** Digits after the point. */
  let decimals = 0
  // A zero in front stands alone.
  if (code === 48) code = text.charCodeAt(++at)
  else {
    do {
      digits++
      if (code !== 48) significant = digits
      code = text.charCodeAt(++at)
    } while (isDigit(code))
  }
  if (code === 46) {
    code = text.charCodeAt(++at)
    if (!isDigit(code)) throw unexpected(reader, 'a digit', at)
    do {
      decimals++
      if (digits > 0 || code !== 48) {
        digits++
        if (code !== 48) significant = digits
      }
      code = text.charCodeAt(++at)
    } while (isDigit(code))
  }
  let exponent = 0
  if (code === 101 || code === 69) {
    code = text.charCodeAt(++at)
    const down = code === MINUS
    if (down || code === 43) code = text.charCodeAt(++at)
    if (!isDigit(code)) throw unexpected(reader, 'a digit', at)
    while (isDigit(code)) {
      // Beyond a million more digits mean nothing: no text is long enough to make up for them.
      if (exponent < 1e15) exponent = exponent * 10 + code - 48
      code = text.charCodeAt(++at)
    }
    if (down) exponent = -exponent
  }
  reader.at = at
  // Zero, or 15 digits well within the range of a double.
  const scale = exponent - decimals + digits
  if (digits === 0 || (significant <= 15 && scale > -275 && scale < 300)) return
  judge(reader, text.slice(start, at), significant)
}

/** A number is kept if the shortest text for its double is the same decimal. */
function judge(reader: Reader, literal: string, significant: number): void {
  if (!reader.bounds.exact) return
  if (++reader.judged > MAX_JUDGED)
    throw new Problem('PAYLOAD_TOO_LARGE', `The body has more than ${MAX_JUDGED} numbers of more than 15 digits`)
  const value = Number(literal)
  if (significant > 17 || !isExact(literal, value))
    refuse(reader, `The number ${shortened(literal)} cannot be held exactly: it would become ${value}.`)
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** Whether a double holds a decimal literal exactly: whether the shortest text for that double is the same decimal. */
function isExact(literal: string, value: number): boolean {
  // Zero was told apart before: this one is too small.
  if (value === 0 || !Number.isFinite(value)) return false
  const shortest = String(value)
  return shortest === literal || decimal(literal) === decimal(shortest)
}

/**
 * The same text for the same absolute value: significant digits, `e`, and the power of ten that 0.digits is
 * multiplied by.
 */
function decimal(literal: string): string {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = whole + fraction
  let start = 0
  while (digits.charCodeAt(start) === 48) start++
  if (start === digits.length) return '0'
  // By hand: /0+$/ takes quadratic time on a long run of zeros that ends in another digit.
  let end = digits.length
  while (digits.charCodeAt(end - 1) === 48) end--
  return `${digits.slice(start, end)}e${whole.length - start + Number(exponent)}`
}
