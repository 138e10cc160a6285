import fc from 'fast-check'
import { anything } from './strange.ts'

/** A change of a body at the `at`-th of its places. */
export interface Edit {
  readonly how: 'put' | 'drop' | 'add' | 'bend'
  readonly at: number
  readonly name: string
  readonly value: unknown
}

/** Any change. */
export function edit(): fc.Arbitrary<Edit> {
  return fc.record({
    how: fc.constantFrom<Edit['how']>('put', 'drop', 'add', 'bend', 'bend'),
    at: fc.nat(30),
    name: fc.constantFrom(
      'extra',
      'id',
      'version',
      'createdAt',
      'userId',
      'passwordHash',
      '__proto__',
      'toString',
      '',
      'role',
      'roles',
    ),
    value: anything(),
  })
}

/** A body after an edit; places are counted from the whole inwards. */
export function edited(value: unknown, { how, at, name, value: put }: Edit): unknown {
  const places = [...placesIn(value)]
  const path = places[at % places.length]!
  if (how === 'put') return changed(value, path, () => put)
  if (how === 'bend') return changed(value, path, (there) => bent(there)[at % bent(there).length])
  if (how === 'drop') return changed(value, path, () => undefined)
  return changed(value, path, (there) => (isObject(there) ? { ...there, [name]: put } : put))
}

/** Values close by, of which some are just beyond what is allowed. */
function bent(value: unknown): readonly unknown[] {
  if (typeof value === 'number')
    return [value + 0.001, value + 0.00001, -value - 1, value + 1, value * 1e6, -value, String(value), [value]]
  if (typeof value === 'string')
    return [
      `${value}\0`,
      ` ${value}`,
      `${value}x`,
      value.repeat(100),
      value.slice(1),
      value.toUpperCase(),
      [value],
      null,
    ]
  if (Array.isArray(value)) return [[...value, ...value], Array(101).fill(value[0]), {}, value[0], { ...value }]
  // Not String: an edit may have put a member `toString` there.
  return [null, {}, [value], JSON.stringify(value)]
}

function* placesIn(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  yield path
  if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) yield* placesIn(member, [...path, key])
}

function changed(value: any, [key, ...rest]: readonly string[], change: (there: unknown) => unknown): unknown {
  if (key === undefined) return change(value)
  const member = changed(value[key], rest, change)
  if (Array.isArray(value))
    return value.flatMap((one, i) => (String(i) !== key ? [one] : member === undefined ? [] : [member]))
  const members = Object.entries(value).flatMap(([name, one]) =>
    name !== key ? [[name, one]] : member === undefined ? [] : [[name, member]],
  )
  return Object.fromEntries(members)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
