import { implementUsers } from 'lintel/users/service'
import { directory } from './contract.ts'

export default implementUsers(directory, { migrations: new URL('./migrations/', import.meta.url) })
