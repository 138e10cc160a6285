import type { Contract } from './contract.ts'
import { checkFields } from './field-rules.ts'
import { inWords } from './known-members.ts'
import { isCamelCase } from './names.ts'
import type { Report } from './violation.ts'

const LONGEST_MS = 900_000
const MOST_AT_ONCE = 100

/** Reports what is wrong with the jobs of a contract. */
export function checkJobs({ jobs, resources, operations, consumers }: Contract, report: Report): void {
  for (const [key, { data, attempts, timeoutMs, concurrency, everyMs }] of Object.entries(jobs)) {
    const at = `jobs.${key}`
    const whole = (name: string, value: unknown, least: number, most: number) => {
      if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
        report('R-P-6', at, `has ${name} ${inWords(value)}`, `Give a whole number from ${least} to ${most}`)
    }
    if (!isCamelCase(key)) report('R-P-6', at, 'is not in camelCase', 'Name it after what it does: `sendReport`')
    if ([resources, operations, consumers].some((others) => Object.hasOwn(others, key)))
      report(
        'R-P-2',
        at,
        'has the name of a resource, an operation or a consumer',
        'Every handler needs its own name: rename one',
      )
    whole('attempts', attempts, 1, 100)
    whole('timeoutMs', timeoutMs, 1, LONGEST_MS)
    whole('concurrency', concurrency, 1, MOST_AT_ONCE)
    checkFields(`${at}.data`, data, false, report)
    if (everyMs === undefined) continue
    whole('everyMs', everyMs, 1_000, 366 * 86_400_000)
    if (Object.keys(data).length > 0)
      report('R-P-6', at, 'has everyMs and data', 'Nobody gives a schedule its data: remove one of the two')
  }
}
