import { existsSync } from 'node:fs'
import { type Env, type GivenSetting, givenSettings } from '../start/given-settings.ts'
import { readSettings } from '../start/settings.ts'
import type { NamedService } from '../start/settings-schema.ts'
import { contractsOf } from '../start/system.ts'
import { prepareEnvironment } from './environment.ts'
import { importSystem } from './load-system.ts'

/** A setting as `lintel config` prints it. */
export interface ShownSetting {
  readonly name: string
  /** As it would be written, without its secrets; null where it is not set and has no default. */
  readonly value: string | null
  /** `default`, `environment`, `.env`, or the variable with the path of the file that has it: `DATABASE_URL_FILE`. */
  readonly source: string
  readonly unit?: string | undefined
  /** What holds where it is not set. */
  readonly unset?: string | undefined
  readonly about: string
}

/** Prints every setting that `lintel start` would read here; then what is wrong with them, if anything is. */
export async function configCommand(file: string, { json = false }: { readonly json?: boolean }): Promise<void> {
  const before = prepareEnvironment('serve')
  // A gateway alone has settings, and no system.
  const services = existsSync(file) ? contractsOf(await importSystem(file)) : []
  const shown = shownSettings(process.env, services, before)
  console.log(json ? JSON.stringify(shown, null, 2) : table(shown))
  if (services.length === 0) console.error(`${file} does not exist: settings of its services are left out`)
  for (const warning of readSettings(process.env, services).warnings) console.error(warning)
}

/** `before` has the names that do not come from `.env`. */
export function shownSettings(
  env: Env,
  services: readonly NamedService[],
  before: ReadonlySet<string>,
): ShownSetting[] {
  return givenSettings(env, services).given.map((one) => ({
    name: one.name,
    value: shownValue(one),
    source: sourceOf(one, before),
    unit: one.setting.unit,
    unset: one.setting.unset,
    about: one.setting.about,
  }))
}

function shownValue({ setting: { kind, default: usual }, text }: GivenSetting): string | null {
  if (text === undefined) return usual ?? null
  if (kind.parse(text) === undefined) return kind.mask?.(text) ?? text
  return kind.show?.(text) ?? text
}

function sourceOf({ name, from }: GivenSetting, before: ReadonlySet<string>): string {
  if (from === undefined) return 'default'
  const inFile = before.has(from) ? 'environment' : '.env'
  return from === name ? inFile : from
}

function table(shown: readonly ShownSetting[]): string {
  const rows = shown.map(({ name, value, source, unit, unset }) => [
    name,
    value === null ? `(${unset})` : withUnit(value, unit),
    source,
  ])
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n')
}

/** A value that is no number is wrong, and may name a unit itself: `10s`. */
function withUnit(value: string, unit: string | undefined): string {
  return unit === undefined || !/^\d+$/.test(value) ? value : `${value} ${unit}`
}
