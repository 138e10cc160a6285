import { type HandlerOf, remove } from '../service/index.ts'
import { User, type users } from './base.ts'
import { forgetNetworks } from './limit-account.ts'
import { endSessionsOfUser } from './sessions.ts'

export const deleteUser: HandlerOf<typeof users, 'users', 'delete'> = async ({ params, expected }, unit) => {
  const user = await remove(unit.tx, User, params.id, expected)
  await endSessionsOfUser(params.id, unit)
  await forgetNetworks(params.id, unit)
  unit.emit('user.deleted', user)
  unit.security.done('user.deleted', { account: params.id })
}
