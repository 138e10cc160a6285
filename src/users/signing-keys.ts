import { generateSigningKey, jwks, type SigningKey } from '../auth/index.ts'
import type { Command, OperationHandler, Tx, Unit } from '../service/index.ts'
import type { users } from './base.ts'
import type { Setup } from './setup.ts'

/** Every key that verifies, oldest first. */
export async function signingKeys(db: Unit['read']): Promise<SigningKey[]> {
  const rows = await db.query<{ key: SigningKey }>('select key from signing_keys order by created_at')
  return rows.map(({ key }) => key)
}

export const publicKeys: OperationHandler<typeof users, 'keys'> = async (_, { read }) => jwks(await signingKeys(read))

/** Makes the first key where there is none. */
export async function ensureSigningKey(tx: Tx): Promise<void> {
  if ((await signingKeys(tx)).length === 0) await addSigningKey(tx)
}

/** `lintel keys rotate`: a new key signs from now on, and what the others signed stays good until it expires (R-AUTH-2). */
export const rotateKeys = ({ lifetimes }: Setup): Command<typeof users> => ({
  about: 'Makes a new key for access and refresh tokens; nobody is logged out.',
  async run({ tx }) {
    const kid = await addSigningKey(tx)
    // No token lives longer than a session.
    await tx.query(
      `delete from signing_keys where created_at < now() - $2 * interval '1 day' and kid <> $1 and created_at <
       (select created_at from signing_keys where created_at < now() - $2 * interval '1 day' order by created_at desc limit 1)`,
      [kid, lifetimes.sessionDays + 1],
    )
    return `Tokens are signed with the key ${kid} from now on`
  },
})

async function addSigningKey(tx: Tx): Promise<string> {
  const key = await generateSigningKey()
  await tx.query('insert into signing_keys (kid, key) values ($1, $2)', [key.kid, JSON.stringify(key)])
  return key.kid
}
