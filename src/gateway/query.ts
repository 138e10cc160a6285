import { invalid, Problem } from '../base/errors.ts'
import type { Pair, Pairs } from '../contract/list-query.ts'

const NONE: Pairs = []
/** Enough to repeat a filter for each of its values, of which there may be a hundred. */
const MAX_PARAMETERS = 1000

/**
 * The parameters of a raw query string, in order, as application/x-www-form-urlencoded has them: `+` is a space. A name
 * without `=` has the value ''. Bad escapes, invalid UTF-8 and more than 1,000 parameters are refused.
 */
export function readQuery(raw: string): Pairs {
  if (raw === '') return NONE
  const parts = raw.split('&', MAX_PARAMETERS + 1)
  if (parts.length > MAX_PARAMETERS)
    throw new Problem('VALIDATION_ERROR', `The query has more than ${MAX_PARAMETERS} parameters`)
  const pairs: Pair[] = []
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    const value = equals < 0 ? '' : part.slice(equals + 1)
    const pair = [decode(name, name), decode(value, name)] as const
    // Once decoded, a comma that is part of a value looks like one that separates (R-FILTER-1).
    pairs.push(value.includes(',') ? [...pair, value.split(',').map((piece) => decode(piece, name))] : pair)
  }
  return pairs
}

function decode(text: string, name: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    throw invalid(name, 'is not percent-encoded UTF-8')
  }
}
