import type { Source } from '../source/source.ts'
import { below, fieldsOf, type Spot, textOf } from './spot.ts'

/** Opens a file that a document refers to, by its decoded path: its source, or what is wrong, as in "does not exist". */
export type OpenFile = (from: Source, name: string) => Source | string

export interface References {
  /** What a value stands for: where its `$ref` leads, and that one's. A value of undefined where it leads to nothing. */
  resolve(spot: Spot): Spot
  /** What is wrong with the `$ref` of a value; undefined where nothing is. */
  faultOf(spot: Spot): string | undefined
}

const MAX_STEPS = 32

/** Follows `$ref` within a document and into files beside it, never into the network. Each is followed once. */
export function createReferences(open: OpenFile): References {
  const followed = new Map<Source, Map<string, Spot | string>>()

  function follow(from: Spot, reference: string): Spot | string {
    const known = followed.get(from.source) ?? new Map<string, Spot | string>()
    followed.set(from.source, known)
    const kept = known.get(reference)
    if (kept !== undefined) return kept
    const found = find(from, reference)
    known.set(reference, found)
    return found
  }

  function find({ source }: Spot, reference: string): Spot | string {
    const hash = reference.indexOf('#')
    const file = hash < 0 ? reference : reference.slice(0, hash)
    if (/^[a-z][a-z0-9+.-]+:/i.test(file)) return 'leads into the network, which is not read'
    const path = decoded(file)
    if (path === undefined) return 'does not resolve'
    const target = path === '' ? source : open(source, path)
    if (typeof target === 'string') return target
    const pointer = hash < 0 ? '' : reference.slice(hash + 1)
    const top: Spot = { source: target, path: [], value: target.value }
    if (pointer === '') return top
    if (!pointer.startsWith('/')) return anchored(top, pointer) ?? 'does not resolve'
    const names = namesOf(pointer)
    const found = names && below(top, ...names)
    return found === undefined || found.value === undefined ? 'does not resolve' : found
  }

  function walk(spot: Spot): Spot | string {
    let at = spot
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const reference = textOf(fieldsOf(at).$ref)
      if (reference === undefined) return at
      const next = follow(at, reference)
      if (typeof next === 'string') return next
      at = next
    }
    return 'leads in a circle'
  }

  return {
    resolve: (spot) => {
      const found = walk(spot)
      return typeof found === 'string' ? { ...spot, value: undefined } : found
    },
    faultOf: (spot) => {
      const found = walk(spot)
      return typeof found === 'string' ? found : undefined
    },
  }
}

/** RFC 6901 6. */
function namesOf(pointer: string): string[] | undefined {
  const steps = decoded(pointer)?.slice(1).split('/')
  return steps?.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Undefined where it is not percent-encoded as it should be (RFC 3986 2.1). */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** `$anchor` of a schema among the components (3.1). */
function anchored(top: Spot, anchor: string): Spot | undefined {
  const schemas = below(top, 'components', 'schemas')
  return Object.keys(fieldsOf(schemas))
    .map((name) => below(schemas, name))
    .find((schema) => fieldsOf(schema).$anchor === anchor)
}
