import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  add,
  cents,
  decimalsOf,
  formatMoney,
  fromCents,
  lineTotal,
  MAX_AMOUNT,
  roundHalfAwayFromZero,
  sum,
} from './money.ts'

const MAX_CENTS = 2 ** 46 * 100 - 1
const counts = fc.oneof(fc.integer(), fc.integer({ min: -MAX_CENTS, max: MAX_CENTS }))
const amounts = counts.map((count) => Number(decimalText(BigInt(count), 2)))
const prices = fc
  .oneof(fc.integer(), fc.integer({ min: -(2 ** 39) * 10_000 + 1, max: 2 ** 39 * 10_000 - 1 }))
  .map((count) => Number(decimalText(BigInt(count), 4)))
const discounts = fc.integer({ min: 0, max: 10_000 }).map((count) => count / 10_000)
const quantities = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer(), fc.maxSafeInteger())

describe('an amount', () => {
  test('R-BODY-3: 0.1 + 0.2 is 0.30 everywhere', () => {
    expect(add(0.1, 0.2)).toBe(0.3)
    expect(formatMoney(add(0.1, 0.2))).toBe('0.30')
    expect(add(1.1, 2.2, -3.3)).toBe(0)
    expect(add(0.57, -0.57)).toBe(0)
    expect(add()).toBe(0)
    expect(sum(Array(1000).fill(0.1))).toBe(100)
  })

  test('R-BODY-3: every amount to the cent survives the trip to cents and back, up to the largest', () => {
    fc.assert(
      fc.property(counts, (count) => {
        const amount = Number(decimalText(BigInt(count), 2))
        expect(cents(amount)).toBe(count)
        expect(fromCents(count)).toBe(amount)
        expect(String(BigInt(count))).toBe(
          formatMoney(amount)
            .replace('.', '')
            .replace(/^(-?)0+(?=\d)/, '$1'),
        )
        expect(decimalsOf(amount)).toBeLessThanOrEqual(2)
      }),
      { numRuns: 1_000 },
    )
    expect(cents(MAX_AMOUNT)).toBe(MAX_CENTS)
    expect(cents(70_368_744_177_663.98)).toBe(MAX_CENTS - 1)
    expect(Object.is(cents(-0), 0)).toBe(true)
    expect(Object.is(fromCents(-0), 0)).toBe(true)
  })

  test('R-BODY-3: the amounts that a careless ×100 gets wrong', () => {
    expect(cents(1.15)).toBe(115)
    expect(cents(4.35)).toBe(435)
    expect(cents(8.2)).toBe(820)
    expect(cents(-19.99)).toBe(-1999)
    expect(cents(63_019_327_118_080.11)).toBe(6_301_932_711_808_011)
  })

  test('R-BODY-3: more decimals than two are refused, not rounded', () => {
    for (const amount of [0.001, 12.345, -0.005, 1e-7, 0.1 + 0.2, 5e-324, 1.0000000000000002]) {
      expect(() => cents(amount), `${amount}`).toThrow(RangeError)
      expect(() => sum([1, amount]), `${amount}`).toThrow(RangeError)
      expect(() => formatMoney(amount), `${amount}`).toThrow(RangeError)
    }
  })

  test('an amount whose neighbour cannot be told from it is refused', () => {
    expect(Number('80000000000000.01')).toBe(Number('80000000000000.02'))
    for (const amount of [2 ** 46, -(2 ** 46), 80_000_000_000_000, 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => cents(amount), `${amount}`).toThrow(RangeError)
    }
    for (const count of [MAX_CENTS + 1, -MAX_CENTS - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => fromCents(count), `${count}`).toThrow(RangeError)
    }
  })

  test('R-BODY-3: a sum is exact, or refused when it is too large', () => {
    fc.assert(
      fc.property(fc.array(amounts, { maxLength: 30 }), (list) => {
        const exact = list.reduce((total, amount) => total + rational(amount, 2), 0n)
        if (exact > BigInt(MAX_CENTS) || exact < -BigInt(MAX_CENTS)) expect(() => sum(list)).toThrow(RangeError)
        else expect(sum(list)).toBe(Number(decimalText(exact, 2)))
      }),
    )
    expect(add(MAX_AMOUNT, MAX_AMOUNT, 0.01, -MAX_AMOUNT, -MAX_AMOUNT)).toBe(0.01)
    expect(() => add(MAX_AMOUNT, 0.01)).toThrow(RangeError)
  })

  test('as text an amount has two decimals', () => {
    expect([12.5, 0, -0, 0.05, -0.05, -1, 1e6, 99.99].map(formatMoney)).toEqual([
      '12.50',
      '0.00',
      '0.00',
      '0.05',
      '-0.05',
      '-1.00',
      '1000000.00',
      '99.99',
    ])
    fc.assert(fc.property(amounts, (amount) => JSON.parse(formatMoney(amount)) === amount))
  })
})

describe('the decimals of a number', () => {
  test('are those of its shortest form, exponents included', () => {
    const known = [
      [0, 0],
      [-0, 0],
      [12, 0],
      [1e21, 0],
      [1.5e300, 0],
      [12.5, 1],
      [-0.25, 2],
      [0.1 + 0.2, 17],
      [1e-7, 7],
      [1.5e-7, 8],
      [5e-324, 324],
      [12.345, 3],
      [-917_554_269_925_119.9, 1],
    ] as const
    for (const [value, decimals] of known) expect(decimalsOf(value), `${value}`).toBe(decimals)
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => decimalsOf(value)).toThrow(RangeError)
  })

  test('are as few as give the number back', () => {
    const values = fc.oneof(amounts, prices, fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }))
    fc.assert(
      fc.property(values, (value) => {
        const decimals = decimalsOf(value)
        if (decimals <= 100) expect(Number(value.toFixed(decimals)) === value).toBe(true)
        for (let fewer = 0; fewer < Math.min(decimals, 30); fewer++) {
          expect(Number(value.toFixed(fewer)) === value, `${value} to ${fewer}`).toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('the total of a line', () => {
  test('R-ORD-6: unitPrice × quantity × (1 − discount), rounded to the cent, halves away from zero', () => {
    expect(lineTotal(10, 3)).toBe(30)
    expect(lineTotal(18.6, 9, 0.15)).toBe(142.29)
    expect(lineTotal(0.005, 1)).toBe(0.01)
    expect(lineTotal(0.0049, 1)).toBe(0)
    expect(lineTotal(-0.005, 1)).toBe(-0.01)
    expect(lineTotal(0.005, -1)).toBe(-0.01)
    expect(lineTotal(1.005, 1)).toBe(1.01)
    expect(lineTotal(2.675, 1)).toBe(2.68)
    expect(lineTotal(0.0001, 1, 0.9999)).toBe(0)
    expect(lineTotal(99.99, 100, 1)).toBe(0)
    expect(Object.is(lineTotal(0, -5), 0)).toBe(true)
  })

  test('R-ORD-6: it is what exact fractions give, for every price, quantity and discount that fits', () => {
    fc.assert(
      fc.property(prices, quantities, discounts, (unitPrice, quantity, discount) => {
        const exact = rational(unitPrice, 4) * BigInt(quantity) * (10_000n - rational(discount, 4))
        const count = roundedOracle(exact, 1_000_000n)
        if (count > BigInt(MAX_CENTS) || count < -BigInt(MAX_CENTS)) {
          expect(() => lineTotal(unitPrice, quantity, discount)).toThrow(RangeError)
        } else {
          expect(lineTotal(unitPrice, quantity, discount)).toBe(Number(decimalText(count, 2)))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('R-ORD-6: halves are exact on both sides of what a double can multiply', () => {
    // Scaled to whole numbers this product has 20 digits.
    expect(lineTotal(549_755_813_887.995, 1)).toBe(549_755_813_888)
    expect(lineTotal(549_755_813_887.9949, 1)).toBe(549_755_813_887.99)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 39 * 100 - 1 }), (count) => {
        const price = Number(decimalText(BigInt(count) * 100n + 50n, 4))
        expect(lineTotal(price, 1)).toBe(fromCents(count + 1))
        expect(lineTotal(price, -1)).toBe(fromCents(-count - 1))
      }),
    )
  })

  test('R-ORD-6: what is out of range or has too many decimals is refused', () => {
    const wrong = [
      [0.00001, 1, 0],
      [1, 1.5, 0],
      [1, 2 ** 53, 0],
      [1, Number.NaN, 0],
      [1, 1, 0.00001],
      [1, 1, -0.1],
      [1, 1, 1.0001],
      [1, 1, Number.NaN],
      [2 ** 39, 1, 0],
      [1e11, 1_000_000, 0],
    ] as const
    for (const [price, quantity, discount] of wrong) {
      expect(() => lineTotal(price, quantity, discount), `${price} ${quantity} ${discount}`).toThrow(RangeError)
    }
  })

  test('R-ORD-6: the Northwind order lines give the totals that are known for each way of rounding', () => {
    const known = northwind('totals') as Record<string, string>
    const lines = northwind('order_details') as Record<'orderId' | 'unitPrice' | 'quantity' | 'discount', string>[]
    const exactOf = (line: (typeof lines)[number]) =>
      rational(Number(line.unitPrice), 4) * BigInt(line.quantity) * (10_000n - rational(Number(line.discount), 4))

    const totals = lines.map((line) => lineTotal(Number(line.unitPrice), Number(line.quantity), Number(line.discount)))
    expect(formatMoney(sum(totals))).toBe('1265793.29')
    expect(formatMoney(sum(totals))).toBe(known.netRevenueLinesRoundedHalfUp)

    const gross = sum(lines.map((line) => lineTotal(Number(line.unitPrice), Number(line.quantity))))
    expect(formatMoney(gross)).toBe(known.grossRevenue)

    const exact = lines.reduce((total, line) => total + exactOf(line), 0n)
    expect(decimalText(exact / 10_000n, 4)).toBe(known.netRevenueExact)

    const orders = new Map<string, bigint>()
    for (const line of lines) orders.set(line.orderId, (orders.get(line.orderId) ?? 0n) + exactOf(line))
    const rounded = [...orders.values()].map((total) => fromCents(Number(roundHalfAwayFromZero(total, 1_000_000n))))
    expect(formatMoney(sum(rounded))).toBe(known.netRevenueOrdersRoundedHalfUp)

    expect(known.netRevenueLinesRoundedHalfEven).toBe('1265793.02')
    expect(
      decimalText(
        lines.reduce((total, line) => total + halfEven(exactOf(line)), 0n),
        2,
      ),
    ).toBe('1265793.02')
  })
})

test('R-BODY-3: halves go away from zero, whatever the signs', () => {
  expect(roundHalfAwayFromZero(25n, 10n)).toBe(3n)
  expect(roundHalfAwayFromZero(-25n, 10n)).toBe(-3n)
  expect(roundHalfAwayFromZero(25n, -10n)).toBe(-3n)
  expect(roundHalfAwayFromZero(24n, 10n)).toBe(2n)
  expect(roundHalfAwayFromZero(0n, 10n)).toBe(0n)
  expect(() => roundHalfAwayFromZero(1n, 0n)).toThrow(RangeError)
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt({ min: 1n }), (dividend, divisor) => {
      expect(roundHalfAwayFromZero(dividend, divisor)).toBe(roundedOracle(dividend, divisor))
    }),
  )
})

/** The decimal text of `count` steps of 10^-places. */
function decimalText(count: bigint, places: number): string {
  const digits = (count < 0n ? -count : count).toString().padStart(places + 1, '0')
  return `${count < 0n ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`
}

/** A number's own decimal digits as steps of 10^-places, read from its text. */
function rational(value: number, places: number): bigint {
  const [mantissa = '', exponent = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const shift = places - fraction.length + Number(exponent)
  if (shift < 0) throw new Error(`${value} has more than ${places} decimals`)
  return BigInt(whole + fraction) * 10n ** BigInt(shift)
}

function roundedOracle(dividend: bigint, divisor: bigint): bigint {
  if (dividend < 0n) return -roundedOracle(-dividend, divisor)
  const whole = dividend / divisor
  return (dividend - whole * divisor) * 2n >= divisor ? whole + 1n : whole
}

function halfEven(exact: bigint): bigint {
  const whole = exact / 1_000_000n
  const rest = (exact % 1_000_000n) * 2n
  return rest > 1_000_000n || (rest === 1_000_000n && whole % 2n === 1n) ? whole + 1n : whole
}

function northwind(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../examples/northwind/data/${file}.json`, import.meta.url), 'utf8'))
}
