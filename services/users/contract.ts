import { olderShape, t } from 'lintel/contract'
import { usersContract } from 'lintel/users'

/** Version 1 knew one role (R-VER-4). */
const oneRole = olderShape({
  without: ['roles'],
  added: { role: t.oneOf('member', 'admin').default('member').only('admin') },
  up: ({ role, ...rest }) => (role === undefined ? rest : { ...rest, roles: [role] }),
  down: ({ roles, ...rest }) => ({
    ...rest,
    role: Array.isArray(roles) && roles.includes('admin') ? 'admin' : 'member',
  }),
})

export const directory = usersContract({
  latest: 2,
  older: { 1: { shapes: { users: oneRole } } },
})

export const { User, Session, users, accessTokens } = directory
