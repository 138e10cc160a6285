import { system } from 'lintel'
import orders from './services/orders/service.ts'
import { accessTokens } from './services/users/contract.ts'
import users from './services/users/service.ts'

export default system({
  version: '0.1.0',
  services: [users, orders],
  auth: accessTokens,
})
