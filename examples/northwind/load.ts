import { isProblem } from 'lintel/client'
import type { Api } from './connection.ts'
import { findOrders, findProducts, findUsers, fingerprint } from './find.ts'
import { inFlight } from './in-flight.ts'
import { known } from './known.ts'
import type { Progress } from './progress.ts'
import type { CustomerRecord, OrderRecord, ProductRecord, Records } from './records.ts'

export interface LoadOptions {
  readonly concurrency: number
  readonly stop: AbortSignal
  readonly progress: Progress
}

/**
 * Adds what is missing: first it reads what is there, then it creates the rest. Safe to run again whenever it ended, and
 * beside itself: addresses and skus are unique in the system, and each order has an idempotency key of its own.
 */
export async function load(api: Api, records: Records, options: LoadOptions): Promise<void> {
  const userIds = await findUsers(api, records.customers)
  await addMissing(
    'users',
    records.customers,
    (customer) => userIds.has(customer.email),
    options,
    async (customer) => {
      userIds.set(customer.email, await addUser(api, customer))
    },
  )

  const productIds = await findProducts(api, records.products)
  await addMissing(
    'products',
    records.products,
    (product) => productIds.has(product.sku),
    options,
    async (product) => {
      productIds.set(product.sku, await addProduct(api, product))
    },
  )

  const unclaimed = new Map<string, number>()
  for (const order of await findOrders(api, records.orders, userIds.values()))
    unclaimed.set(order.fingerprint, (unclaimed.get(order.fingerprint) ?? 0) + 1)
  const isThere = (order: OrderRecord) => {
    const key = fingerprint(known(userIds, order.email), order.placedAt, order.lines)
    const copies = unclaimed.get(key) ?? 0
    unclaimed.set(key, copies - 1)
    return copies > 0
  }
  await addMissing('orders', records.orders, isThere, options, (order) =>
    addOrder(api, order, known(userIds, order.email), productIds),
  )
}

async function addMissing<T>(
  what: string,
  records: readonly T[],
  isThere: (record: T) => boolean,
  { concurrency, stop, progress }: LoadOptions,
  add: (record: T) => Promise<void>,
): Promise<void> {
  const missing = records.filter((record) => !isThere(record))
  progress.begin(what, records.length, records.length - missing.length)
  try {
    await inFlight(missing, concurrency, stop, async (record) => {
      await add(record)
      progress.advance()
    })
  } finally {
    progress.end()
  }
}

/** Without a password, and without a mail: the users of 1996 set one when they ask for a reset. */
async function addUser(api: Api, customer: CustomerRecord): Promise<string> {
  try {
    return (await api.users.create({ body: { email: customer.email, name: customer.name, invite: false } })).id
  } catch (error) {
    // Ours, when the answer to an earlier attempt was lost; somebody else's otherwise: the same to us.
    const known = isDuplicate(error) ? (await findUsers(api, [customer])).get(customer.email) : undefined
    if (known === undefined) throw error
    return known
  }
}

async function addProduct(api: Api, product: ProductRecord): Promise<`prd_${string}`> {
  try {
    return (await api.products.create({ body: product })).id
  } catch (error) {
    const known = isDuplicate(error) ? (await findProducts(api, [product])).get(product.sku) : undefined
    if (known === undefined) throw error
    return known
  }
}

async function addOrder(
  api: Api,
  { number, placedAt, lines }: OrderRecord,
  userId: string,
  productIds: ReadonlyMap<string, `prd_${string}`>,
): Promise<void> {
  const items = lines.map(({ sku, ...line }) => ({ productId: known(productIds, sku), ...line }))
  // With the user's id: a user who was deleted and made anew is another one, with the same orders to come.
  await api.orders.create({ userId, body: { placedAt, items }, idempotencyKey: `northwind-order-${number}-${userId}` })
}

function isDuplicate(error: unknown): boolean {
  return isProblem(error, 'DUPLICATE')
}
