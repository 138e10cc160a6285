import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ImportError } from './import-error.ts'

export interface Settings {
  /** Where the system is. */
  url: string
  email: string
  password: string
  /** Requests in flight. */
  concurrency: number
  /** How long to go on while nothing is answered. */
  patienceMs: number
}

type Environment = Readonly<Record<string, string | undefined>>

export const HELP = `Loads the Northwind data into a running system, through its public API, and checks that all of it is there.

  npm run import:northwind -- [options]

Options:
  --url <address>      the system; http://127.0.0.1:<PORT or 3000> by default
  --concurrency <n>    requests in flight, 1 to 64; 8 by default
  --patience <seconds> how long to go on trying while the system does not answer; 60 by default
  --help               this text

Environment, or a file .env:
  LINTEL_ADMIN_EMAIL, LINTEL_ADMIN_PASSWORD   the admin as whom it is loaded (or …_FILE: a file that holds it)
  NO_COLOR                                    no colours

It can be stopped at any time, and run again: it adds what is missing, and nothing twice.
91 customers become users without a password, and a system with SMTP_URL writes to each: their addresses end in
example.com, where nobody reads mail.

Exit codes: 0 all is there, 1 it failed or something differs, 78 a setting is missing or wrong, 130 or 143 it was stopped.
`

/** Reads options and environment; undefined when only help was asked for. Whatever is wrong is an ImportError 78. */
export function readSettings(args: readonly string[], env: Environment): Settings | undefined {
  const options = readOptions(args)
  if (options.help) return undefined
  const url = options.url ?? `http://127.0.0.1:${env.PORT || '3000'}`
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ImportError(`--url ${url} is no address: give one like http://127.0.0.1:3000`, 78)
  const email = secretOf(env, 'LINTEL_ADMIN_EMAIL')
  const password = secretOf(env, 'LINTEL_ADMIN_PASSWORD')
  if (!email || !password) {
    const missing = [email ? '' : 'LINTEL_ADMIN_EMAIL', password ? '' : 'LINTEL_ADMIN_PASSWORD'].filter(Boolean)
    throw new ImportError(
      `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set: give those with which the system was started, in the environment or in .env`,
      78,
    )
  }
  return {
    url,
    email,
    password,
    concurrency: wholeOf('concurrency', options.concurrency ?? '8', 1, 64),
    patienceMs: wholeOf('patience', options.patience ?? '60', 0, 3600) * 1000,
  }
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        concurrency: { type: 'string' },
        patience: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new ImportError(`${error instanceof Error ? error.message : error}\nSee --help.`, 78)
  }
}

function wholeOf(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new ImportError(`--${name} ${text} is not a whole number from ${min} to ${max}`, 78)
}

function secretOf(env: Environment, name: string): string | undefined {
  const file = env[`${name}_FILE`]
  if (env[name] || !file) return env[name]
  if (!existsSync(file)) throw new ImportError(`${name}_FILE names ${file}, which is not there`, 78)
  return readFileSync(file, 'utf8').trimEnd()
}
