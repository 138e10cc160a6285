import { noteStatement } from '../base/failure.ts'
import { isSerialisation } from './faults.ts'
import { type ForetoldInsert, REFUTED } from './foretold.ts'

/** Sends an insert whose row is known; NotAsForetold where what is written is another, so that nothing is. */
export async function foretold<T>(insert: ForetoldInsert, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    noteStatement(error, insert.text(1))
    throw refutation(insert, error) ?? error
  }
}

export function refutation(insert: ForetoldInsert, error: unknown): NotAsForetold | undefined {
  if ((error as { code?: unknown }).code !== REFUTED) return undefined
  insert.refuted()
  return new NotAsForetold(error)
}

/** Whether work that has failed by this may go well when all of it is done again. */
export function isToBeRepeated(error: unknown): boolean {
  return isSerialisation(error) || error instanceof NotAsForetold
}

/** The work is done again, and waits for what the database makes of it. */
class NotAsForetold extends Error {
  constructor(cause: unknown) {
    super('a row is not what it was given to be', { cause })
  }
}

/** A statement had failed, and the work ended well all the same. */
export class RolledBack extends Error {
  readonly sqlState: unknown

  constructor(cause?: unknown) {
    const which = cause instanceof Error ? `: ${cause.message}` : ''
    super(
      `the transaction was rolled back: a statement had failed that was not awaited, or whose failure was caught${which}`,
      { cause },
    )
    this.sqlState = (cause as { code?: unknown } | undefined)?.code
  }
}

/** COMMIT was sent after a statement that failed, alone or behind others. */
export function isAborted(error: unknown): boolean {
  return error instanceof RolledBack || (error as { code?: unknown } | undefined)?.code === '25P02'
}

/**
 * PostgreSQL itself has refused a statement, or the COMMIT: nothing of it can come true any more. That is what an ERROR means, whatever its
 * code, for a trigger may raise any. A server that speaks another language calls it otherwise: there it is what does not end the connection.
 */
export function isRolledBack(error: unknown): boolean {
  if (error instanceof RolledBack) return true
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code, severity } = one as { code?: unknown; severity?: unknown }
    // Errors of the system have codes too, such as EPIPE.
    if (severity === undefined || typeof code !== 'string') continue
    if (severity === 'ERROR' || !/^(?:08|53|57P|58|XX)/.test(code)) return true
  }
  return false
}

/** Nothing that a caller has sent is at fault where the platform's own statement is refused. */
export function unwritten(cause: Error & { code?: string }): Error {
  return /^2[23]/.test(cause.code ?? '') ? new Error(`an event cannot be written: ${cause.message}`, { cause }) : cause
}
