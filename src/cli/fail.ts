import { CommanderError } from 'commander'
import { Fault, Problem } from '../base/errors.ts'

const USAGE = 2

/** Ends the command: one clear message for a Fault, with its exit code; the whole error for a bug. */
export function failWith(error: unknown): never {
  // Commander has said all there is to say; help and version are no errors.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE)
  if (error instanceof Fault) console.error(`lintel: ${error.message} (${error.code})`)
  else if (error instanceof Problem && error.cause instanceof Error)
    // While it starts nobody has asked for anything: what cannot be used is a server, and most likely the database.
    console.error(`lintel: a database cannot be used: ${error.cause.message} (${error.code}). Its own log may say why`)
  else console.error(error)
  process.exit(error instanceof Fault ? error.exitCode : 1)
}
