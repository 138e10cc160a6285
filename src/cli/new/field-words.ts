import { nearestName } from '../../base/known-names.ts'
import { type AnyField, t } from '../../contract/fields.ts'
import { isCamelCase } from '../../contract/names.ts'
import { wrong } from '../arguments.ts'

/** A field as it was asked for in a word, such as `title:text` or `status:oneOf(open,done)?`. */
export interface AskedField {
  readonly name: string
  readonly field: AnyField
  /** The same as source. */
  readonly source: string
  /** A value of it, for a test; undefined where it may be left out. */
  readonly sample: unknown
}

type Kind = Omit<AskedField, 'name'>

const KINDS: Readonly<Record<string, Kind>> = {
  text: { field: t.text({ min: 1, max: 200 }), source: 't.text({ min: 1, max: 200 })', sample: 'Some text' },
  longText: { field: t.text(), source: 't.text()', sample: 'Some text' },
  email: { field: t.email(), source: 't.email()', sample: 'ann@example.com' },
  integer: { field: t.integer(), source: 't.integer()', sample: 1 },
  decimal: { field: t.decimal({ scale: 2 }), source: 't.decimal({ scale: 2 })', sample: 1.5 },
  money: { field: t.money(), source: 't.money()', sample: 12.5 },
  boolean: { field: t.boolean().default(false), source: 't.boolean().default(false)', sample: undefined },
  time: { field: t.time(), source: 't.time()', sample: '2026-01-01T00:00:00.000Z' },
}
const WITH_VALUES = ['oneOf', 'id']
/** What every resource has. */
const GIVEN = ['id', 'version', 'createdAt', 'updatedAt']

export const FIELD_WORDS = `${Object.keys(KINDS).join(', ')}, oneOf(a,b), id(prefix); with ? behind it may be left out`

/** Money gets a currency beside it. What is said wrong is told with what was meant. */
export function fieldsOfWords(words: readonly string[]): AskedField[] {
  const fields = words.map(fieldOf)
  const twice = fields.find(({ name }, i) => fields.findIndex((one) => one.name === name) < i)
  if (twice) throw wrong(`The field "${twice.name}" is given twice`)
  const needsCurrency =
    fields.some(({ source }) => source.startsWith('t.money')) && !fields.some(({ name }) => name === 'currency')
  return needsCurrency
    ? [...fields, { name: 'currency', field: t.currency(), source: 't.currency()', sample: 'USD' }]
    : fields
}

function fieldOf(word: string): AskedField {
  const [, name = '', kind = '', , values, optional] = /^([^:]+):(\w+)(\(([^)]*)\))?(\?)?$/.exec(word) ?? []
  if (name === '') throw wrong(`"${word}" is no field: give name:kind, such as title:text. Kinds: ${FIELD_WORDS}`)
  if (!isCamelCase(name))
    throw wrong(`The field "${name}" has no name that JSON uses: did you mean "${camelOf(name)}"?`)
  if (GIVEN.includes(name)) throw wrong(`Every resource has the field "${name}": leave it out`)
  const { field, source, sample } = kindOf(word, kind, values?.split(','))
  if (optional === undefined) return { name, field, source, sample }
  return {
    sample: undefined,
    name,
    field: field.optional(),
    source: `${source.replace(/\.default\(.*\)$/, '')}.optional()`,
  }
}

function kindOf(word: string, kind: string, values: readonly string[] | undefined): Kind {
  if (kind === 'oneOf' && values?.every((value, i) => /^\w+$/.test(value) && values.indexOf(value) === i))
    return {
      field: t.oneOf(...values),
      source: `t.oneOf(${values.map((value) => `'${value}'`).join(', ')})`,
      sample: values[0],
    }
  if (kind === 'id' && values?.length === 1)
    return {
      field: t.id(values[0]!),
      source: `t.id('${values[0]}')`,
      sample: `${values[0]}_01h455vb4pex5vsknk084sn02q`,
    }
  const known = values === undefined && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (known) return known
  const nearest = nearestName(
    kind,
    [...Object.keys(KINDS), ...WITH_VALUES].filter((one) => one !== kind),
  )
  throw wrong(
    `"${word}" has no kind that there is: ${nearest === undefined ? `give one of ${FIELD_WORDS}` : `did you mean "${nearest}"?`}`,
  )
}

function camelOf(name: string): string {
  const words = name.split(/[^a-zA-Z0-9]+/).filter(Boolean)
  const [first = 'name', ...more] = words
  return first[0]!.toLowerCase() + first.slice(1) + more.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}
