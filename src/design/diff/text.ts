import type { Change } from './change.ts'
import type { Verdict } from './kinds.ts'

export interface TextOptions {
  readonly colours: boolean
  /** Compatible changes too. */
  readonly all: boolean
}

/** For people: breaking changes first, each with whom it breaks and why. */
export function textOf(changes: readonly Change[], { colours, all }: TextOptions): string {
  const paint = colours ? painted : (text: string) => text
  return changes
    .filter(({ verdict }) => all || verdict !== 'compatible')
    .map(({ verdict, kind, where, what, why, whom, file, line, column, side }) =>
      [
        `${paint(verdict, verdict)} ${paint(`${where} ${what}`, 'bold')}`,
        ...(whom === 'nobody' ? [] : [`    ${verdict === 'breaking' ? 'breaks' : 'may break'} ${whom}: ${why}`]),
        `    ${paint(`${file}:${line}:${column}${side === 'old' ? ' (old)' : ''}  ${kind}`, 'dim')}`,
      ].join('\n'),
    )
    .join('\n')
}

/** `1 breaking, 0 risky, 4 compatible`. */
export function summaryOf(changes: readonly Change[]): string {
  const count = (verdict: Verdict) => changes.filter((one) => one.verdict === verdict).length
  return changes.length === 0
    ? 'no changes'
    : `${count('breaking')} breaking, ${count('risky')} risky, ${count('compatible')} compatible`
}

const CODES = { bold: 1, dim: 2, breaking: 31, risky: 33, compatible: 32 }

function painted(text: string, as: keyof typeof CODES): string {
  return `\u001b[${CODES[as]}m${text}\u001b[0m`
}
