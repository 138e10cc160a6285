/**
 * Exact sums of money in plain JSON numbers. An amount is a number with at most two decimals; arithmetic happens in
 * whole cents, so 0.1 + 0.2 is 0.3. What cannot be held exactly is a RangeError, never a rounded amount.
 *
 *     const total = sum([lineTotal(10, 3), lineTotal(18.6, 9, 0.15)])   // 30 + 142.29 = 172.29
 */

/**
 * The largest amount, 2^46 less a cent. From 2^46 on neighbouring doubles are 1/64 apart, more than a cent:
 * 80000000000000.01 and 80000000000000.02 are one number.
 */
export const MAX_AMOUNT = 70_368_744_177_663.99
const AMOUNT_LIMIT = 2 ** 46

/** A price of four decimals is exact below 2^39 (549 billion), for the same reason. */
const PRICE_LIMIT = 2 ** 39

/** How many decimals the shortest decimal form of a number has: 0 for 12 and 1e21, 1 for 12.5, 7 for 1e-7. */
export function decimalsOf(value: number): number {
  if (Number.isInteger(value)) return 0
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no decimal form`)
  // Only where the products are off by less than a half: 917554269925119.9 × 10 is not, and would be taken for two.
  if (Math.abs(value) < 1e9) {
    if (Math.round(value * 10) / 10 === value) return 1
    if (Math.round(value * 100) / 100 === value) return 2
  }
  const [digits = '', exponent = '0'] = String(value).split('e')
  const point = digits.indexOf('.')
  return Math.max(0, (point < 0 ? 0 : digits.length - point - 1) - Number(exponent))
}

/** The amount in whole cents: 12.5 is 1250. RangeError for more than two decimals or more than MAX_AMOUNT. */
export function cents(amount: number): number {
  return scaled(amount, 100, AMOUNT_LIMIT)
}

/** The amount of so many whole cents: 1250 is 12.5. */
export function fromCents(count: number): number {
  const amount = count / 100
  if (!Number.isInteger(count) || !(Math.abs(amount) < AMOUNT_LIMIT)) {
    throw new RangeError(`${count} is not a number of cents that an amount can hold`)
  }
  return amount + 0
}

/** The exact sum: add(0.1, 0.2) is 0.3. */
export function add(...amounts: number[]): number {
  return sum(amounts)
}

/** The exact sum of a list; 0 for none. Only the result must fit, not every sum on the way. */
export function sum(amounts: readonly number[]): number {
  let total = 0
  for (const amount of amounts) {
    total += cents(amount)
    if (!Number.isSafeInteger(total)) return sumOfMany(amounts)
  }
  return fromCents(total)
}

/**
 * unitPrice × quantity × (1 − discount), exact, then rounded half away from zero to the cent.
 * `unitPrice` and `discount` (0 to 1) have at most four decimals, `quantity` is a whole number; else a RangeError.
 */
export function lineTotal(unitPrice: number, quantity: number, discount = 0): number {
  if (!Number.isSafeInteger(quantity)) throw new RangeError(`${quantity} is not a whole quantity`)
  if (!(discount >= 0 && discount <= 1)) throw new RangeError(`${discount} is not a discount between 0 and 1`)
  const price = scaled(unitPrice, 10_000, PRICE_LIMIT)
  const kept = 10_000 - scaled(discount, 10_000, PRICE_LIMIT)
  // A product of whole numbers below 2^53 is exact in a double, and 20 times faster than in a bigint.
  const exact = price * quantity * kept
  if (Number.isSafeInteger(exact)) {
    const rest = exact % 1_000_000
    const whole = (exact - rest) / 1_000_000
    return fromCents(Math.abs(rest) < 500_000 ? whole : whole + Math.sign(rest))
  }
  const product = BigInt(price) * BigInt(quantity) * BigInt(kept)
  return fromCents(Number(roundHalfAwayFromZero(product, 1_000_000n)))
}

/** The quotient as a whole number; halves go away from zero: 25 / 10 is 3, −25 / 10 is −3. */
export function roundHalfAwayFromZero(dividend: bigint, divisor: bigint): bigint {
  if (divisor < 0n) return roundHalfAwayFromZero(-dividend, -divisor)
  const half = dividend < 0n ? -divisor : divisor
  return (2n * dividend + half) / (2n * divisor)
}

/** Always two decimals, and valid JSON: 12.5 is `12.50`. */
export function formatMoney(amount: number): string {
  const count = cents(amount)
  const rest = Math.abs(count) % 100
  const whole = (Math.abs(count) - rest) / 100
  return `${count < 0 ? '-' : ''}${whole}.${rest < 10 ? '0' : ''}${rest}`
}

function scaled(value: number, perUnit: 100 | 10_000, limit: number): number {
  // Taking the whole part off is exact, so what is rounded is the stored fraction, less than half a step from the
  // true one.
  const whole = Math.trunc(value)
  const count = whole * perUnit + Math.round((value - whole) * perUnit)
  if (!(Math.abs(value) < limit && count / perUnit === value)) throw inexact(value, perUnit, limit)
  return count
}

/** Apart from the hot path for its speed: with the texts in it, V8 writes `value` as text first, 90 ns, then looks. */
function inexact(value: number, perUnit: number, limit: number): RangeError {
  if (Math.abs(value) < limit) return new RangeError(`${value} has more than ${perUnit === 100 ? 2 : 4} decimals`)
  return new RangeError(`${value} is not a number below ${limit}, where every decimal can be held`)
}

function sumOfMany(amounts: readonly number[]): number {
  let total = 0n
  for (const amount of amounts) total += BigInt(cents(amount))
  return fromCents(Number(total))
}
