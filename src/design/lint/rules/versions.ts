import { successes } from '../../openapi/document.ts'
import { fieldsOf } from '../../openapi/spot.ts'
import type { LintRule } from '../rule.ts'

export const versionRules: readonly LintRule[] = [
  {
    id: 'R-VER-1/place',
    severity: 'warn',
    reason: 'The version is that of the whole API: in the middle of a path it is that of a part, and clients mix them.',
    hint: 'Put it first: /v1/users.',
    check: ({ paths }, report) => {
      for (const { segments, spot } of paths) {
        const at = segments.findIndex((one) => /^v\d+(\.\d+)*(alpha\d*|beta\d*)?$/.test(one))
        if (at > 1 || (at === 1 && segments[0] !== 'api'))
          report(spot, `has its version at place ${at + 1} of its path`)
      }
    },
  },
  {
    id: 'R-VER-3/sunset',
    severity: 'warn',
    reason:
      'Deprecated without an end is not believed; without headers it is seen by nobody who does not read the document.',
    hint: 'Declare the headers Deprecation (RFC 9745) and Sunset (RFC 8594) on its success.',
    check: ({ operations }, report) => {
      for (const operation of operations) {
        if (fieldsOf(operation.spot).deprecated !== true) continue
        const headers = successes(operation).map((one) => one.headers)
        const missing = ['Deprecation', 'Sunset'].filter((name) => !headers.some((one) => one.has(name.toLowerCase())))
        if (missing.length > 0) report(operation.spot, `is deprecated without ${missing.join(' and ')}`)
      }
    },
  },
]
