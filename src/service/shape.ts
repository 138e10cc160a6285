import type { FieldFault } from '../base/errors.ts'
import { checkOf } from '../contract/check.ts'
import type { FieldSpec } from '../contract/fields.ts'

export { shaped } from '../contract/shaped.ts'

type Specs = Readonly<Record<string, FieldSpec>>

/** Compiles the check of what a service sends: everything named is there, and is what the contract says. */
export function outputCheck(specs: Specs): (value: object) => FieldFault[] {
  const check = checkOf({ kind: 'object', fields: required(specs) })
  return (value) => {
    const faults: FieldFault[] = []
    check(value, '', faults)
    return faults
  }
}

/** Marks for requests mean nothing on the way out: every member is there, null where the contract allows it. */
function required(specs: Specs): Record<string, FieldSpec> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, unmarked(spec)]))
}

function unmarked(spec: FieldSpec): FieldSpec {
  return {
    ...spec,
    optional: false,
    server: false,
    ...(spec.of ? { of: unmarked(spec.of) } : {}),
    ...(spec.fields ? { fields: required(spec.fields) } : {}),
  }
}
