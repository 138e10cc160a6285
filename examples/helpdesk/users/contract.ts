import { t } from 'lintel/contract'
import { usersContract } from 'lintel/users'

/** Agents answer tickets; admins make users agents. Mails are in the language of their reader. */
export const directory = usersContract({
  roles: ['agent'],
  fields: { language: t.oneOf('en', 'de').default('en') },
})

export const { User, users, accessTokens, anyOf } = directory
