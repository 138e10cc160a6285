/** Shows how far the import is: a bar on a terminal, else a line every few seconds. */
export interface Progress {
  /** A part of the work begins; `done` of it was there before. */
  begin(what: string, total: number, done: number): void
  advance(): void
  end(): void
  /** Says something without tearing the bar. */
  note(text: string): void
}

interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const REDRAW_MS = 100
const LINE_MS = 5_000
const BAR_CELLS = 30
const CLEAR_LINE = '\r\x1b[2K'

export function progressOn(output: Output, env: Readonly<Record<string, string | undefined>>): Progress {
  const live = output.isTTY === true && env.TERM !== 'dumb'
  const coloured = live && !env.NO_COLOR
  let part: { what: string; total: number; before: number; done: number; startedAt: number } | undefined
  let shownAt = Number.NEGATIVE_INFINITY

  const show = () => {
    if (!part) return
    shownAt = performance.now()
    if (live) output.write(`${CLEAR_LINE}${barOf(part, coloured, output.columns ?? 80)}`)
    else output.write(`${summaryOf(part)}\n`)
  }
  return {
    begin(what, total, done) {
      part = { what, total, before: done, done, startedAt: performance.now() }
      if (live) show()
      else shownAt = performance.now()
    },
    advance() {
      if (!part) return
      part.done++
      if (performance.now() - shownAt >= (live ? REDRAW_MS : LINE_MS)) show()
    },
    end() {
      if (part) output.write(`${live ? CLEAR_LINE : ''}${summaryOf(part)}\n`)
      part = undefined
    },
    note(text) {
      output.write(`${live && part ? CLEAR_LINE : ''}${text}\n`)
      if (live) show()
    },
  }
}

type Part = Readonly<{ what: string; total: number; before: number; done: number; startedAt: number }>

function summaryOf({ what, total, before, done }: Part): string {
  const earlier = before > 0 ? `, ${before === done ? 'all' : before} from before` : ''
  return `${what.padEnd(8)} ${done} of ${total}${earlier}`
}

function barOf(part: Part, coloured: boolean, columns: number): string {
  const { what, total, before, done, startedAt } = part
  const filled = Math.round((done / total) * BAR_CELLS)
  const perSecond = (done - before) / Math.max((performance.now() - startedAt) / 1000, 0.001)
  const left = perSecond > 0 && done < total ? `  ${Math.ceil((total - done) / perSecond)} s left` : ''
  const head = `${what.padEnd(8)} `
  const tail = ` ${done}/${total}${left}`
  if (head.length + BAR_CELLS + tail.length >= columns) return `${head}${done}/${total}`.slice(0, columns - 1)
  const bar = '█'.repeat(filled)
  return `${head}${coloured ? `\x1b[32m${bar}\x1b[0m` : bar}${'░'.repeat(BAR_CELLS - filled)}${tail}`
}
