import { operationIdOf } from '../../openapi/document.ts'
import { below, fieldsOf, has, type Spot, textOf } from '../../openapi/spot.ts'
import type { LintedDocument, LintRule } from '../rule.ts'

export const documentRules: readonly LintRule[] = [
  {
    id: 'R-P-2/operation-id',
    severity: 'error',
    reason: 'Generated clients name their functions by it: without one they make up a name, with one twice they stop.',
    hint: 'Give every operation its own operationId, such as listOrders.',
    check: ({ operations }, report) => {
      const seen = new Map<string, string>()
      for (const operation of operations) {
        const id = operationIdOf(operation)
        if (id === undefined) report(operation.spot, 'has no operationId')
        else if (seen.has(id))
          report(below(operation.spot, 'operationId'), `has the operationId of ${seen.get(id)}: ${id}`)
        else seen.set(id, operation.label)
      }
    },
  },
  {
    id: 'R-P-2/described',
    severity: 'warn',
    reason: 'A name says what; a sentence says when, and what for.',
    hint: 'Give the operation a summary or a description.',
    check: ({ operations }, report) => {
      for (const { spot } of operations)
        if (!textOf(fieldsOf(spot).summary) && !textOf(fieldsOf(spot).description)) report(spot, 'is described nowhere')
    },
  },
  {
    id: 'R-P-2/reference',
    severity: 'error',
    reason: 'A reference that leads nowhere makes of what it stands for anything at all.',
    hint: 'Write what is missing, or correct the $ref. Files beside the document are read, the network is not.',
    check: (document, report) => {
      for (const spot of referencesIn(document)) {
        const fault = document.references.faultOf(spot)
        if (fault) report(spot, `has the $ref "${fieldsOf(spot).$ref}", which ${fault}`)
      }
    },
  },
]

/** What is shown as an example may look like anything. */
const SHOWN = new Set(['example', 'examples', 'default', 'enum', 'const', 'value', 'mapping'])

/** Values with a `$ref`, in the document itself. A property may be named `$ref` or `example`. */
function referencesIn({ top }: LintedDocument): Spot[] {
  const found: Spot[] = []
  const seen = new Set<unknown>()
  const left: { spot: Spot; named: boolean }[] = [{ spot: top, named: false }]
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    const { spot, named } = one
    if (typeof spot.value !== 'object' || spot.value === null || seen.has(spot.value)) continue
    seen.add(spot.value)
    if (!named && has(spot, '$ref') && typeof fieldsOf(spot).$ref === 'string') found.push(spot)
    for (const name of Object.keys(spot.value)) {
      if (!named && (SHOWN.has(name) || name.startsWith('x-')) && !Array.isArray(spot.value)) continue
      left.push({ spot: below(spot, name), named: !named && NAMED.has(name) && !Array.isArray(spot.value) })
    }
  }
  return found
}

/** Their members have names of the author's choice. */
const NAMED = new Set([
  'properties',
  'schemas',
  'parameters',
  'responses',
  'headers',
  'definitions',
  '$defs',
  'patternProperties',
  'requestBodies',
  'pathItems',
  'securitySchemes',
  'links',
  'callbacks',
  'dependentSchemas',
])
