import type { Contract } from './contract.ts'
import { checkFields } from './field-rules.ts'
import { type Kind, specsOf } from './fields.ts'
import type { Report } from './violation.ts'

/** What a variable of the environment can be. */
const KINDS: readonly Kind[] = ['text', 'email', 'integer', 'decimal', 'boolean', 'oneOf']
const MARKS = ['server', 'inputOnly', 'fixed', 'only', 'transitions'] as const

/** Reports what is wrong with the settings of a contract. */
export function checkSettings({ settings }: Contract, report: Report): void {
  const specs = specsOf(settings)
  for (const [name, spec] of Object.entries(specs)) {
    const at = `settings.${name}`
    const refuse = (message: string, hint: string) => report('R-OPS-4', at, message, hint)
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(name))
      refuse('is not a name for the environment', 'Name it in UPPER_SNAKE, with two words or more: `ORDERS_FOOTER`')
    else if (name.endsWith('_FILE')) refuse('ends with _FILE', 'The name with _FILE is there already, for its file')
    if (!KINDS.includes(spec.kind)) refuse(`is ${spec.kind}`, `Settings are ${KINDS.join(', ')}`)
    // `hidden` is one that is never shown.
    const mark = MARKS.find((one) => spec[one] !== undefined && !(one === 'server' && spec.hidden))
    if (mark) refuse(`is ${mark}`, 'A setting may be optional(), default(), hidden() and describe()d')
    if (spec.hidden && spec.default !== undefined)
      refuse('is hidden and has a default', 'A secret is given, or left out')
    if (spec.nullable && !spec.optional) refuse('is nullable', 'Say optional() where it may be left out')
    // Its name is not one of JSON.
    checkFields('settings', { value: spec }, true, (rule, _, message, hint) => report(rule, at, message, hint))
  }
}
