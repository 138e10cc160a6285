/** How a change of one value reads: `has the maxLength 50, not 100`, `has no pattern any more (it was ^a)`. */
export function changed(name: string, old: string | number | undefined, now: string | number | undefined): string {
  if (old === undefined) return `has the new ${name} ${now}`
  return now === undefined ? `has no ${name} any more (it was ${old})` : `has the ${name} ${now}, not ${old}`
}
