import { type Id, isProblem, type Unit } from 'lintel/service'
import type { helpdesk } from './contract.ts'
import { users } from './users/contract.ts'

/** A user as the users service has them by now, or undefined where they are gone. */
export async function findUser(id: Id<'usr'>, { call }: Unit<typeof helpdesk>) {
  try {
    return await call(users).users.get({ id })
  } catch (error) {
    if (isProblem(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
