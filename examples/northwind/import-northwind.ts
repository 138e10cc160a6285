import { CallProblem } from 'lintel/client'
import { connect } from './connection.ts'
import { ImportError } from './import-error.ts'
import { load } from './load.ts'
import { progressOn } from './progress.ts'
import { readRecords } from './records.ts'
import { HELP, readSettings } from './settings.ts'
import { tableOf, verify } from './verify.ts'

export interface Surroundings {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts with an ImportError when the import is to stop. */
  readonly stop: AbortSignal
  readonly out: { write(text: string): unknown }
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number }
}

const MOST_DIFFERENCES = 20

/** Loads Northwind, reads it back and compares. Answers the exit code. */
export async function importNorthwind({ args, env, stop, out, err }: Surroundings): Promise<number> {
  try {
    const settings = readSettings(args, env)
    if (!settings) {
      out.write(HELP)
      return 0
    }
    const progress = progressOn(err, env)
    const api = connect(settings, { stop, note: progress.note })
    const records = await readRecords()
    await load(api, records, { concurrency: settings.concurrency, stop, progress })
    const { figures, differences } = await verify(api, records)
    stop.throwIfAborted()
    out.write(tableOf(figures))
    if (differences.length === 0) {
      out.write('All of Northwind is there.\n')
      return 0
    }
    err.write(`This is not what Northwind has:\n${listOf(differences)}`)
    return 1
  } catch (error) {
    const { message, exitCode } = explain(error)
    err.write(`${message}\n`)
    return exitCode
  }
}

function listOf(differences: readonly string[]): string {
  const lines = differences.slice(0, MOST_DIFFERENCES).map((difference) => `  ${difference}\n`)
  const more = differences.length - lines.length
  return lines.join('') + (more > 0 ? `  and ${more} more\n` : '')
}

function explain(error: unknown): { message: string; exitCode: number } {
  if (error instanceof ImportError) return error
  if (!(error instanceof CallProblem)) {
    const message = String(error instanceof Error ? (error.stack ?? error) : error)
    return { message, exitCode: 1 }
  }
  if (error.code === 'FORBIDDEN')
    return { message: `LINTEL_ADMIN_EMAIL is no admin of this system: ${error.operation} is not allowed`, exitCode: 78 }
  const details = (error.details ?? []).map(({ field, message }) => `\n  ${field} ${message}`).join('')
  const request = error.requestId ? ` (request ${error.requestId})` : ''
  return { message: `${error.operation} failed with ${error.code}: ${error.message}${request}${details}`, exitCode: 1 }
}
