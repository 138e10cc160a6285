/** Before the @: anything but space, control characters, and what mail headers use as signs (RFC 5322 3.2.3). */
const ATOM = '[^\\x00- "(),.:;<>@\\[-\\]\\x7f-\\xa0]'
/** After it: letters and digits, with hyphens between (RFC 1123 2.1). */
const LETTER = '[^\\x00-/:-@\\[-`{-\\xa0]'
const LABEL = `${LETTER}(-*${LETTER})*`

/**
 * The form of an address, for documents too: so it is short, and without what regular expressions elsewhere don't know. How
 * long its parts may be, and what is invisible, is for readEmail to say.
 */
export const EMAIL_PATTERN = `^${ATOM}(\\.?${ATOM})*@${LABEL}(\\.${LABEL})+$`

const FORM = new RegExp(EMAIL_PATTERN, 'u')
const ASCII = /^[\0-\x7f]*$/
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u
/** RFC 5321 4.5.3.1.1, and RFC 1035 2.3.4 for each label. */
const MAX_LOCAL = 64
const MAX_LABEL = 63
const MAX = 255

/**
 * The one spelling of an address in which it is kept, mailed and looked up; undefined where it is none. Composed and
 * decomposed letters are the same, full-width ones are the usual ones (NFKC). Capitals stay where all is ASCII, of which
 * JavaScript and every database make the same lower case: beyond it they differ, as in the last letter of ΟΔΥΣΣΕΥΣ.
 */
export function readEmail(text: string): string | undefined {
  if (text.length > 2 * MAX || !FORM.test(text)) return undefined
  if (ASCII.test(text)) return fits(text) ? text : undefined
  const folded = foldCase(text.normalize('NFKC')).normalize('NFKC')
  // Decomposed too: ≮ is a < with a stroke, and in either spelling no part of an address.
  const sound = FORM.test(folded) && FORM.test(folded.normalize('NFD')) && !INVISIBLE.test(folded)
  return sound && fits(folded) ? folded : undefined
}

function fits(address: string): boolean {
  const [local, host] = address.split('@') as [string, string]
  if (lengthOf(local) > MAX_LOCAL || lengthOf(address) > MAX) return false
  return host.split('.').every((label) => lengthOf(label) <= MAX_LABEL)
}

/** In characters, as PostgreSQL counts them. */
function lengthOf(text: string): number {
  return ASCII.test(text) ? text.length : [...text].length
}

/** In lower case like PostgreSQL, letter by letter, so that a Σ at the end is no ς; İ alone would be two letters, and is i as in SQL. */
export function foldCase(text: string): string {
  return Array.from(text, (letter) => (letter === 'İ' ? 'i' : letter.toLowerCase())).join('')
}
