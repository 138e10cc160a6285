import { networkOf, type Unit, uuidOf } from '../service/index.ts'
import { User, type users } from './base.ts'

type UsersUnit = Unit<typeof users>

/** How long a network is one that the account signs in from. */
export const FAMILIAR_DAYS = 30
/** Of one account; those beyond it that were seen longest ago are forgotten. */
const MAX_NETWORKS = 50

export interface Guessed {
  /** Undefined where the address is nobody's. */
  readonly userId: string | undefined
  readonly email: string
  /** Where the guess comes from. */
  readonly address: string | undefined
}

/**
 * Takes one from the bucket of the account whose password is being tried: 429 when it is empty (R-RATE-1). It goes by the
 * account, however its address is spelt, or by the address that is nobody's (R-RATE-6). A network from which the account has
 * signed in lately has a bucket of its own, so that strangers do not lock the owner out.
 *
 * Asks the database the same whether there is an account or not: it must not take longer for one (R-AUTH-1).
 */
export async function limitAccount({ userId, email, address }: Guessed, unit: UsersUnit): Promise<void> {
  const network = address === undefined ? null : networkOf(address)
  const [known] = await unit.read.query(
    `select 1 as one from familiar_networks
     where user_id = $1 and network = $2 and seen_at > now() - interval '${FAMILIAR_DAYS} days'`,
    [userId === undefined ? null : uuidOf(User, userId), network],
  )
  await unit.limit('account', known ? `${userId} ${network}` : (userId ?? email.toLowerCase()), userId)
}

/** The account has signed in from here. Noted once an hour: logins at the same time need not wait for each other. */
export async function rememberNetwork(userId: string, address: string | undefined, { tx }: UsersUnit): Promise<void> {
  if (address === undefined) return
  const id = uuidOf(User, userId)
  const noted = await tx.query(
    `insert into familiar_networks (user_id, network) values ($1, $2)
     on conflict (user_id, network) do update set seen_at = now()
       where familiar_networks.seen_at < now() - interval '1 hour'
     returning 1 as one`,
    [id, networkOf(address)],
  )
  if (noted.length === 0) return
  // What another login has in hand is left to it: so neither waits for the other, nor both for each other.
  await tx.query(
    `delete from familiar_networks where id in (
       select id from familiar_networks where id in (
         select id from familiar_networks where user_id = $1 order by seen_at desc, id desc offset ${MAX_NETWORKS})
       for update skip locked)`,
    [id],
  )
}

export async function forgetNetworks(userId: string, { tx }: UsersUnit): Promise<void> {
  await tx.query('delete from familiar_networks where user_id = $1', [uuidOf(User, userId)])
}
