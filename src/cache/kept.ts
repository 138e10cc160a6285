import { crc32 } from 'node:zlib'

/** What is kept under a key: finished text, and a short one beside it, such as an entity tag. */
export interface Kept {
  readonly head: string
  readonly body: string
}

/** What is kept, with the versions that its tags had before it was read from the database. */
export interface Entry extends Kept {
  readonly stamp: string
  /** By the clock of this process (performance.now). */
  readonly untilMs: number
}

/** Goes up with each change of the format: another version's entries are misses. */
const FORMAT = 'L2'

/**
 * One text for other processes; a part of it, or something else in its place, is recognised as such. When it ends is said in
 * wall time, which is all that processes have in common.
 */
export function writeEntry({ stamp, untilMs, head, body }: Entry): string {
  const text = `${Math.round(Date.now() + untilMs - performance.now())}\n${stamp}\n${head.length}\n${head}${body}`
  return `${FORMAT} ${crc32(text)}\n${text}`
}

/** Undefined where the text is no entry of this format, or not all of one. However clocks differ, it is good for `ttlMs` at most. */
export function readEntry(text: string, ttlMs: number): Entry | undefined {
  const match = HEADER.exec(text)
  if (match === null) return undefined
  const [all, sum, until, stamp, length] = match
  if (crc32(text.slice(text.indexOf('\n') + 1)) !== Number(sum)) return undefined
  const bodyAt = all.length + Number(length)
  const untilMs = performance.now() + Math.min(ttlMs, Number(until) - Date.now())
  return { stamp: stamp!, untilMs, head: text.slice(all.length, bodyAt), body: text.slice(bodyAt) }
}

const HEADER = new RegExp(`^${FORMAT} (\\d{1,10})\\n(\\d{1,15})\\n(.*)\\n(\\d{1,9})\\n`)
