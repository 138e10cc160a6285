import type { LintRule } from './rule.ts'
import { bodyRules } from './rules/bodies.ts'
import { concurrencyRules } from './rules/concurrency.ts'
import { documentRules } from './rules/document.ts'
import { errorRules } from './rules/errors.ts'
import { listRules } from './rules/lists.ts'
import { methodRules } from './rules/methods.ts'
import { pathRules } from './rules/paths.ts'
import { securityRules } from './rules/security.ts'
import { statusRules } from './rules/statuses.ts'
import { versionRules } from './rules/versions.ts'

/** Every rule, in the order of SPEC.md. */
export const LINT_RULES: readonly LintRule[] = [
  ...documentRules,
  ...pathRules,
  ...methodRules,
  ...statusRules,
  ...bodyRules,
  ...errorRules,
  ...listRules,
  ...concurrencyRules,
  ...versionRules,
  ...securityRules,
]

/** `R-REST-1` of `R-REST-1/verb`. */
export function chapterOf(id: string): string {
  return id.split('/', 1)[0]!
}
