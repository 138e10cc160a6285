import { hashPassword, passwordFault } from 'lintel/auth'
import { Fault, insert, type Unit } from 'lintel/service'
import { User, type users } from './contract.ts'

/** The first admin, from the environment (R-AUTH-7). An address that is a user already is left as it is. */
export async function ensureFirstAdmin(
  { tx, emit }: Unit<typeof users>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { LINTEL_ADMIN_EMAIL: email, LINTEL_ADMIN_PASSWORD: password } = env
  if (!email && !password) return
  if (!email || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email))
    throw new Fault('WRONG_SETTING', `LINTEL_ADMIN_EMAIL is "${email ?? ''}": give an email address, with LINTEL_ADMIN_PASSWORD beside it`)
  const fault = password ? passwordFault(password) : 'is missing'
  if (!password || fault) throw new Fault('WRONG_SETTING', `LINTEL_ADMIN_PASSWORD ${fault}`)
  const [known] = await tx.query('select 1 from active_users where lower(email) = lower($1)', [email])
  if (known) return
  const admin = await insert(tx, User, { email, name: 'Admin', roles: ['admin'], passwordHash: await hashPassword(password) })
  emit('user.created', admin)
}
