import { system } from 'lintel'
import reference from '../../system.ts'
import { effects } from './effects.ts'

/** The reference system, with a service that shows what came of its events. */
export default system({
  version: reference.version,
  services: [...reference.services, effects],
  auth: reference.auth!,
})
