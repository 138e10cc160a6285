import { system } from 'lintel'
import notes from './services/notes/service.ts'
import { accessTokens } from './services/users/contract.ts'
import users from './services/users/service.ts'

export default system({ name: 'my-api', version: '0.1.0', services: [users, notes], auth: accessTokens })
