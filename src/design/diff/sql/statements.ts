/** A word in lower case, a quoted name as it is, a text in single quotes, or a sign. */
export interface SqlToken {
  readonly text: string
  readonly offset: number
}

export type Statement = readonly SqlToken[]

const TOKEN =
  /\s+|--[^\n]*|\/\*(?:[^*/]|\*(?!\/)|\/(?!\*)|\/\*[\s\S]*?\*\/)*\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|[A-Za-z_][\w$]*|\d[\w.]*|::|[^\s\w]/g

/** The statements of an SQL text, without comments; texts and bodies in `$$` are one token each. */
export function statementsOf(sql: string): Statement[] {
  const statements: SqlToken[][] = [[]]
  for (const { 0: text, index: offset } of sql.matchAll(TOKEN)) {
    if (/^(\s|--|\/\*)/.test(text)) continue
    if (text === ';') statements.push([])
    else statements.at(-1)!.push({ text: plain(text), offset })
  }
  return statements.filter((statement) => statement.length > 0)
}

function plain(text: string): string {
  if (text.startsWith('"')) return text.slice(1, -1).replaceAll('""', '"')
  return /^[A-Za-z_]/.test(text) && !/^[eE]'/.test(text) ? text.toLowerCase() : text
}

/** What a statement is, whatever its white space and comments. */
export function textOfStatement(statement: Statement): string {
  return statement.map(({ text }) => text).join(' ')
}

/** Between the commas that stand in no brackets. */
export function splitAtCommas(tokens: Statement): SqlToken[][] {
  const parts: SqlToken[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (token.text === '(' || token.text === '[') depth++
    if (token.text === ')' || token.text === ']') depth--
    if (token.text === ',' && depth === 0) parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts.filter((part) => part.length > 0)
}
