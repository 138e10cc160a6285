import type { FieldFault } from '../../base/errors.ts'
import { checkOf } from '../check.ts'
import type { FieldSpec } from '../fields.ts'
import { capital, wordsOf } from './schema-names.ts'

/**
 * What documents show of a field: the example that its contract gives, else its default, else one that its kind makes, else none. An
 * object has none: its members have. Always valid for the field.
 */
export function exampleOf(name: string, spec: FieldSpec): unknown {
  if (spec.example !== undefined) return spec.example
  const made = kinds[spec.kind](name, spec)
  if (made === undefined) return undefined
  const candidates = isEmpty(spec.default) ? [made] : [spec.default, made]
  return candidates.find((one) => isValid(spec, one))
}

type Specs = Readonly<Record<string, FieldSpec>>

/**
 * A whole body: what has to be given, what has a default that anybody may replace, and what else the contract gives an example of.
 * Undefined where something has to be given that there is no example of.
 */
export function exampleBody(specs: Specs): object | undefined {
  return objectOf(specs, 'request', ({ server, optional, example, default: value, only }) =>
    server ? false : !optional || example !== undefined || (value !== undefined && !only),
  )
}

/** A whole answer; undefined where a field of it has no example. */
export function exampleAnswer(specs: Specs): object | undefined {
  return objectOf(specs, 'answer', ({ hidden, inputOnly }) => !hidden && !inputOnly)
}

type Use = 'request' | 'answer'

function objectOf(specs: Specs, use: Use, isShown: (spec: FieldSpec) => boolean | undefined): object | undefined {
  const members = Object.entries(specs)
    .filter(([, spec]) => isShown(spec))
    .map(([name, spec]) => [name, exampleValue(name, spec, use)] as const)
  return members.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(members)
}

function exampleValue(name: string, spec: FieldSpec, use: Use): unknown {
  if (spec.nullable && spec.example === undefined) return null
  const { kind, transitions, initial } = spec
  switch (kind) {
    case 'boolean':
      return spec.example ?? spec.default ?? true
    case 'oneOf':
      // Where it is asked for, a state is one to go to.
      if (transitions && use === 'request') return Object.keys(transitions[initial!]!)[0] ?? initial
      return spec.example ?? spec.default ?? initial ?? spec.values![0]
    case 'id':
      return spec.example ?? exampleId(spec.prefix!)
    case 'object':
      return spec.example ?? (use === 'request' ? exampleBody(spec.fields!) : exampleAnswer(spec.fields!))
    case 'list': {
      const given = exampleOf(name, spec)
      if (given !== undefined) return given
      const one = exampleValue(name, spec.of!, use)
      return one === undefined ? undefined : [one]
    }
    default:
      return exampleOf(name, spec)
  }
}

export const EXAMPLE_TIME = '2026-01-31T09:30:00.000Z'

export function exampleId(prefix: string): string {
  return `${prefix}_01h455vb4pex5vsknk084sn02q`
}

const kinds: Record<FieldSpec['kind'], (name: string, spec: FieldSpec) => unknown> = {
  text: (name) => capital(wordsOf(name)),
  email: () => 'ada@example.com',
  integer: (_, spec) => within(spec, 1),
  decimal: (_, spec) => within(spec, spec.scale === 0 ? 1 : 0.5),
  money: (_, spec) => within(spec, 19.99),
  // What has few values needs no example.
  boolean: () => undefined,
  time: () => EXAMPLE_TIME,
  // The schema of the id has one.
  id: () => undefined,
  oneOf: () => undefined,
  list: (name, spec) => {
    const one = exampleOf(name, spec.of!) ?? spec.of!.values?.[0]
    return one === undefined ? undefined : [one]
  },
  object: () => undefined,
}

function within({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: FieldSpec, value: number): number {
  return Math.min(Math.max(value, min), max)
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}

function isValid(spec: FieldSpec, value: unknown): boolean {
  const faults: FieldFault[] = []
  checkOf(spec)(value, '', faults)
  return faults.length === 0
}
