import { usersContract } from 'lintel/users'

export const directory = usersContract()
export const { User, users, accessTokens } = directory
