import { hasRole } from '../auth/caller.ts'
import { type FieldFault, Problem } from '../base/errors.ts'
import type { Call } from '../call/call.ts'
import { bodyCheck } from '../contract/check.ts'
import type { Operation } from '../contract/operation.ts'
import { type Row, readRow as valuesOf } from '../data/row.ts'
import { conflictOf, type ExpectedVersion } from '../data/rows.ts'
import { requireFieldAccess } from './access.ts'
import { readBody, readExpected } from './input.ts'
import type { OperationPlan } from './operation-plan.ts'
import { givesReadOnly, withoutReadOnly } from './read-only.ts'
import { shaped } from './shape.ts'

type Values = Record<string, unknown>

/** A body as it was sent: builds that differ in defaults and versions know a repeat by that alone. */
interface Asked {
  readonly body: Values
  readonly faults: FieldFault[]
  /** It has read-only fields, which must have their current values. */
  readonly repeats: boolean
  /** The thing itself has to be read: the body has something that may only stand as it is. */
  readonly needsRow: boolean
}

/** The body, checked as the caller's version says. */
export function readAsked(plan: OperationPlan, call: Call): Asked {
  const { operation, surface, isChange, checkBody = noFields } = plan
  const body = readBody(operation, call) as Values
  const faults = checkBody(body, isPartial(operation))
  const repeats = isChange && givesReadOnly(surface.body!, body)
  if (!repeats) refuse(faults)
  const restricted = isChange && !plan.onlyRoles.every((role) => hasRole(call.context.caller, role))
  return { body, faults, repeats, needsRow: repeats || restricted }
}

/** The body as the newest version has it: brought up, then checked again. `row` is the thing where that `needsRow`. */
export function readInput(plan: OperationPlan, call: Call, asked: Asked, row: Row | undefined) {
  const { operation, surface } = plan
  const { caller } = call.context
  if (!plan.checkBody) return { body: {}, expected: required(operation, readExpected(operation, call, undefined)) }
  const partial = isPartial(operation)
  const { faults, repeats } = asked
  let given = asked.body
  const stands = row && (valuesOf(row) as Values)
  const shown = stands && shownIn(plan, stands)
  if (repeats) given = asItStands(plan, call, given, row!, shown!, faults)
  if (plan.onlyRoles.length > 0) given = requireFieldAccess(surface.body!, given, caller, shown)
  if (surface.up) {
    given = surface.up(partial ? given : plan.fill(surface.body!, given, operation))
    refuse(plan.checkNewest!(given, partial))
    // A field that an older version calls otherwise, or makes of others, is nobody else's for that.
    if (plan.onlyRoles.length > 0) given = requireFieldAccess(operation.body!, given, caller, stands)
  }
  const { version } = given
  const body = 'version' in given ? withoutVersion(given) : given
  const expected = readExpected(operation, call, version as number | undefined)
  required(operation, expected)
  return { body: partial ? plan.normalise(body) : plan.fill(operation.body!, body, operation), expected }
}

function withoutVersion({ version, ...rest }: Values): Values {
  return rest
}

/** A merge patch: what is left out stays as it was. */
function isPartial({ verb, resource }: Operation): boolean {
  return verb === 'update' && resource?.input.update === undefined
}

/**
 * The body without its read-only fields, which must have their current values: every one that has not, and all other `faults`.
 * Of a version that has gone by they cannot, and that is said instead where nothing else is wrong.
 */
function asItStands(
  { operation, surface }: OperationPlan,
  call: Call,
  given: Values,
  row: Row,
  shown: Values,
  faults: FieldFault[],
): Values {
  const version = typeof given.version === 'number' ? given.version : undefined
  const expected = readExpected(operation, call, version)
  const conflict = conflictOf(row, expected)
  if (faults.length === 0) {
    required(operation, expected)
    if (conflict) throw conflict
  }
  const rest = withoutReadOnly(surface.body!, given, shown, conflict ? [] : faults)
  refuse(faults)
  return rest
}

/** What stands, as the caller's version shows it. */
function shownIn({ operation, surface }: OperationPlan, stands: Values): Values {
  return surface.down ? { ...stands, ...surface.down(shaped(operation.answer!, stands)) } : stands
}

/** What a contract gives no body may have an empty one: a field in it would be unknown (R-BODY-4). */
const noFields = bodyCheck({})

/** A contract may ask that every write says which version it means (R-LOCK-2). */
function required(operation: Operation, expected: ExpectedVersion | undefined): ExpectedVersion | undefined {
  const { resource, on, verb } = operation
  if ((resource ?? on?.resource)?.requireVersion && verb !== 'create' && !expected)
    throw new Problem('PRECONDITION_REQUIRED')
  return expected
}

function refuse(faults: FieldFault[]) {
  if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults })
}
