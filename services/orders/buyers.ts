import {
  type ConsumerHandlers,
  type EventHandlerOf,
  findBy,
  isProblem,
  Problem,
  readRow,
  remove,
  type Tx,
  type Unit,
  uuidOf,
} from 'lintel/service'
import { User, users } from '../users/contract.ts'
import { cancelPendingOrders } from './change-status.ts'
import { Cart, type orders } from './contract.ts'

type Buyers = ConsumerHandlers<typeof orders, 'buyers'>

export interface Buyer {
  readonly email: string | null
  readonly name: string | null
  readonly active: boolean
}

/** The projection of users, as far as orders need it. Who is forgotten stays so, whatever is sent again. */
export const rememberBuyer: EventHandlerOf<typeof orders, 'buyers', 'user.created' | 'user.updated'> = async (
  { aggregateId, data },
  { tx },
) => {
  await tx.query(
    `insert into buyers (id, email, name, active) values ($1, $2, $3, true)
     on conflict (id) do update set email = excluded.email, name = excluded.name, updated_at = now() where buyers.active`,
    [uuidOf(User, aggregateId), data.email, data.name],
  )
}

/**
 * A user is gone (R-ORD-7): their open carts are deleted, their pending orders cancelled, their name and email forgotten.
 *
 * Every transaction of this service locks rows in one order, so that no two wait for each other (FC-78): buyers, carts with
 * their items, orders by id, products by id.
 */
export const forgetBuyer: Buyers['user.deleted'] = async ({ aggregateId }, unit) => {
  const id = uuidOf(User, aggregateId)
  // First, and locked: an order that is being placed is either committed by now, or finds its buyer gone.
  await unit.tx.query(
    `insert into buyers (id, active) values ($1, false)
     on conflict (id) do update set email = null, name = null, active = false, updated_at = now()`,
    [id],
  )
  const carts = await findBy(unit.tx, Cart, { userId: aggregateId, status: 'open' }, 'for update')
  for (const cart of carts) await remove(unit.tx, Cart, readRow(cart).id)
  await cancelPendingOrders(aggregateId, unit)
}

/**
 * The buyer must exist and be active: the users service knows; while it can't be asked, what this service has heard of it
 * answers; if neither knows, the order has to wait.
 */
export async function assertBuyer(userId: string, { call, read }: Unit<typeof orders>): Promise<void> {
  try {
    await call(users, { timeoutMs: ASK_MS }).users.get({ id: userId, query: { fields: ['id'] } })
  } catch (error) {
    // Said as this service's own: what another fails with would be a bad gateway (R-P-8).
    if (isProblem(error, users.problems.NOT_FOUND)) throw new Problem('NOT_FOUND')
    if (!UNREACHABLE.some((problem) => isProblem(error, problem))) throw error
    const buyer = await buyerOf(userId, read)
    if (!buyer) throw error
    if (!buyer.active) throw new Problem('NOT_FOUND')
  }
}

/** Then an order is placed within 1.2 s while the users service is frozen. */
const ASK_MS = 800
const { SERVICE_UNAVAILABLE, GATEWAY_TIMEOUT, BAD_GATEWAY } = users.problems
const UNREACHABLE = [SERVICE_UNAVAILABLE, GATEWAY_TIMEOUT, BAD_GATEWAY]

/** Undefined for one that this service has not heard of. */
export async function buyerOf(userId: string, db: Unit['read']): Promise<Buyer | undefined> {
  const [buyer] = await db.query<Buyer>('select email, name, active from buyers where id = $1', [uuidOf(User, userId)])
  return buyer
}

/** Whether a user is there, as far as this service has heard. */
export async function knowsBuyer(userId: string, db: Unit['read']): Promise<boolean | undefined> {
  return (await buyerOf(userId, db))?.active
}

/** Keeps the buyer from being forgotten before this transaction has ended; one that is forgotten already is NOT_FOUND. */
export async function holdBuyer(userId: string, tx: Tx): Promise<void> {
  const [buyer] = await tx.query<Buyer>('select active from buyers where id = $1 for share', [uuidOf(User, userId)])
  if (buyer && !buyer.active) throw new Problem('NOT_FOUND')
}
