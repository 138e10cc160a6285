import { Fault } from '../base/errors.ts'
import { COUNTED_TO } from '../data/outbox.ts'

export function wholeOf(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw wrong(`--limit is "${text}": give a whole number from 1 to 99999`)
  return Number(text)
}

/** What was counted no further is said so. */
export function countOf(rows: number): string {
  return rows < COUNTED_TO ? `${rows}` : `${rows} or more`
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
}

export function wrong(message: string): Fault {
  return new Fault('WRONG_ARGUMENT', message, { exitCode: 2 })
}
