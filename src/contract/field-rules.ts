import type { FieldFault } from '../base/errors.ts'
import { isIdPrefix } from '../base/ids.ts'
import { checkOf } from './check.ts'
import type { FieldSpec } from './fields.ts'
import { inWords } from './known-members.ts'
import { isCamelCase } from './names.ts'
import { checkStates } from './state-rules.ts'
import type { Report } from './violation.ts'

/** Reports the rules that the fields of a body, an answer or an event break, at any depth. `hasCurrency`: a currency stands beside them. */
export function checkFields(
  where: string,
  specs: Readonly<Record<string, FieldSpec>>,
  hasCurrency: boolean,
  report: Report,
): void {
  const currency = hasCurrency || Object.hasOwn(specs, 'currency')
  if (!currency && Object.values(specs).some(isMoney))
    report('R-BODY-3', where, 'has money without a currency', 'Add `currency: t.currency()` beside it')
  for (const [name, spec] of Object.entries(specs)) {
    const at = `${where}.${name}`
    if (!isCamelCase(name)) report('R-REST-1', at, 'is not in camelCase', 'JSON names are like `unitPrice`')
    else if (name in Object.prototype)
      report('R-BODY-4', at, 'has the name of a built-in member of JavaScript objects', 'Choose another name')
    checkField(at, spec, currency, report)
  }
}

function isMoney(spec: FieldSpec): boolean {
  return !spec.hidden && (spec.kind === 'money' || spec.of?.kind === 'money')
}

function checkField(at: string, spec: FieldSpec, hasCurrency: boolean, report: Report) {
  const { kind, min, max, values = [], prefix, pattern, scale } = spec
  const refuse = (message: string, hint: string) => report('R-BODY-4', at, message, hint)
  if (kind === 'decimal' && !(Number.isInteger(scale) && scale! >= 0 && scale! <= 15))
    report('R-BODY-3', at, `has the scale ${inWords(scale)}`, 'The scale must be a whole number from 0 to 15')
  // The bounds of a decimal follow from its scale, unless they are given.
  else if (checkBounds(spec, refuse) && min !== undefined && max !== undefined && min > max)
    refuse(`accepts no value: min (${min}) is greater than max (${max})`, 'Swap them, or drop one')
  if (kind === 'oneOf' && values.length === 0)
    refuse('accepts no value: its list of values is empty', "Name them: t.oneOf('open', 'closed')")
  const twice = values.find((value, i) => values.indexOf(value) < i)
  if (twice !== undefined) refuse(`lists the value "${twice}" twice`, 'List each value once')
  if (kind === 'id' && (!prefix || !isIdPrefix(prefix)))
    report('R-BODY-1', at, `has the id prefix "${prefix}"`, 'Use lower-case letters, such as `ord`')
  // Such a pattern remembers where it stopped, and refuses every other request.
  if (pattern?.global || pattern?.sticky) refuse(`has the pattern ${pattern}`, 'Leave out the flags g and y')
  if (spec.server && spec.inputOnly)
    refuse(
      'is both server() and inputOnly(), so that nobody can set or see it',
      'Use hidden() for a column that is never sent to clients',
    )
  checkStates(at, spec, report)
  checkValue(at, spec, 'default', report)
  checkValue(at, spec, 'example', report)
  if (spec.of) checkField(`${at}[]`, spec.of, hasCurrency, report)
  if (spec.fields) {
    checkInside(at, spec.fields, report)
    checkFields(at, spec.fields, hasCurrency, report)
  }
}

/** Whether `min` and `max` are numbers that can bound the field; refuses those that are not, such as null or NaN. */
function checkBounds(spec: FieldSpec, refuse: (message: string, hint: string) => void): boolean {
  const isSize = spec.kind === 'text' || spec.kind === 'list'
  const isWhole = isSize || spec.kind === 'integer'
  const wrong = (['min', 'max'] as const).filter((name) => {
    const value = spec[name]
    if (value === undefined) return false
    return !(isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)) || (isSize && value < 0)
  })
  for (const name of wrong)
    refuse(
      `has the ${name} ${inWords(spec[name])}`,
      isSize ? 'Give a whole number from 0' : isWhole ? 'Give a whole number' : 'Give a number',
    )
  return wrong.length === 0
}

/** An object is one column of JSON, which is kept and shown whole. */
function checkInside(at: string, specs: Readonly<Record<string, FieldSpec>>, report: Report) {
  for (const [name, { hidden, inputOnly, transitions }] of Object.entries(specs)) {
    if (transitions)
      report('R-P-6', `${at}.${name}`, 'is a state inside an object', 'Make it a field of the resource itself')
    if (hidden || inputOnly)
      report('R-BODY-7', `${at}.${name}`, 'is hidden inside an object', 'Make it a field of the resource itself')
  }
}

function checkValue(at: string, spec: FieldSpec, which: 'default' | 'example', report: Report) {
  if (spec[which] === undefined) return
  const faults: FieldFault[] = []
  checkOf(spec)(spec[which], '', faults)
  for (const { field, message } of faults)
    report(
      'R-BODY-4',
      at,
      `has ${which === 'default' ? 'a default' : 'an example'} that fails its own check: ${field === '' ? 'it' : field} ${message}`,
      `Correct the ${which} or the field`,
    )
}
