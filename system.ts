import { system } from 'lintel'
import orders from './services/orders/service.ts'
import users from './services/users/service.ts'
import { AUDIENCE, ISSUER } from './services/users/signing-keys.ts'

export default system({
  version: '0.1.0',
  services: [users, orders],
  auth: { service: users.contract, issuer: ISSUER, audience: AUDIENCE, revokedBy: ['session.ended', 'user.updated'] },
})
