import type { Finding } from './lint.ts'
import type { Severity } from './rule.ts'

export interface TextOptions {
  readonly colours: boolean
  /** Places of one rule in one file; the rest is counted. */
  readonly places: number
}

/** For people: by file, then by rule with its reason and hint once, then its places. */
export function textOf(findings: readonly Finding[], { colours, places }: TextOptions): string {
  const paint = colours ? painted : (text: string) => text
  const lines: string[] = []
  for (const [file, ofFile] of grouped(findings, ({ file }) => file)) {
    lines.push(paint(file, 'bold'), '')
    const byRule = [...grouped(ofFile, ({ rule }) => rule.id)].sort(([, a], [, b]) => order(a) - order(b))
    for (const [id, ofRule] of byRule) {
      const { severity, rule } = ofRule[0]!
      lines.push(
        `  ${paint(severity, severity)} ${paint(id, 'bold')}  ${rule.reason}`,
        `    ${paint(rule.hint, 'dim')}`,
      )
      for (const { line, column, message } of ofRule.slice(0, places))
        lines.push(`    ${`${line}:${column}`.padEnd(10)} ${message}`)
      if (ofRule.length > places) lines.push(`    … and ${ofRule.length - places} more: see them all with --all`)
      lines.push('')
    }
  }
  return lines.join('\n')
}

/** `2 errors, 5 warnings`. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (severity: Severity, name: string) => {
    const found = findings.filter((one) => one.severity === severity).length
    return `${found} ${name}${found === 1 ? '' : 's'}`
  }
  return `${count('error', 'error')}, ${count('warn', 'warning')}`
}

function order(findings: readonly Finding[]): number {
  return findings[0]!.severity === 'error' ? 0 : 1
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of all) {
    const group = groups.get(keyOf(one))
    if (group) group.push(one)
    else groups.set(keyOf(one), [one])
  }
  return groups
}

const CODES = { bold: 1, dim: 2, error: 31, warn: 33 }

function painted(text: string, as: keyof typeof CODES): string {
  return `\u001b[${CODES[as]}m${text}\u001b[0m`
}
