import { system } from 'lintel'
import { accessTokens } from '../../services/users/contract.ts'
import users from '../../services/users/service.ts'
import helpdesk from './service.ts'

export default system({ name: 'helpdesk', services: [users, helpdesk], auth: accessTokens })
