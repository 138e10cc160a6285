/** One statement of an SQL file, without its semicolon, and where in the file it begins. */
export interface Statement {
  readonly text: string
  readonly offset: number
}

/** Comments, strings, quoted names, dollar quotes and words, each as a whole; else one character. Comments don't nest here. */
const TOKENS = /--[^\n]*|\/\*.*?\*\/|e'(?:[^'\\]|\\.)*'|'[^']*'|"[^"]*"|(\$\w*\$).*?\1|[a-z_][\w$]*|./gis

/**
 * The statements of an SQL file, for what can't be sent as one: PostgreSQL runs the statements of one message in one
 * transaction, and CREATE INDEX CONCURRENTLY refuses to be in any. A function body in the style `begin atomic … end`
 * would be cut at its semicolons; between dollar quotes it is safe.
 */
export function statementsOf(sql: string): Statement[] {
  const statements: Statement[] = []
  let begin: number | undefined
  const finish = (end: number) => {
    if (begin !== undefined) statements.push({ text: sql.slice(begin, end), offset: begin })
    begin = undefined
  }
  for (const { 0: token, index } of sql.matchAll(TOKENS)) {
    if (token === ';') finish(index)
    else if (begin === undefined && !/^(\s|--|\/\*)/.test(token)) begin = index
  }
  finish(sql.length)
  return statements
}

/** `:12:5`, line and column of PostgreSQL's position (from 1, in code points) in the text that begins at `offset`. */
export function lineAt(sql: string, offset: number, position: number): string {
  const before = sql.slice(0, offset) + [...sql.slice(offset)].slice(0, position - 1).join('')
  const lines = before.split('\n')
  return `:${lines.length}:${[...lines.at(-1)!].length + 1}`
}
