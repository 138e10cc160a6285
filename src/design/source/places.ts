/** Names of members and indexes of elements, from the top of a document on. */
export type Path = readonly string[]

/** From 1 on, as editors count; columns in UTF-16 code units. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A function that says for an offset in the text where it is. */
export function linesOf(text: string): (offset: number) => Place {
  let starts: number[] | undefined
  return (offset) => {
    starts ??= startsOf(text)
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - starts[low]! + 1 }
  }
}

function startsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
