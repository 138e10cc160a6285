import { system } from 'lintel'
import helpdesk from './service.ts'
import { accessTokens } from './users/contract.ts'
import users from './users/service.ts'

export default system({ name: 'helpdesk', services: [users, helpdesk], auth: accessTokens })
