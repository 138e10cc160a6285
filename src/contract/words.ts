/** English, as far as paths and events need it: guesses that are right for the words that APIs are made of. */

const INVARIABLE = wordsOf(
  'aircraft auth deer equipment feedback fish information merchandise news series sheep software species staff',
)
const PLURAL =
  /(people|children|women|feet|teeth|mice|lice|geese|oxen|data|media|criteria|phenomena|bacteria|curricula|spectra|alumni|cacti|foci|fungi|nuclei|radii|stimuli|lae|rae)$/
const SINGULAR = wordsOf(
  'alias analysis atlas axis basis bonus bus campus canvas census corpus crisis diagnosis gas lens status virus',
)

/** One word for one and for many. */
export function isInvariable(noun: string): boolean {
  return INVARIABLE.has(lastOf(noun))
}

export function isPlural(noun: string): boolean {
  const last = lastOf(noun)
  if (INVARIABLE.has(last) || PLURAL.test(last) || last === 'men') return true
  return /[^s]s$/.test(last) && !SINGULAR.has(last)
}

const ACTS = wordsOf(
  'get list create add make update edit change modify set put patch delete remove destroy cancel send resend fetch find search do run execute process submit approve reject activate deactivate enable disable login logout register checkout pay verify confirm reset start stop generate import export upload download sync refresh',
)
/** Acts that are nouns too when another noun follows: search results, login attempts, export jobs. */
const NOUNS = wordsOf(
  'list update edit change set patch search run process login logout register checkout pay reset start stop import export upload download sync refresh',
)

/**
 * Whether a path segment names an act: `cancel`, `bulk-update`, `create-users`. What may be a noun is one (`orders`,
 * `login-attempts`), unless it stands before a collection: `export-orders`.
 */
export function isAct(segment: string, collections: ReadonlySet<string>): boolean {
  const words = segment.split('-')
  const [first] = words as [string]
  if (ACTS.has(words.at(-1)!)) return true
  return ACTS.has(first) && (!NOUNS.has(first) || collections.has(words.slice(1).join('-')))
}

/** Acts of which there can be many, each a thing that is kept: `exports`, `lists`. */
const KEPT = wordsOf(
  'list update edit change set patch run process login register checkout import export upload download sync',
)

/** Whether somebody who names a resource, in the singular, names an act: `approve`, `get-report`. */
export function isVerb(name: string): boolean {
  if (!name.includes('-')) return ACTS.has(name) && !KEPT.has(name)
  const [first] = name.split('-') as [string]
  return ACTS.has(first) && !NOUNS.has(first)
}

/** A word in -ed, or one of the irregular ones that events are made of: `paid`, `checked-out`. */
const PAST =
  /(ed|bought|brought|begun|broken|built|chosen|cut|done|drawn|forgotten|found|frozen|given|gone|held|hidden|kept|left|lost|made|met|paid|put|sent|set|shown|shut|sold|spent|split|stolen|taken|thrown|told|withdrawn|won|written)$/

export function isPast(verb: string): boolean {
  return verb.split('-').some((word) => PAST.test(word))
}

function lastOf(noun: string): string {
  return noun.split('-').at(-1)!
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}
