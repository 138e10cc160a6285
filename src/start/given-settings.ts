import { readFileSync } from 'node:fs'
import type { Setting } from './setting-kinds.ts'
import { type NamedService, settingsOf } from './settings-schema.ts'

/** The environment, with every `NAME_FILE` read into `NAME`. */
export type Env = Readonly<Record<string, string | undefined>>

export interface GivenSetting {
  readonly name: string
  readonly setting: Setting<unknown>
  /** Its value; undefined where it is not set, or is empty. */
  readonly text: string | undefined
  /** The variable that gave it: `PORT`, or `PORT_FILE` for the path of a file, as secrets have it. */
  readonly from: string | undefined
  /** Path of the file that gave it. */
  readonly file?: string
}

export interface GivenSettings {
  readonly given: readonly GivenSetting[]
  readonly env: Env
  /** A sentence for each file that cannot be read. */
  readonly unreadable: readonly string[]
}

/**
 * Finds the settings of a system with these services in the environment; a value of `NAME` itself goes before `NAME_FILE`.
 * Other names that end in `_FILE` mean something else: NPM_CONFIG_…_FILE, OTEL_CONFIG_FILE.
 */
export function givenSettings(from: Env, services: readonly NamedService[]): GivenSettings {
  const env: Record<string, string | undefined> = { ...from }
  const unreadable: string[] = []
  const given = [...settingsOf(services)].map(([name, setting]): GivenSetting => {
    const path = setting.byFile === false || from[name] ? undefined : from[`${name}_FILE`]
    if (!path) return { name, setting, text: from[name] || undefined, from: from[name] ? name : undefined }
    try {
      env[name] = valueIn(readFileSync(path, 'utf8'))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      unreadable.push(`${name}_FILE is "${path}": give a file that can be read (${code})`)
    }
    return { name, setting, text: env[name] || undefined, from: `${name}_FILE`, file: path }
  })
  return { given, env, unreadable }
}

/** What a file says of a setting: editors end it with a line break. */
export function valueIn(text: string): string {
  return text.replace(/\r?\n$/, '')
}
