import { passwordFault } from '../auth/index.ts'
import { Fault, type Unit } from '../service/index.ts'
import type { users } from './base.ts'
import { addUser } from './create-user.ts'
import type { Setup } from './setup.ts'

/**
 * The first admin, from the environment (R-AUTH-7). An address that is a user already is left as it is. Answers how to
 * get an admin where there is none.
 */
export async function ensureFirstAdmin(unit: Unit<typeof users>, setup: Setup) {
  const { LINTEL_ADMIN_EMAIL: email, LINTEL_ADMIN_PASSWORD: password } = unit.settings
  if (email || password) {
    if (!email || !password) throw wrong(`LINTEL_ADMIN_${email ? 'PASSWORD' : 'EMAIL'} is missing: set both or neither`)
    const fault = passwordFault(password)
    if (fault) throw wrong(`LINTEL_ADMIN_PASSWORD is "…" (masked): it ${fault}`)
    await addUser({ email, name: 'Admin', roles: ['admin'] }, password, unit, setup)
  }
  const [admin] = await unit.tx.query(`select 1 from active_users where roles @> '["admin"]' limit 1`)
  return admin ? undefined : 'no admin exists yet: run `lintel users create --email <address> --admin`'
}

function wrong(message: string): Fault {
  return new Fault('WRONG_SETTING', message)
}
