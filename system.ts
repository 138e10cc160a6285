import { system } from 'lintel'
import orders from './services/orders/service.ts'
import { accessTokens } from './services/users/contract.ts'
import users from './services/users/service.ts'

export default system({
  version: '0.1.0',
  about: {
    title: 'Lintel reference system',
    description: 'Users who sign in, and a shop: products, carts, orders.',
    contact: { name: 'The Lintel authors' },
    license: { name: 'MIT', identifier: 'MIT' },
  },
  services: [users, orders],
  auth: accessTokens,
})
