import { existsSync, readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { createInterface } from 'node:readline/promises'
import { parseEnv } from 'node:util'
import { Fault } from '../base/errors.ts'
import { addressOf } from '../data/connection.ts'
import { emptyDatabase } from '../data/reset.ts'
import { migrateService } from '../start/databases.ts'
import { DEVELOPMENT, type Settings } from '../start/settings.ts'
import { wrong } from './arguments.ts'
import { eachService } from './each-service.ts'

/** Empties the databases of services, and migrates them anew: in development, and on this machine. */
export async function migrateResetCommand(
  file: string,
  names: readonly string[],
  { yes }: { readonly yes: boolean },
): Promise<void> {
  let asked = yes
  await eachService(
    file,
    names,
    async (service, { url, log }) => {
      const { name } = service.contract
      if (!asked) await askWhether(names.length === 0 ? 'all services' : names.join(', '), addressOf(url).host)
      asked = true
      await emptyDatabase(url)
      const applied = await migrateService(service, url, { log })
      console.log(`${name}: made anew, ${applied.length} migrations applied`)
    },
    assertDevelopment,
  )
}

/** Before anything is opened. A `.env` never says that this is development, but it may say that it is not. */
function assertDevelopment({ production, databaseUrl, serviceDatabaseUrls }: Settings): void {
  const { NODE_ENV = DEVELOPMENT } = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
  if (production || NODE_ENV !== DEVELOPMENT)
    throw new Fault(
      'NOT_DEVELOPMENT',
      '`lintel migrate reset` drops every row, and this is production: it is for development alone (NODE_ENV=development)',
    )
  for (const url of [databaseUrl, ...serviceDatabaseUrls.values()]) {
    const host = url === undefined ? undefined : addressOf(url).host
    if (host === undefined || isLocal(host)) continue
    throw new Fault(
      'NOT_DEVELOPMENT',
      `\`lintel migrate reset\` drops every row, and a database is on ${host}: it is for databases of this machine alone`,
    )
  }
}

/** A path is a socket's; a name that begins with 127 may be anybody's. */
function isLocal(host: string): boolean {
  return host.startsWith('/') || ['localhost', '::1'].includes(host) || (isIPv4(host) && host.startsWith('127.'))
}

async function askWhether(whose: string, host: string): Promise<void> {
  const { stdin, stderr } = process
  if (!stdin.isTTY) throw wrong('This drops every row, and there is nobody to ask: add --yes')
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await lines.question(`This drops every row of ${whose} on ${host}. Go on? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new Fault('GIVEN_UP', 'Nothing was dropped', { exitCode: 1 })
  } finally {
    lines.close()
  }
}
