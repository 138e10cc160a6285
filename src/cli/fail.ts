import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { Fault, Problem } from '../base/errors.ts'

const USAGE = 2

/** Ends the command: one clear message for a Fault, with its exit code; the whole error for a bug. */
export function failWith(error: unknown): never {
  // Help and version, which are printed; no error, unless nothing was asked for.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE)
  const { text, exitCode } = failureOf(error)
  console.error(text)
  process.exit(exitCode)
}

/** What to print of an error, and what a command ends with because of it. */
export interface Failure {
  readonly text: string
  readonly exitCode: number
}

/** A failure of another process of ours: its text is printed as it is. */
export class ElsewhereFailed extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.text)
    this.failure = failure
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ElsewhereFailed) return error.failure
  if (error instanceof Fault) return { text: `lintel: ${error.message} (${error.code})`, exitCode: error.exitCode }
  if (error instanceof Problem && error.cause instanceof Error) {
    // While it starts nobody has asked for anything: what cannot be used is a server, and most likely the database.
    const text = `lintel: a database cannot be used: ${error.cause.message} (${error.code}). Its own log may say why`
    return { text, exitCode: 1 }
  }
  return { text: inspect(error), exitCode: 1 }
}
