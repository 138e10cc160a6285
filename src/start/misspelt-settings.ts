import { nearestName } from '../base/known-names.ts'

/** Of the environment, what looks like a setting and is none (R-OPS-4). */
export interface Misspelt {
  /** With a beginning that only settings of ours have: they were meant, and would be ignored. */
  readonly faults: readonly string[]
  /** Perhaps meant, perhaps another program's. */
  readonly warnings: readonly string[]
}

/** `known` are all settings; `services` of a system, none of a gateway alone. */
export function misspeltSettings(
  names: readonly string[],
  known: ReadonlySet<string>,
  services: readonly string[],
): Misspelt {
  const all = [...known]
  const faults: string[] = []
  const warnings: string[] = []
  for (const name of names) {
    const base = name.replace(/_FILE$/, '')
    if (known.has(name) || known.has(base) || BY_KUBERNETES.test(name)) continue
    if (base === FORMER) {
      warnings.push(
        `${name} has no effect any more: consumers read events from the service that publishes them. Unset it; that database may be dropped`,
      )
      continue
    }
    const meant = misspelt(base, all)
    if (/^(LINTEL|RATE_LIMIT)_/.test(name))
      faults.push(
        `${name} is not a setting: ${meant === undefined ? '`lintel config` lists them' : `did you mean ${meant}?`}`,
      )
    else if (meant !== undefined) warnings.push(`${name} is not a setting: did you mean ${meant}?`)
    else if (base.endsWith('_DATABASE_URL') && services.length > 0)
      warnings.push(`${name} belongs to no service of this system: ${services.join(', ')}`)
  }
  return { faults, warnings }
}

/** Named the database that carried events, until consumers read them where they are written. */
const FORMER = 'EVENTS_DATABASE_URL'

/** What Kubernetes and Docker tell every container of a service that is named `lintel`, or begins so. */
const BY_KUBERNETES = /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/

/** Of short names only one slip counts: PGPORT, POST and HOME are others' words. */
function misspelt(name: string, known: readonly string[]): string | undefined {
  return name.length < 8 ? nearestName(name, known, 1) : nearestName(name, known)
}
