import type { Api } from './connection.ts'
import { type CustomerRecord, type LineRecord, type OrderRecord, type ProductRecord, SKU_PREFIX } from './records.ts'

/** Values that a filter takes at once. */
const MOST_VALUES = 100
const DAY_MS = 86_400_000

/** Ids of the customers that are users already, by address. */
export async function findUsers(
  api: Api,
  customers: readonly Pick<CustomerRecord, 'email'>[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let at = 0; at < customers.length; at += MOST_VALUES) {
    const emails = customers.slice(at, at + MOST_VALUES).map(({ email }) => email)
    for await (const { id, email } of api.users.each({ query: { email: emails, fields: ['email'] } }))
      found.set(email.toLowerCase(), id)
  }
  return found
}

/** Ids of the products that are there already, by sku. */
export async function findProducts(
  api: Api,
  products: readonly Pick<ProductRecord, 'sku'>[],
): Promise<Map<string, `prd_${string}`>> {
  const wanted = new Set(products.map(({ sku }) => sku))
  const found = new Map<string, `prd_${string}`>()
  // `q` finds parts of names too; the sku decides.
  const [first = SKU_PREFIX, ...others] = wanted
  const q = others.length === 0 ? first : SKU_PREFIX
  for await (const { id, sku } of api.products.each({ query: { q, fields: ['sku'] } }))
    if (wanted.has(sku)) found.set(sku, id)
  return found
}

/** An order of the system, as far as it says which of Northwind's it is. */
export interface FoundOrder {
  readonly id: string
  readonly fingerprint: string
  readonly lines: number
  readonly total: number
}

/** Orders of these users from the days of Northwind: the system may hold others, of other people and days. */
export async function findOrders(
  api: Api,
  orders: readonly OrderRecord[],
  userIds: Iterable<string>,
): Promise<FoundOrder[]> {
  const buyers = new Set<string>(userIds)
  const found: FoundOrder[] = []
  if (buyers.size === 0 || orders.length === 0) return found
  const days = orders.map(({ placedAt }) => Date.parse(placedAt))
  const rows = api.orders.eachAll({
    query: {
      placedAfter: new Date(Math.min(...days) - DAY_MS),
      placedBefore: new Date(Math.max(...days) + DAY_MS),
      sort: 'placedAt',
      fields: ['userId', 'placedAt', 'items', 'total'],
    },
  })
  for await (const { id, userId, placedAt, items, total } of rows)
    if (buyers.has(userId))
      found.push({ id, fingerprint: fingerprint(userId, placedAt, items), lines: items.length, total })
  return found
}

/**
 * Which order it is: buyer, time, and every line with its product, quantity, price and discount. No two of Northwind's 830
 * are the same in all of that (a test says so), though seven pairs are of one customer and day. Products go by sku, so
 * that an order is known again even where a product was deleted and made anew.
 */
export function fingerprint(userId: string, placedAt: string, lines: readonly LineRecord[]): string {
  const parts = lines.map(({ sku, quantity, unitPrice, discount }) => `${sku} ${quantity} ${unitPrice} ${discount}`)
  return [userId, new Date(placedAt).toISOString(), ...parts.sort()].join('|')
}
