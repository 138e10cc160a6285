import type { ApiOperation } from '../../openapi/document.ts'
import { below, children, fieldsOf, has, type Spot } from '../../openapi/spot.ts'
import type { LintRule } from '../rule.ts'

export const securityRules: readonly LintRule[] = [
  {
    id: 'R-AUTH-8/security-stated',
    habit: 'says of no operation who may call it',
    places: ({ operations }) => operations.length,
    severity: 'error',
    reason:
      'An operation that says nothing about credentials is public by the standard, and by mistake more often than not.',
    hint: 'Give the document or the operation `security`; [] says that it is open to everyone.',
    check: ({ operations }, report) => {
      for (const { security, spot } of operations)
        if (security === undefined) report(spot, 'does not say who may call it')
    },
  },
  {
    id: 'R-AUTH-8/scheme-declared',
    severity: 'error',
    reason: 'A name that leads to no scheme tells a client nothing about what to send.',
    hint: 'Declare it in components.securitySchemes.',
    check: ({ operations, top }, report) => {
      const schemes = below(top, 'components', 'securitySchemes')
      for (const operation of operations)
        for (const requirement of requirementsOf(operation))
          for (const name of Object.keys(fieldsOf(requirement)))
            if (!has(schemes, name)) report(requirement, `asks for "${name}", which is no declared scheme`)
    },
  },
  {
    id: 'R-AUTH-8/key-in-query',
    severity: 'warn',
    reason: 'Addresses end up in logs, histories and Referer headers, and credentials with them.',
    hint: 'Take credentials in the Authorization header.',
    check: ({ top, references }, report) => {
      for (const [name, one] of children(below(top, 'components', 'securitySchemes'))) {
        const scheme = fieldsOf(references.resolve(one))
        if (scheme.type === 'apiKey' && scheme.in === 'query') report(one, `takes the key "${name}" from the query`)
      }
    },
  },
]

/** Each a way to be let in; {} lets in without credentials. */
export function requirementsOf({ security }: ApiOperation): Spot[] {
  return security === undefined ? [] : children(security).map(([, one]) => one)
}

/** Whether nobody gets in without credentials. */
export function isSecured(operation: ApiOperation): boolean {
  const ways = requirementsOf(operation)
  return ways.length > 0 && ways.every((one) => Object.keys(fieldsOf(one)).length > 0)
}
