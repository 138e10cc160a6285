import { formatMoney, sum } from 'lintel/money'
import type { Api } from './connection.ts'
import { type FoundOrder, findOrders, findProducts, findUsers, fingerprint } from './find.ts'
import type { Records } from './records.ts'

export interface Figure {
  readonly name: string
  readonly expected: string
  readonly found: string
}

export interface Verification {
  readonly figures: readonly Figure[]
  /** Everything that is not as it should be, one sentence each; empty when all is well. */
  readonly differences: readonly string[]
}

/** Reads everything back and compares it with Northwind, thing by thing and in sum. */
export async function verify(api: Api, { customers, products, orders, known }: Records): Promise<Verification> {
  const userIds = await findUsers(api, customers)
  const productIds = await findProducts(api, products)
  const found = await findOrders(api, orders, userIds.values())
  const lines = found.reduce((count, order) => count + order.lines, 0)
  const total = sum(found.map((order) => order.total))

  const figures = [
    figure('users', known.users, userIds.size),
    figure('products', known.products, productIds.size),
    figure('orders', known.orders, found.length),
    figure('order lines', known.lines, lines),
    { name: 'total in USD', expected: grouped(formatMoney(known.total)), found: grouped(formatMoney(total)) },
  ]
  const differences = [
    ...customers.filter(({ email }) => !userIds.has(email)).map(({ email }) => `user ${email} is missing`),
    ...products.filter(({ sku }) => !productIds.has(sku)).map(({ sku, name }) => `product ${sku} (${name}) is missing`),
    ...compareOrders(orders, found, userIds),
    ...figures.filter((one) => one.expected !== one.found).map(sentenceOf),
  ]
  return { figures, differences }
}

function compareOrders(orders: Records['orders'], found: FoundOrder[], userIds: Map<string, string>): string[] {
  const byFingerprint = new Map<string, FoundOrder[]>()
  for (const order of found)
    byFingerprint.set(order.fingerprint, [...(byFingerprint.get(order.fingerprint) ?? []), order])
  const differences: string[] = []
  for (const { number, email, placedAt, lines, total } of orders) {
    const order = byFingerprint.get(fingerprint(userIds.get(email) ?? '', placedAt, lines))?.shift()
    if (!order) differences.push(`order ${number} of ${email}, ${placedAt.slice(0, 10)}, is missing`)
    else if (order.total !== total)
      differences.push(
        `order ${number} (${order.id}) adds up to ${formatMoney(order.total)}, not ${formatMoney(total)}`,
      )
  }
  for (const left of byFingerprint.values()) for (const { id } of left) differences.push(`order ${id} is one too many`)
  return differences
}

function figure(name: string, expected: number, found: number): Figure {
  return { name, expected: grouped(String(expected)), found: grouped(String(found)) }
}

function sentenceOf({ name, expected, found }: Figure): string {
  return `${name}: ${found} instead of ${expected}`
}

/** `1265793.29` as `1,265,793.29`. */
function grouped(digits: string): string {
  return digits.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ',')
}

/** Expected and found, side by side. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [{ name: '', expected: 'expected', found: 'found' }, ...figures]
  const width = (column: keyof Figure) => Math.max(...rows.map((row) => row[column].length))
  return rows
    .map(({ name, expected, found }) =>
      [name.padEnd(width('name')), expected.padStart(width('expected')), found.padStart(width('found'))].join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}
