import type { FieldFault } from '../base/errors.ts'
import { allUnmarked, checkOf } from '../contract/check.ts'
import type { FieldSpec } from '../contract/fields.ts'

export { shaped } from '../contract/shaped.ts'

type Specs = Readonly<Record<string, FieldSpec>>

/** Compiles the check of what a service sends: everything named is there, and is what the contract says. */
export function outputCheck(specs: Specs): (value: object) => FieldFault[] {
  const check = checkOf({ kind: 'object', fields: allUnmarked(specs) })
  return (value) => {
    const faults: FieldFault[] = []
    check(value, '', faults)
    return faults
  }
}
