import type { AnyContract } from '../../contract/contract.ts'
import { databaseUrls } from '../../start/databases.ts'
import { openable } from '../../start/listening.ts'
import { partsOf } from '../../start/parts.ts'
import type { Settings } from '../../start/settings.ts'
import type { System } from '../../start/system.ts'

export interface Addresses {
  /** Where the process listens. */
  readonly url: string
  readonly parts: readonly string[]
  /** Of the embedded server, where there is one. */
  readonly embeddedUrl: string | undefined
}

/** Prints where everything is that a developer opens: the gateway, its documents, the mails, each service and its database. */
export function showAddresses(system: System, settings: Settings, addresses: Addresses): void {
  const rows = addressRows(system, settings, addresses)
  const width = Math.max(...rows.map(([name]) => name.length))
  const bold = (text: string) => (process.env.NO_COLOR ? text : `\x1b[1m${text}\x1b[22m`)
  const lines = rows.map(([name, value]) => `  ${bold(name.padEnd(width))}  ${value}`)
  console.log(`\n${lines.join('\n')}\n`)
}

export function addressRows(
  system: System,
  settings: Settings,
  { url, parts, embeddedUrl }: Addresses,
): [name: string, value: string][] {
  const { gateway, near } = partsOf(system, parts)
  const at = openable(url)
  const rows: [string, string][] = gateway
    ? [
        ['gateway', at],
        ['documents', `${at}/docs`],
      ]
    : [['internal door', at]]
  if (gateway && settings.smtpUrl === undefined && system.services.some(({ mailers }) => mailers.length > 0))
    rows.push(['mails', `${at}/dev/mails`])
  const databases = databaseUrls(system, settings, embeddedUrl ?? settings.databaseUrl ?? '')
  for (const { contract } of near) {
    if (gateway)
      rows.push([
        contract.name,
        pathsOf(contract)
          .map((path) => `${at}${path}`)
          .join('  '),
      ])
    rows.push([gateway ? '' : contract.name, databases.get(contract.name)!])
  }
  return rows
}

/** What the paths of a service's operations begin with. */
function pathsOf({ served }: AnyContract): string[] {
  return [...new Set(served.map(({ path }) => `/${path.split('/')[1]}`))]
}
