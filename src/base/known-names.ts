/**
 * What is wrong with the members of `given`, where only `known` mean anything: the first that means nothing, and what was
 * probably meant. Undefined when all is well. JavaScript has no compiler to say so, and an option that is ignored can leave
 * open what it was to close.
 *
 *     unknownMember({ acces: 'admin' }, ['access', 'fields'])   // 'has the unknown member "acces": did you mean "access"?'
 */
export function unknownMember(given: unknown, known: readonly string[]): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const name = Object.keys(given).find((one) => !known.includes(one))
  if (name === undefined) return undefined
  const meant = nearestName(name, known)
  return `has the unknown member "${name}": ${meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${meant}"?`}`
}

/**
 * The name among `known` that `name` is a misspelling of: at most `most` slips away, which is one for short names, two, or
 * three for long ones; another case is no slip.
 */
export function nearestName(
  name: string,
  known: readonly string[],
  most = name.length < 4 ? 1 : name.length < 12 ? 2 : 3,
): string | undefined {
  let fewest = most + 1
  let nearest: string | undefined
  for (const one of known) {
    const slips = slipsBetween(name.toLowerCase(), one.toLowerCase(), fewest)
    if (slips < fewest) [nearest, fewest] = [one, slips]
  }
  return nearest
}

/** Letters left out, added, changed, or swapped with their neighbour (optimal string alignment); `enough` or more is `enough`. */
function slipsBetween(a: string, b: string, enough: number): number {
  if (Math.abs(a.length - b.length) >= enough) return enough
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? beforeLast[j - 2]! + 1 : enough
      row.push(Math.min(last[j]! + 1, row[j - 1]! + 1, changed, swapped))
    }
    beforeLast = last
    last = row
  }
  return Math.min(last[b.length]!, enough)
}
