/** Longer names and paths are cut: an answer should not be larger than its request. */
const MAX_SHOWN = 200

/**
 * The path of a member, for `details`: `items[0].name`. A key that is not a plain name stands in brackets and quotes, so
 * that every path means one thing: `["a.b"]` is a key with a dot in it, and `a.b` is the member `b` of `a` (FC-104).
 */
export function memberPath(path: string, key: string): string {
  const shown = shortened(key)
  if (!/^[\w$-]+$/.test(key)) return `${path}[${JSON.stringify(shown)}]`
  return path === '' ? shown : `${path}.${shown}`
}

/** The path of what stands below keys and indexes, outermost first. */
export function fieldPath(steps: readonly (string | number)[]): string {
  let path = ''
  for (const step of steps) {
    if (path.length > MAX_SHOWN) break
    path = typeof step === 'number' ? `${path}[${step}]` : memberPath(path, step)
  }
  return shortened(path)
}

export function shortened(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}
