import { readEmail } from '../base/email.ts'
import { Fault, type FieldFault } from '../base/errors.ts'
import { checkOf } from '../contract/check.ts'
import type { AnyContract } from '../contract/contract.ts'
import { type FieldSpec, type Fields, specsOf } from '../contract/fields.ts'
import { type Kind, type Setting, secret, text } from './setting-kinds.ts'

/** The settings that a contract declares, as a system knows settings. */
export function declaredSettings({
  name,
  settings,
}: Pick<AnyContract, 'name' | 'settings'>): [string, Setting<unknown>][] {
  return Object.entries(specsOf(settings as Fields)).map(([key, spec]) => [key, declaredSetting(spec, name)])
}

function declaredSetting(spec: FieldSpec, service: string): Setting<unknown> {
  const { default: usual, optional, description } = spec
  return {
    kind: kindOf(spec),
    ...(usual === undefined ? {} : { default: String(usual) }),
    ...(usual === undefined && { unset: optional ? 'none' : `required by ${service}` }),
    about: description ?? `Of the ${service} service.`,
  }
}

/** By the name of each service, the values of the settings that its contract declares; null where one that may be left out is. */
export type SettingValuesByService = ReadonlyMap<string, Readonly<Record<string, unknown>>>

/**
 * The settings of the services that this process runs. A Fault WRONG_SETTING names each that is missing. What is given has been
 * checked (`readSettings`).
 */
export function settingValues(contracts: readonly AnyContract[], env: Env): SettingValuesByService {
  const missing: string[] = []
  const values = contracts.map(({ name: service, settings }) => {
    const own: Record<string, unknown> = {}
    for (const [name, spec] of Object.entries(specsOf(settings as Fields))) {
      const given = env[name] || undefined
      own[name] = (given === undefined ? spec.default : read(spec, given)) ?? null
      if (own[name] === null && !spec.optional)
        missing.push(`${name} is not set, and the ${service} service needs it: give ${expectedOf(spec)}`)
    }
    return [service, Object.freeze(own)] as const
  })
  if (missing.length > 0) throw new Fault('WRONG_SETTING', missing.join('\n'))
  return new Map(values)
}

type Env = Readonly<Record<string, string | undefined>>

function kindOf(spec: FieldSpec): Kind<unknown> {
  const { mask, show } = spec.hidden ? secret('') : text('')
  return {
    parse(given) {
      const value = read(spec, given)
      const faults: FieldFault[] = []
      checkOf(spec)(value, '', faults)
      return faults.length === 0 ? value : undefined
    },
    expected: expectedOf(spec),
    ...(mask && { mask }),
    ...(show && { show }),
  }
}

/** As the field has it; a text where it is no number and neither true nor false, which its check refuses. */
function read({ kind }: FieldSpec, given: string): unknown {
  if (kind === 'email') return readEmail(given) ?? given
  if (kind === 'integer' || kind === 'decimal') return /^-?\d{1,16}(\.\d{1,15})?$/.test(given) ? Number(given) : given
  if (kind === 'boolean') return given === 'true' ? true : given === 'false' ? false : given
  return given
}

function expectedOf({ kind, min, max, scale, values = [], patternHint, pattern }: FieldSpec): string {
  switch (kind) {
    case 'email':
      return 'an email address'
    case 'integer':
      return `a whole number from ${min} to ${max}`
    case 'decimal':
      return `a number from ${min} to ${max}, with at most ${scale} decimals`
    case 'boolean':
      return 'true or false'
    case 'oneOf':
      return `one of ${values.join(', ')}`
    default:
      return patternHint ?? (pattern ? `a text like ${pattern.source}` : `a text of ${min} to ${max} characters`)
  }
}
