import { pino } from 'pino'
import { masked } from './mask.ts'

/**
 * An error as it stands in the log: with its members, its secrets masked, and the messages of what caused it behind its own, each
 * once: an error often quotes its cause.
 */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { type, message: _, stack, ...members } = pino.stdSerializers.err(error)
  return { type, message: messageOf(error), stack, ...masked(members) }
}

const MOST_CAUSES = 10

function messageOf(error: Error): string {
  let text = error.message
  let { cause } = error
  for (let i = 0; i < MOST_CAUSES && cause instanceof Error; i++) {
    if (cause.message !== '' && !text.includes(cause.message))
      text += text === '' ? cause.message : `: ${cause.message}`
    cause = cause.cause
  }
  return text
}
