import { hashPassword, passwordFault } from '../auth/index.ts'
import { invalid, type Unit } from '../service/index.ts'

/** The hash to keep of a new password; a 400 that names `password` and the reason where it will not do (R-AUTH-5). */
export async function hashNew(password: string, unit: Pick<Unit, 'signal' | 'deadline'>): Promise<string> {
  const fault = passwordFault(password)
  if (fault) throw invalid('password', fault)
  return hashPassword(password, unit)
}
