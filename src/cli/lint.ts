import { existsSync } from 'node:fs'
import { Fault } from '../base/errors.ts'
import { type LintConfig, NO_CONFIG, readConfig } from '../design/lint/config.ts'
import { type Finding, lint } from '../design/lint/lint.ts'
import { LINT_RULES } from '../design/lint/rules.ts'
import { sarifOf } from '../design/lint/sarif.ts'
import { summaryOf, textOf } from '../design/lint/text.ts'
import { filesBeside, openSource, packageVersion, wantsColours, wrongUse } from './design-files.ts'

export interface LintOptions {
  readonly format: string
  readonly config?: string
  readonly all?: boolean
  readonly rules?: boolean
}

/** Prints what is wrong with OpenAPI documents. Ends with 1 where an error is among it, with 2 for what is no such document. */
export function lintCommand(files: readonly string[], { format, config, all, rules }: LintOptions): void {
  if (rules) {
    printRules()
    return
  }
  if (files.length === 0) throw wrongUse('lintel lint: give an OpenAPI 3 document, such as openapi.yaml')
  const settings = configFrom(config)
  const began = performance.now()
  const findings = files.flatMap((file) => check(file, settings))
  if (format === 'json') console.log(JSON.stringify({ findings: findings.map(plain) }, null, 2))
  else if (format === 'sarif') console.log(JSON.stringify(sarifOf(findings, packageVersion()), null, 2))
  else {
    if (findings.length > 0)
      console.log(textOf(findings, { colours: wantsColours(), places: all ? Number.POSITIVE_INFINITY : PLACES }))
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    console.log(`${files.join(', ')}: ${findings.length === 0 ? 'clean' : summaryOf(findings)} (${seconds} s)`)
  }
  if (findings.some(({ severity }) => severity === 'error')) process.exitCode = 1
}

const PLACES = 5

function check(file: string, config: LintConfig): Finding[] {
  if (/\.[cm]?[jt]s$/.test(file))
    throw wrongUse(`${file} is a module: write its document with \`lintel openapi --system ${file}\`, and lint that`)
  const source = openSource(file)
  try {
    return lint(source, filesBeside([source]), config)
  } catch (error) {
    if (error instanceof Fault || (error as Error).constructor !== Error) throw error
    throw wrongUse(`${file} ${(error as Error).message}`, error)
  }
}

const CONFIGS = ['lintel-lint.yaml', 'lintel-lint.yml', 'lintel-lint.json']

/** That of the flag, or the one in this folder. */
function configFrom(given: string | undefined): LintConfig {
  const file = given ?? CONFIGS.find((name) => existsSync(name))
  if (file === undefined) return NO_CONFIG
  const { value } = openSource(file)
  try {
    return readConfig(value)
  } catch (error) {
    throw wrongUse(`${file}: ${(error as Error).message}`, error)
  }
}

function plain({ rule, ...finding }: Finding): object {
  return { rule: rule.id, ...finding, reason: rule.reason, hint: rule.hint }
}

function printRules(): void {
  for (const { id, severity, reason } of LINT_RULES) console.log(`${id.padEnd(34)} ${severity.padEnd(6)} ${reason}`)
}
