import { parseDuration } from '../base/duration.ts'
import { Fault } from '../base/errors.ts'

/** The time that an option gives, or how long ago, as RFC 3339. */
export function timeOf(option: string, text: string): string {
  const agoMs = parseDuration(text)
  const time = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs
  if (!Number.isNaN(time) && /^\d/.test(text)) return new Date(time).toISOString()
  const message = `${option} is "${text}": give a time such as 2026-11-26T09:00:00Z, or how long ago, such as 2h`
  throw new Fault('WRONG_ARGUMENT', message, { exitCode: 2 })
}
