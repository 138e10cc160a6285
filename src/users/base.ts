import { usersContract } from './contract.ts'

/** What every users service has, whatever its roles and own fields are: what handlers read and refer to. */
export const { User, Session, users } = usersContract<string, {}, never, string>()
