import type { Finding } from './lint.ts'
import { chapterOf, LINT_RULES } from './rules.ts'

/** SARIF 2.1.0, as code-scanning pages of GitHub, GitLab and Azure read it. `version` is that of the tool. */
export function sarifOf(findings: readonly Finding[], version: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'lintel lint', version, rules: LINT_RULES.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: finding.rule.id,
          ruleIndex: LINT_RULES.indexOf(finding.rule),
          level: finding.severity === 'warn' ? 'warning' : 'error',
          message: { text: `${finding.message}. ${finding.rule.hint}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(finding.file) },
                region: { startLine: finding.line, startColumn: finding.column },
              },
              logicalLocations: [{ fullyQualifiedName: finding.pointer }],
            },
          ],
        })),
      },
    ],
  }
}

function ruleOf({ id, severity, reason, hint }: (typeof LINT_RULES)[number]): object {
  return {
    id,
    shortDescription: { text: hint },
    fullDescription: { text: reason },
    help: { text: `${reason} ${hint}` },
    defaultConfiguration: { level: severity === 'warn' ? 'warning' : 'error' },
    properties: { tags: [chapterOf(id)] },
  }
}

/** A relative reference: backslashes and spaces are none. */
function uriOf(file: string): string {
  return file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
}
