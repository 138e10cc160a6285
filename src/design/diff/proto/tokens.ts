/** A word, a sign or a quoted text, and where it begins. */
export interface Token {
  readonly text: string
  readonly offset: number
}

const TOKEN = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\w.+-]+|[^\w\s]/g

/** Without white space and comments. */
export function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)]
    .map((match) => ({ text: match[0], offset: match.index }))
    .filter((token) => !/^(\s|\/\/|\/\*)/.test(token.text))
}
