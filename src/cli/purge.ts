import { parseDuration } from '../base/duration.ts'
import { Fault } from '../base/errors.ts'
import { purge } from '../data/purge.ts'
import { eachDatabase } from './each-database.ts'

/** Removes rows that were soft-deleted longer ago than `olderThan` (R-DEL-1). */
export async function purgeCommand(file: string, olderThan: string): Promise<void> {
  const olderThanMs = parseDuration(olderThan)
  if (olderThanMs === undefined)
    throw new Fault('WRONG_ARGUMENT', `--older-than is "${olderThan}": give a duration such as 30d or 12h`, {
      exitCode: 2,
    })
  await eachDatabase(file, async ({ contract }, database) => {
    for (const [table, { removed, left, reasons }] of Object.entries(await purge(database, contract, olderThanMs)))
      console.log(
        `${contract.name}.${table}: ${removed} removed${left > 0 ? `, ${left} left: ${reasons.join('; ')}` : ''}`,
      )
  })
}
