import { generateSigningKey, jwks, type SigningKey } from 'lintel/auth'
import type { OperationHandler, Unit } from 'lintel/service'
import type { users } from './contract.ts'

export const ISSUER = 'lintel/users'
export const AUDIENCE = 'lintel'

/** Every key that verifies, oldest first. */
export async function signingKeys(db: Unit['read']): Promise<SigningKey[]> {
  const rows = await db.query<{ key: SigningKey }>('select key from signing_keys order by created_at')
  return rows.map(({ key }) => key)
}

export const publicKeys: OperationHandler<typeof users, 'keys'> = async (_, { read }) => jwks(await signingKeys(read))

/** Makes the first key where there is none. */
export async function ensureSigningKey(tx: Unit['tx']): Promise<void> {
  if ((await signingKeys(tx)).length > 0) return
  const key = await generateSigningKey()
  await tx.query('insert into signing_keys (kid, key) values ($1, $2)', [key.kid, JSON.stringify(key)])
}
