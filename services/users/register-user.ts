import { type HandlerOf, hasRole, insert, invalid } from 'lintel/service'
import { User, type users } from './contract.ts'
import { hashNew } from './passwords.ts'

export const registerUser: HandlerOf<typeof users, 'users', 'create'> = async ({ body, caller }, unit) => {
  const { password, invite, ...values } = body
  if (password === null && !hasRole(caller, 'admin')) throw invalid('password', 'is required')
  const passwordHash = password === null ? null : await hashNew(password, unit)
  const user = await insert(unit.tx, User, { ...values, passwordHash, invited: invite !== false })
  unit.emit('user.created', user)
  return user
}
