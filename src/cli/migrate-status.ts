import { type MigrationStatus, migrationFolders, migrationStatus } from '../data/migrate.ts'
import { eachService } from './each-service.ts'

export interface StatusOptions {
  readonly check: boolean
  readonly json: boolean
}

/** Prints the migrations of each service; with `check` it ends with 1 where one is not applied. */
export async function migrateStatusCommand(file: string, { check, json }: StatusOptions): Promise<void> {
  const all: Record<string, MigrationStatus> = {}
  await eachService(file, [], async (service, { url }) => {
    all[service.contract.name] = await migrationStatus(url, migrationFolders(service))
  })
  console.log(json ? JSON.stringify(all, null, 2) : Object.entries(all).flatMap(linesOf).join('\n'))
  const pending = Object.values(all).reduce((sum, one) => sum + one.pending.length, 0)
  if (check && pending > 0) {
    console.error(`${pending} not applied: run \`lintel migrate\``)
    process.exitCode = 1
  }
}

function linesOf([service, { applied, pending }]: [string, MigrationStatus]): string[] {
  return [
    `${service}: ${applied.length} applied, ${pending.length} pending`,
    ...applied.map(({ name, appliedAt }) => `  ${name}  applied ${appliedAt.toISOString()}`),
    ...pending.map((name) => `  ${name}  pending`),
  ]
}
