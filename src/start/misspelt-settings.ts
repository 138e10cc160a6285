import { nearestName } from '../base/known-names.ts'

/** Of the environment, what looks like a setting and is none (R-OPS-4). */
export interface Misspelt {
  /** With a beginning that only settings of ours have: they were meant, and would be ignored. */
  readonly faults: readonly string[]
  /** Perhaps meant, perhaps another program's. */
  readonly warnings: readonly string[]
}

/** `known` are the settings that were read; `services` of a system, none of a gateway alone. */
export function misspeltSettings(
  names: readonly string[],
  known: ReadonlySet<string>,
  services: readonly string[],
): Misspelt {
  const all = [...known, ...READ_ELSEWHERE]
  // Where a service is that runs elsewhere.
  const notYet = [...NOT_YET, ...services.map((service) => `${service.toUpperCase().replaceAll('-', '_')}_URL`)]
  const faults: string[] = []
  const warnings: string[] = []
  for (const name of names) {
    const base = name.replace(/_FILE$/, '')
    if (all.includes(name) || all.includes(base) || BY_KUBERNETES.test(name)) continue
    const meant = misspelt(base, all)
    if (notYet.includes(base)) warnings.push(`${name} is set, but has no effect in this version`)
    else if (/^(LINTEL|RATE_LIMIT)_/.test(name))
      faults.push(
        `${name} is not a setting: ${meant === undefined ? 'see the settings in the README' : `did you mean ${meant}?`}`,
      )
    else if (meant !== undefined) warnings.push(`${name} is not a setting: did you mean ${meant}?`)
    else if (base.endsWith('_DATABASE_URL') && services.length > 0)
      warnings.push(`${name} belongs to no service of this system: ${services.join(', ')}`)
  }
  return { faults, warnings }
}

/** By the platform, the services and the command line. */
const READ_ELSEWHERE = ['HOST', 'NODE_ENV', 'LINTEL_DATA_DIR', 'LINTEL_ADMIN_EMAIL', 'LINTEL_ADMIN_PASSWORD']

/** Whoever sets them should hear that they change nothing. */
const NOT_YET = ['REDIS_URL', 'LINTEL_WORKERS', 'LINTEL_INTERNAL_KEY', 'LINTEL_CALL_TRANSPORT']

/** What Kubernetes and Docker tell every container of a service that is named `lintel`, or begins so. */
const BY_KUBERNETES = /_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/

/** Of short names only one slip counts: PGPORT, POST and HOME are others' words. */
function misspelt(name: string, known: readonly string[]): string | undefined {
  return name.length < 8 ? nearestName(name, known, 1) : nearestName(name, known)
}
