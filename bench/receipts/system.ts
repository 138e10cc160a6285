import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { accessTokens } from '../../services/users/contract.ts'
import users from '../../services/users/service.ts'
import { implement } from '../../src/service/implement.ts'
import { system } from '../../src/start/define-system.ts'
import { receipts } from './contract.ts'

/** Events are carried to a consumer in the same process, which does nothing with them. It runs in the repository's folder. */
export default system({
  services: [
    users,
    implement(
      receipts,
      { ledger: { 'receipt.created': async () => {} } },
      { migrations: pathToFileURL(resolve('bench/receipts/migrations/')) },
    ),
  ],
  auth: accessTokens,
})
