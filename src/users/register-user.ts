import { type HandlerOf, hasRole, insert, invalid } from '../service/index.ts'
import type { users } from './base.ts'
import { hashNew } from './passwords.ts'
import type { Setup } from './setup.ts'

export const registerUser =
  ({ User, without }: Setup): HandlerOf<typeof users, 'users', 'create'> =>
  async ({ body, caller }, unit) => {
    const { password, invite, ...values } = body
    if (password === null && (without.has('invitations') || !hasRole(caller, 'admin')))
      throw invalid('password', 'is required')
    const passwordHash = password === null ? null : await hashNew(password, unit)
    const user = await insert(unit.tx, User, { ...values, passwordHash, invited: invite !== false })
    unit.emit('user.created', user)
    return user
  }
