import type { Line } from './step.ts'
import { ACCOUNTS, SESSIONS } from './steps/accounts.ts'
import { CARTS, FAREWELL, ORDERS } from './steps/orders.ts'
import { LISTS, PRODUCTS } from './steps/products.ts'
import { DOCUMENTS, LIMITED, PROTOCOL, VERSIONS } from './steps/protocol.ts'

/** All of it: one list, in this order. */
export const SCRIPT: readonly Line[] = [
  ...ACCOUNTS,
  ...PRODUCTS,
  ...LISTS,
  ...CARTS,
  ...ORDERS,
  ...PROTOCOL,
  ...VERSIONS,
  ...DOCUMENTS,
  ...SESSIONS,
  ...FAREWELL,
  ...LIMITED,
]

/** What each of the two services does most, for `npm test`. */
export const SHORT_SCRIPT: readonly Line[] = [...ACCOUNTS.slice(0, 12), ...PRODUCTS, ...CARTS, ...FAREWELL]
