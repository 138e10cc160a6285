/** A text up to this length is put together here; a longer one is given to JSON.parse. */
const SHORT = 64

/** What stands between two quotes, its escapes replaced; they are known to be right. */
export function unescaped(text: string, start: number, end: number): string {
  if (end - start > SHORT) return JSON.parse(text.slice(start - 1, end + 1))
  let value = ''
  let from = start
  for (let at = text.indexOf('\\', start); at >= 0 && at < end; at = text.indexOf('\\', from)) {
    const code = text.charCodeAt(at + 1)
    value += text.slice(from, at) + String.fromCharCode(code === 117 ? unitAt(text, at + 2) : unitOf(code))
    from = at + (code === 117 ? 6 : 2)
  }
  return value + text.slice(from, end)
}

function unitAt(text: string, at: number): number {
  let unit = 0
  for (let i = at; i < at + 4; i++) unit = unit * 16 + hexValue(text.charCodeAt(i))
  return unit
}

/** The code unit that a letter after a backslash stands for; -1 if there is none. */
export function unitOf(code: number): number {
  switch (code) {
    case 34:
    case 47:
    case 92:
      return code
    case 98:
      return 8
    case 102:
      return 12
    case 110:
      return 10
    case 114:
      return 13
    case 116:
      return 9
    default:
      return -1
  }
}

/** -1 for what is no hexadecimal digit. */
export function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
