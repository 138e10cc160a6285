/**
 * A segment of a path template with both text and parameters, such as `{sid}.json`, `{base}...{head}` or `{id}:cancel`: the
 * texts before, between and after its parameters, one more than there are parameters.
 */
export type MixedSegment = readonly string[]

/** What a segment of a template is; the names of its parameters mean nothing here. */
export function readSegment(text: string): 'literal' | 'parameter' | MixedSegment {
  if (!text.includes('{')) return 'literal'
  const texts = text.split(/\{[^{}]*\}/)
  return texts.length === 2 && texts[0] === '' && texts[1] === '' ? 'parameter' : texts
}

/** The one with more text goes first, as it says more of what it takes; 0: the same but for the names of parameters. */
export function compareMixed(a: MixedSegment, b: MixedSegment): number {
  const [textA, textB] = [a.join(''), b.join('')]
  if (textA.length !== textB.length) return textB.length - textA.length
  const [keyA, keyB] = [a.join('{}'), b.join('{}')]
  return keyA === keyB ? 0 : keyA < keyB ? -1 : 1
}

/**
 * The values of the parameters, none of them empty; undefined if the segment is another one. Each text is taken where it first
 * stands, which finds a match if there is one: what is left for the next parameters is never more. So nothing is tried twice,
 * however the segment is made up, as it might be by a regular expression.
 */
export function matchMixed(texts: MixedSegment, segment: string): string[] | undefined {
  const first = texts[0]!
  const last = texts.at(-1)!
  const end = segment.length - last.length
  if (!segment.startsWith(first) || end < first.length || !segment.endsWith(last)) return undefined
  const values: string[] = []
  let at = first.length
  for (let i = 1; i < texts.length; i++) {
    // A value has one character at least.
    const next = i === texts.length - 1 ? end : segment.indexOf(texts[i]!, at + 1)
    if (next <= at || next > end) return undefined
    values.push(segment.slice(at, next))
    at = next + texts[i]!.length
  }
  return values
}
