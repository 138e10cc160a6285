import type { Column } from './action.ts'
import { type SqlToken, textOfStatement } from './statements.ts'

/** What ends the name of a type. */
const AFTER_TYPE = [
  'not',
  'null',
  'default',
  'primary',
  'unique',
  'check',
  'references',
  'constraint',
  'generated',
  'collate',
  'using',
  'storage',
]

/** A column of `create table` or `add column`, from its name on. */
export function readColumn([name, ...rest]: readonly SqlToken[]): Column {
  const type = typeOf(rest)
  const words = rest.map(({ text }) => text)
  const text = ` ${textOfStatement(rest)} `
  const isSerial = /^(small|big)?serial/.test(type)
  const isIdentity = / generated (always|by default) as identity/.test(text)
  const isStored = / generated always as \(/.test(text)
  return {
    name: name!.text,
    type,
    notNull: / not null /.test(text) || / primary key /.test(text) || isSerial || isIdentity,
    hasDefault: words.includes('default') || isSerial || isIdentity || isStored,
    rewrites: isSerial || isIdentity || isStored || VOLATILE.test(text),
    constraints: [' unique ', ' check ', ' references '].filter((one) => text.includes(one)).map((one) => one.trim()),
  }
}

/** Functions that give each row another value. */
const VOLATILE =
  / default [^,]*\b(gen_random_uuid|uuid_generate_v\d\w*|uuidv7|random|clock_timestamp|nextval|timeofday) ?\(/

const ALIASES: Readonly<Record<string, string>> = {
  int: 'integer',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  float: 'double precision',
  decimal: 'numeric',
  bool: 'boolean',
  varchar: 'character varying',
  char: 'character',
  timestamptz: 'timestamp with time zone',
  timetz: 'time with time zone',
}

/** As PostgreSQL calls it: `varchar(255)` is `character varying(255)`, `timestamptz(3)` `timestamp(3) with time zone`. */
export function typeOf(tokens: readonly SqlToken[]): string {
  const words: string[] = []
  let depth = 0
  for (const { text } of tokens) {
    if (depth === 0 && AFTER_TYPE.includes(text)) break
    if (text === '(') depth++
    if (text === ')') depth--
    words.push(text)
  }
  const [first = '', ...rest] = words
  const named = [ALIASES[first] ?? first, ...rest]
    .join(' ')
    .replace(/ ?([(),.[\]]) ?/g, '$1')
    .replace(/\)(?=\w)/g, ') ')
  return named.replace(/^(timestamp|time) with time zone\((\d)\)/, '$1($2) with time zone')
}

/** Whether every value of a type fits into another: `same` bytes, so that nothing is rewritten, or `rewritten`. */
export function widening(old: string, now: string): 'same' | 'rewritten' | undefined {
  const [before, after] = [partsOf(old), partsOf(now)]
  const isText = (name: string) => name === 'character varying' || name === 'text'
  if (isText(before.name) && isText(after.name))
    return (after.numbers[0] ?? Infinity) >= (before.numbers[0] ?? Infinity) ? 'same' : undefined
  if (before.name === 'numeric' && after.name === 'numeric') {
    if (after.numbers.length === 0) return 'same'
    const [precision = Infinity, scale = 0] = before.numbers
    const [wider = Infinity, same = 0] = after.numbers
    return wider >= precision && same === scale
      ? 'same'
      : wider - same >= precision - scale && same > scale
        ? 'rewritten'
        : undefined
  }
  const order = [
    ['smallint', 'integer', 'bigint'],
    ['real', 'double precision'],
  ].find((one) => one.includes(before.name) && one.includes(after.name))
  if (order) return order.indexOf(after.name) > order.indexOf(before.name) ? 'rewritten' : undefined
  return undefined
}

function partsOf(type: string): { name: string; numbers: number[] } {
  const [, name = type, numbers = ''] = /^([a-z ]+?)\(([\d,]+)\)$/.exec(type) ?? []
  return { name, numbers: numbers === '' ? [] : numbers.split(',').map(Number) }
}
