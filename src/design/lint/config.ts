import { nearestName } from '../../base/known-names.ts'
import { inWords } from '../../contract/known-members.ts'
import { isFields, pointerOf, type Spot } from '../openapi/spot.ts'
import type { LintRule, Severity } from './rule.ts'
import { chapterOf, LINT_RULES } from './rules.ts'

/** What a project wants of the rules. */
export interface LintConfig {
  severityOf(rule: LintRule): Severity | 'off'
  /** Whether a place is left out of a rule, for a reason that the file gives. */
  ignores(rule: LintRule, spot: Spot): boolean
}

export const NO_CONFIG: LintConfig = { severityOf: ({ severity }) => severity, ignores: () => false }

interface Ignore {
  readonly path: RegExp
  readonly rules: readonly string[] | undefined
}

const LEVELS = ['off', 'warn', 'error'] as const

/**
 * Reads a configuration:
 *
 *     rules:
 *       R-REST-1/plural: off        # one rule
 *       R-PAGE-3: warn              # all of a chapter
 *     ignore:
 *       - path: /legacy/**          # as in `paths`, * for one segment, ** for any; or a JSON pointer, #/components/schemas/Old
 *         rules: [R-REST-1]         # all, if left out
 *         reason: frozen since 2019
 *
 * An Error names the member that is wrong, and says what was expected.
 */
export function readConfig(value: unknown): LintConfig {
  if (value === null || value === undefined) return NO_CONFIG
  if (!isFields(value)) throw new Error('must be an object with `rules` and `ignore`')
  checkMembers(value, ['rules', 'ignore'], '')
  const levels = readLevels(value.rules)
  const ignores = readIgnores(value.ignore)
  return {
    severityOf: ({ id, severity }) => levels.get(id) ?? levels.get(chapterOf(id)) ?? severity,
    ignores: ({ id }, spot) =>
      ignores.some(
        ({ path, rules }) =>
          (rules === undefined || rules.includes(id) || rules.includes(chapterOf(id))) &&
          placesOf(spot).some((one) => path.test(one)),
      ),
  }
}

function readLevels(given: unknown): Map<string, Severity | 'off'> {
  if (given === undefined) return new Map()
  if (!isFields(given)) throw new Error('rules must be an object, such as { R-REST-1/plural: off }')
  return new Map(
    Object.entries(given).map(([name, level]) => {
      checkRule(name, 'rules')
      // YAML 1.1 has `off` for false.
      const known = level === false ? 'off' : LEVELS.find((one) => one === level)
      if (known === undefined) throw new Error(`rules ${name} is ${inWords(level)}: give off, warn or error`)
      return [name, known]
    }),
  )
}

function readIgnores(given: unknown): Ignore[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw new Error('ignore must be a list')
  return given.map((one: unknown, i) => {
    const at = `ignore[${i}]`
    if (!isFields(one)) throw new Error(`${at} must be an object with path, rules and reason`)
    checkMembers(one, ['path', 'rules', 'reason'], `${at} `)
    const { path, rules, reason } = one
    if (typeof path !== 'string' || !/^[/#]/.test(path))
      throw new Error(
        `${at}.path is ${inWords(path)}: give a path such as /legacy/** or a pointer such as #/components/schemas/Old`,
      )
    if (typeof reason !== 'string' || reason.trim() === '')
      throw new Error(`${at} has no reason: say why, in a sentence`)
    if (rules !== undefined && !Array.isArray(rules)) throw new Error(`${at}.rules must be a list of rules`)
    const names = (rules as unknown[] | undefined)?.map(String)
    for (const name of names ?? []) checkRule(name, `${at}.rules`)
    return { path: patternOf(path), rules: names }
  })
}

/** The path of an operation, and where it stands in the document. */
function placesOf({ path }: Spot): string[] {
  return [pointerOf(path), ...(path[0] === 'paths' && path[1] !== undefined ? [path[1]] : [])]
}

function patternOf(path: string): RegExp {
  const text = path
    .split(/(\/\*\*$|\*\*|\*)/)
    .map((part) => ({ '/**': '(/.*)?', '**': '.*', '*': '[^/]*' })[part] ?? part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('')
  return new RegExp(`^${text}${path.startsWith('#') ? '(/.*)?' : ''}$`)
}

function checkRule(name: string, where: string): void {
  const ids = LINT_RULES.map(({ id }) => id as string)
  const known = [...ids, ...new Set(ids.map(chapterOf))]
  if (known.includes(name)) return
  const nearest = nearestName(name, known)
  throw new Error(
    `${where} names the unknown rule "${name}"${nearest ? `: did you mean ${nearest}?` : ': see lintel lint --rules'}`,
  )
}

function checkMembers(given: object, known: readonly string[], where: string): void {
  const name = Object.keys(given).find((one) => !known.includes(one))
  if (name === undefined) return
  const nearest = nearestName(name, known)
  throw new Error(
    `${where}has the unknown member "${name}": ${nearest ? `did you mean ${nearest}?` : `expected ${known.join(', ')}`}`,
  )
}
