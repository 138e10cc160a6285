const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * Milliseconds of a duration as people write it: whole digits and one unit, `250ms`, `10s`, `5m`, `2h` or `30d`
 * (a day is 24 hours). Anything else, and what is too long to count exactly, is `undefined`; whoever asked knows the
 * name of the option and can say what was expected.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,16})(ms|s|m|h|d)$/.exec(text)
  if (match === null) return undefined
  const ms = Number(match[1]) * MS_PER_UNIT[match[2] as keyof typeof MS_PER_UNIT]
  return Number.isSafeInteger(ms) ? ms : undefined
}
