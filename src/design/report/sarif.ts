import type { Place } from '../source/places.ts'

export interface SarifRule {
  readonly id: string
  readonly about: string
  readonly why: string
  readonly level: SarifLevel
}

export interface SarifResult extends Place {
  readonly rule: string
  readonly level: SarifLevel
  readonly text: string
  readonly file: string
  /** A JSON pointer, or another name of the place. */
  readonly where: string
}

export type SarifLevel = 'error' | 'warning' | 'note'

/** SARIF 2.1.0, as code-scanning pages of GitHub, GitLab and Azure read it. `version` is that of the tool. */
export function sarifLog(
  tool: string,
  version: string,
  rules: readonly SarifRule[],
  results: readonly SarifResult[],
): object {
  const indexes = new Map(rules.map(({ id }, i) => [id, i]))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: tool, version, rules: rules.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: results.map(({ rule, level, text, file, line, column, where }) => ({
          ruleId: rule,
          ruleIndex: indexes.get(rule)!,
          level,
          message: { text },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(file) },
                region: { startLine: line, startColumn: column },
              },
              logicalLocations: [{ fullyQualifiedName: where }],
            },
          ],
        })),
      },
    ],
  }
}

function ruleOf({ id, about, why, level }: SarifRule): object {
  return {
    id,
    shortDescription: { text: about },
    fullDescription: { text: why },
    help: { text: `${why} ${about}` },
    defaultConfiguration: { level },
  }
}

/** A relative reference: backslashes and spaces are none. */
function uriOf(file: string): string {
  return file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
}
