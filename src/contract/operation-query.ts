import { type FieldFault, MAX_FAULTS, Problem } from '../base/errors.ts'
import { bodyCheck, withDefaults } from './check.ts'
import type { FieldSpec } from './fields.ts'
import { gather, type Pair, type Pairs, readValue, textsReader } from './list-query.ts'

/**
 * Compiles the reader of an operation's declared query parameters: every faulty one is reported at once, unknown ones are
 * rejected (R-FILTER-2). Lists are given by commas, by repetition or both, as in filters.
 */
export function queryReader(specs: Readonly<Record<string, FieldSpec>>): (pairs: Pairs) => Record<string, unknown> {
  const names = Object.keys(specs)
  const check = bodyCheck(specs)
  const lists = new Set(names.filter((name) => specs[name]!.kind === 'list'))
  const readers = new Map(names.map((name) => [name, valueReader(specs[name]!)]))
  return (pairs) => {
    if (pairs.length === 0 && names.length === 0) return NONE
    const faults: FieldFault[] = []
    const values: Record<string, unknown> = {}
    for (const [name, given] of gather(pairs, lists, faults)) {
      const read = readers.get(name)
      if (read) values[name] = read(given)
      else
        faults.push({
          field: name,
          message: `is not a parameter of this request${names.length === 0 ? '' : `: use ${names.join(', ')}`}`,
        })
    }
    const known = new Set(faults.map(({ field }) => field))
    faults.push(...check(values, false).filter(({ field }) => !known.has(field)))
    if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults.slice(0, MAX_FAULTS) })
    return withDefaults(specs, values)
  }
}

const NONE: Record<string, unknown> = Object.freeze({})

function valueReader(spec: FieldSpec): (given: readonly Pair[]) => unknown {
  if (spec.kind !== 'list') return ([first]) => readValue(spec, first![1])
  const textsOf = textsReader({ name: '', field: '', comparison: 'in', spec: spec.of! })
  return (given) => given.flatMap(textsOf).map((text) => readValue(spec.of!, text))
}
