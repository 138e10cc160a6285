import type { Action, Column } from './action.ts'
import { readColumn, typeOf } from './read-column.ts'
import { type SqlToken, type Statement, splitAtCommas, textOfStatement } from './statements.ts'

/** What a statement of PostgreSQL does to the schema; `unseen` where that cannot be told from it. */
export function readActions(statement: Statement): Action[] {
  const words = new Words(statement)
  const { offset } = statement[0]!
  const text = shortened(textOfStatement(statement))
  const first = words.take()
  switch (first) {
    case 'create':
      return readCreate(words, offset, text)
    case 'alter':
      return readAlter(words, offset, text)
    case 'drop':
      return readDrop(words, offset)
    case 'truncate':
      words.skip('table', 'only')
      return [{ is: 'truncate', table: words.name(), offset }]
    case 'delete':
      words.skip('from', 'only')
      return [{ is: 'delete-rows', table: words.name(), offset }]
    case 'update':
      words.skip('only')
      return [{ is: 'update-rows', table: words.name(), offset }]
    case 'revoke':
      return [{ is: 'revoke', text, offset }]
    case 'insert':
    case 'comment':
    case 'grant':
    case 'set':
    case 'begin':
    case 'commit':
    case 'start':
    case 'analyze':
    case 'select':
    case 'reset':
      return [{ is: 'harmless', text, offset }]
    default:
      return [{ is: 'unseen', text, offset }]
  }
}

/** One line, as a message has room for. */
function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}

/** Tokens, one after the other. */
class Words {
  readonly #tokens: Statement
  #at = 0

  constructor(tokens: Statement) {
    this.#tokens = tokens
  }

  peek(ahead = 0): string | undefined {
    return this.#tokens[this.#at + ahead]?.text
  }

  take(): string {
    return this.#tokens[this.#at++]?.text ?? ''
  }

  /** Whether these words come next; then they are taken. */
  takes(...words: readonly string[]): boolean {
    const comes = words.every((word, i) => this.peek(i) === word)
    if (comes) this.#at += words.length
    return comes
  }

  /** Each of them that comes next, in any order. */
  skip(...words: readonly string[]): void {
    while (words.includes(this.peek() ?? '')) this.#at++
  }

  /** A name, without `public.` before it. */
  name(): string {
    this.takes('if', 'exists') || this.takes('if', 'not', 'exists')
    this.skip('only')
    let name = this.take()
    while (this.takes('.')) name = name === 'public' ? this.take() : `${name}.${this.take()}`
    return name
  }

  rest(): SqlToken[] {
    return this.#tokens.slice(this.#at)
  }
}

function readCreate(words: Words, offset: number, text: string): Action[] {
  const replaces = words.takes('or', 'replace')
  words.skip('unlogged', 'global', 'local', 'recursive')
  const isTemporary = words.takes('temporary') || words.takes('temp')
  const isUnique = words.takes('unique')
  const what = words.take()
  if (what === 'materialized') words.take()
  if (isTemporary) return [{ is: 'harmless', text, offset }]
  if (what === 'table') return [readTable(words, offset)]
  if (what === 'index') {
    const concurrently = words.takes('concurrently')
    const name = words.peek() === 'on' ? '' : words.name()
    words.take()
    return [{ is: 'create-index', name, table: words.name(), unique: isUnique, concurrently, offset }]
  }
  if (what === 'view' || what === 'materialized')
    return [{ is: 'create-view', name: words.name(), text: textOfStatement(words.rest()), replaces, offset }]
  if (what === 'trigger' || what === 'rule' || what === 'policy' || what === 'constraint') {
    const rest = words.rest()
    const on = rest.findIndex((token) => token.text === (what === 'rule' ? 'to' : 'on'))
    return [{ is: 'trigger', table: rest[on + 1]?.text ?? '', text, offset }]
  }
  if (replaces) return [{ is: 'unseen', text, offset }]
  return [{ is: 'created', text, offset }]
}

const TABLE_CONSTRAINTS = ['constraint', 'primary', 'unique', 'check', 'foreign', 'exclude']

function readTable(words: Words, offset: number): Action {
  const table = words.name()
  const columns: Column[] = []
  const constraints: string[] = []
  const rest = words.rest()
  for (const part of splitAtCommas(insideOf(rest))) {
    const [first] = part
    if (TABLE_CONSTRAINTS.includes(first!.text)) constraints.push(textOfStatement(part))
    else if (first!.text !== 'like') columns.push(readColumn(part))
  }
  return { is: 'create-table', table, columns, constraints, offset }
}

/** Between the first bracket and the one that closes it. */
function insideOf(tokens: readonly SqlToken[]): SqlToken[] {
  const start = tokens.findIndex(({ text }) => text === '(')
  let depth = 0
  for (let i = start; i >= 0 && i < tokens.length; i++) {
    if (tokens[i]!.text === '(') depth++
    if (tokens[i]!.text === ')' && --depth === 0) return tokens.slice(start + 1, i)
  }
  return []
}

function readAlter(words: Words, offset: number, text: string): Action[] {
  const what = words.take()
  if (what === 'table') {
    const table = words.name()
    return splitAtCommas(words.rest()).map((part) => readAlteration(table, new Words(part), part, text))
  }
  if (what === 'type') {
    const type = words.name()
    if (words.takes('add', 'value')) return [{ is: 'add-value', type, value: words.name(), offset }]
    if (words.takes('rename', 'value')) return [{ is: 'rename-value', type, value: words.take(), offset }]
    const isHarmless = ['owner', 'add'].includes(words.peek() ?? '')
    return [isHarmless ? { is: 'harmless', text, offset } : { is: 'rename-object', what: 'type', name: type, offset }]
  }
  if (what === 'index') return [{ is: 'harmless', text, offset }]
  if (what === 'materialized') words.take()
  const name = words.name()
  const rest = textOfStatement(words.rest())
  if (
    /^(rename to|set schema)\b/.test(rest) &&
    ['view', 'materialized', 'sequence', 'function', 'schema', 'procedure'].includes(what)
  )
    return [{ is: 'rename-object', what, name, offset }]
  return [{ is: 'unseen', text, offset }]
}

function readAlteration(table: string, words: Words, part: readonly SqlToken[], statement: string): Action {
  const { offset } = part[0]!
  const text = textOfStatement(part)
  const all = { table, offset }
  switch (words.take()) {
    case 'add':
      if (TABLE_CONSTRAINTS.includes(words.peek() ?? ''))
        return { is: 'add-constraint', ...all, text: text.replace(/^add /, '') }
      words.skip('column')
      words.takes('if', 'not', 'exists')
      return { is: 'add-column', ...all, column: readColumn(words.rest()) }
    case 'drop':
      if (words.takes('constraint')) return { is: 'drop-constraint', ...all, name: words.name() }
      words.skip('column')
      return { is: 'drop-column', ...all, column: words.name() }
    case 'alter': {
      words.skip('column')
      const column = words.name()
      if (words.takes('type') || words.takes('set', 'data', 'type'))
        return { is: 'set-type', ...all, column, type: typeOf(words.rest()) }
      if (words.takes('set', 'not', 'null')) return { is: 'set-not-null', ...all, column }
      if (words.takes('drop', 'not', 'null')) return { is: 'drop-not-null', ...all, column }
      if (words.takes('set', 'default')) return { is: 'set-default', ...all, column }
      if (words.takes('drop', 'default')) return { is: 'drop-default', ...all, column }
      return { is: 'unseen', text: `alter table ${table} ${text}`, offset }
    }
    case 'rename': {
      if (words.takes('to')) return { is: 'rename-table', ...all, to: words.name() }
      if (words.takes('constraint')) return { is: 'drop-constraint', ...all, name: words.name() }
      words.skip('column')
      const column = words.name()
      words.takes('to')
      return { is: 'rename-column', ...all, column, to: words.name() }
    }
    case 'validate':
    case 'owner':
    case 'cluster':
      return { is: 'harmless', text: statement, offset }
    case 'set':
      if (words.peek() === 'schema')
        return { is: 'rename-table', ...all, to: `${words.rest()[1]?.text ?? ''}.${table}` }
      return { is: 'harmless', text: statement, offset }
    case 'enable':
    case 'disable':
    case 'force':
      return { is: 'trigger', ...all, text: `alter table ${table} ${text}` }
    default:
      return { is: 'unseen', text: `alter table ${table} ${text}`, offset }
  }
}

function readDrop(words: Words, offset: number): Action[] {
  let what = words.take()
  if (what === 'materialized') what = words.take()
  words.skip('concurrently')
  words.takes('if', 'exists')
  if (what === 'trigger' || what === 'rule' || what === 'policy') {
    const rest = words.rest()
    const on = rest.findIndex(({ text }) => text === 'on')
    return [{ is: 'trigger', table: rest[on + 1]?.text ?? '', text: `drop ${what} ${rest[0]?.text ?? ''}`, offset }]
  }
  return splitAtCommas(words.rest()).map((part): Action => {
    const name = new Words(part).name()
    if (what === 'table') return { is: 'drop-table', table: name, offset }
    if (what === 'index') return { is: 'drop-index', name, offset }
    if (what === 'view') return { is: 'drop-view', name, offset }
    return { is: 'drop-object', what, name, offset }
  })
}
