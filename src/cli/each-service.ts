import { nearestName } from '../base/known-names.ts'
import { createLog, type Log, STDERR } from '../observe/log.ts'
import type { Service } from '../service/implement.ts'
import { findDatabases } from '../start/databases.ts'
import { readSettings, type Settings } from '../start/settings.ts'
import { contractsOf, type System, serviceNames } from '../start/system.ts'
import { wrong } from './arguments.ts'
import { loadSystem } from './load-system.ts'

export interface Found {
  /** Of its own database and role, which are there; what is in it may be anything. */
  readonly url: string
  readonly settings: Settings
  readonly log: Log
}

/** Goes through the services of a system, or those that are named, with the address of each one's database; also beside one that runs. */
export async function eachService(
  file: string,
  names: readonly string[],
  work: (service: Service<any>, found: Found) => Promise<void>,
  allowed: (settings: Settings) => void = () => {},
): Promise<void> {
  const system = await loadSystem(file)
  const services = servicesNamed(system, names)
  const settings = readSettings(process.env, contractsOf(system))
  allowed(settings)
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const databases = await findDatabases({ ...system, services }, settings, { log, shared: true })
  try {
    for (const service of services)
      await work(service, { url: databases.urls.get(service.contract.name)!, settings, log })
  } finally {
    await databases.stop()
  }
}

export function servicesNamed(system: System, names: readonly string[]): System['services'] {
  const known = serviceNames(system)
  for (const name of names) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    throw wrong(
      `"${name}" is no service of this system: ${nearest === undefined ? `give one of ${known.join(', ')}` : `did you mean "${nearest}"?`}`,
    )
  }
  return names.length === 0 ? system.services : system.services.filter(({ contract }) => names.includes(contract.name))
}
