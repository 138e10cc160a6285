import { Fault } from '../base/errors.ts'

/** Ends the command: one clear message for a Fault, with its exit code; the whole error for a bug. */
export function failWith(error: unknown): never {
  if (error instanceof Fault) console.error(`lintel: ${error.message} (${error.code})`)
  else console.error(error)
  process.exit(error instanceof Fault ? error.exitCode : 1)
}
