import type { Recorded } from './play.ts'

const WIDTH = 76

/** One text for each pair that differs: the request, and both answers side by side. */
export function differences(
  a: readonly Recorded[],
  b: readonly Recorded[],
  [nameOfA, nameOfB]: readonly [string, string],
): string[] {
  const found: string[] = []
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [one, other] = [a[i], b[i]]
    if (one?.answer === other?.answer) continue
    found.push(`${(one ?? other)!.request}\n${sideBySide([nameOfA, one?.answer], [nameOfB, other?.answer])}`)
  }
  return found
}

type Side = readonly [name: string, text?: string | undefined]

/** Marks the lines that differ, and shows no others but the first: a long answer may differ in one of a thousand. */
function sideBySide([nameOfA, a = '(none)']: Side, [nameOfB, b = '(none)']: Side): string {
  const [left, right] = [a.split('\n'), b.split('\n')]
  const rows = [row(' ', nameOfA, nameOfB), row(' ', left[0], right[0])]
  let shared = 0
  while (shared < left.length && left[shared] === right[shared]) shared++
  let tail = 0
  while (tail < left.length - shared && tail < right.length - shared && left.at(-1 - tail) === right.at(-1 - tail))
    tail++
  const [gone, come] = [left.slice(shared, left.length - tail), right.slice(shared, right.length - tail)]
  const SHOWN = 40
  for (let i = 0; i < Math.min(SHOWN, Math.max(gone.length, come.length)); i++)
    rows.push(row(gone[i] === come[i] ? ' ' : '≠', gone[i], come[i]))
  return rows.join('\n')
}

function row(mark: string, left = '', right = ''): string {
  return `${mark} ${left.slice(0, WIDTH).padEnd(WIDTH)} │ ${right.slice(0, WIDTH)}`
}
