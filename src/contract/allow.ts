import { Fault } from '../base/errors.ts'
import { checkObject } from './known-members.ts'

/**
 * Rules that are wrong about a word of this one thing, each with the reason, which stands in the documents (R-P-6):
 * `{ 'R-REST-1': '"kudos" is the plural' }`.
 */
export type Allow = { readonly [R in (typeof WORD_RULES)[number]]?: string }

/** Rules that guess at English. */
const WORD_RULES = ['R-REST-1'] as const

/** Faults: a rule that is about no word, or no reason. */
export function checkAllow(where: string, allow: Allow = {}): Allow {
  checkObject(where, 'allow', allow)
  for (const [rule, reason] of Object.entries<unknown>(allow)) {
    if (!WORD_RULES.some((one) => one === rule))
      throw new Fault(
        'INVALID_CONTRACT',
        `R-P-6 ${where} allows "${rule}": only rules about words can be wrong about one: ${WORD_RULES.join(', ')}`,
      )
    if (typeof reason !== 'string' || reason.trim() === '')
      throw new Fault('INVALID_CONTRACT', `R-P-6 ${where} allows ${rule} without a reason: allow: { '${rule}': 'why' }`)
  }
  return allow
}
