import { http, portClient } from 'lintel/call'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { patient, type Watch } from './patience.ts'
import { asAdmin } from './session.ts'
import type { Settings } from './settings.ts'

/** The system's public API, called as the admin. */
export type Api = ReturnType<typeof connect>

/** Every request, a page of a walk too, waits out what passes; so it does for its login. */
export function connect(settings: Settings, watch: Watch) {
  // Patience does what the port's own retries would, for longer.
  const anonymous = patient(http(settings.url, { retries: 0 }), settings, watch)
  const port = patient(asAdmin(settings, anonymous), settings, watch)
  return { ...portClient(users, port), ...portClient(orders, port) }
}
