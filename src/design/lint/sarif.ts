import { type SarifLevel, sarifLog } from '../report/sarif.ts'
import type { Finding } from './lint.ts'
import type { Severity } from './rule.ts'
import { LINT_RULES } from './rules.ts'

export function sarifOf(findings: readonly Finding[], version: string): object {
  const rules = LINT_RULES.map(({ id, hint, reason, severity }) => ({
    id,
    about: hint,
    why: reason,
    level: levelOf(severity),
  }))
  const results = findings.map(({ rule, severity, message, file, line, column, pointer }) => ({
    rule: rule.id,
    level: levelOf(severity),
    text: `${message}. ${rule.hint}`,
    file,
    line,
    column,
    where: pointer,
  }))
  return sarifLog('lintel lint', version, rules, results)
}

function levelOf(severity: Severity): SarifLevel {
  return severity === 'warn' ? 'warning' : 'error'
}
