import type { FieldSpec, Fields } from './fields.ts'
import { specsOf } from './fields.ts'
import { type KnownMembers, onlyKnown } from './known-members.ts'
import type { DescribedOperation } from './operation.ts'

type Members = Record<string, unknown>

/** How a resource looked one version earlier, as a pair of transforms (R-VER-2). */
export interface OlderShape {
  readonly without: readonly string[]
  readonly added: Readonly<Record<string, FieldSpec>>
  /** A request of the older version, as the next one would have it. */
  readonly up: (body: Members) => Members
  /** An answer of the next version, as the older one shows it. */
  readonly down: (answer: Members) => Members
}

const SHAPE: KnownMembers<OlderShape> = { without: 'list', added: true, up: true, down: true }

/** Declares it: `olderShape({ without: ['roles'], added: { role: t.oneOf('member', 'admin') }, up, down })`. */
export function olderShape(shape: {
  without?: readonly string[]
  added?: Fields
  up: (body: Members) => Members
  down: (answer: Members) => Members
}): OlderShape {
  onlyKnown('olderShape', shape, SHAPE)
  return { without: shape.without ?? [], added: specsOf(shape.added ?? {}), up: shape.up, down: shape.down }
}

export interface OlderVersion {
  /** When it was deprecated, as a date; answers then carry `Deprecation` (RFC 9745). */
  readonly deprecated?: string
  /** When it ends, as a date; answers then carry `Sunset` (RFC 8594). */
  readonly sunset?: string
  /**
   * By key of the contract's resources, or of its operations: their body, and what they answer where that is no resource, which has
   * its own shape.
   */
  readonly shapes: Readonly<Record<string, OlderShape>>
}

/** The versions of a contract. */
export interface ApiVersions {
  readonly latest: number
  /** By number: each version before `latest`. */
  readonly older: Readonly<Record<number, OlderVersion>>
}

type Versioned = Pick<DescribedOperation, 'key' | 'name' | 'shows' | 'body' | 'answer'>

/** An operation as one version has it. The newest has no transforms. */
export interface Surface {
  readonly body: Readonly<Record<string, FieldSpec>> | undefined
  readonly answer: Readonly<Record<string, FieldSpec>> | undefined
  readonly up: ((body: Members) => Members) | undefined
  readonly down: ((answer: Members) => Members) | undefined
}

/** What `version` makes of an operation: the declared steps between it and the newest, one after the other. */
export function surfaceOf(contract: ApiVersions, operation: Versioned, version: number): Surface {
  const own = operation.key ?? operation.name
  const asked = shapesOf(contract, own, version)
  const shown = operation.shows ? shapesOf(contract, operation.shows.key, version) : asked
  return {
    body: operation.body && asked.reduce(older, operation.body),
    answer: operation.answer && shown.reduce(older, operation.answer),
    up: asked.length === 0 ? undefined : (body) => asked.reduceRight((value, shape) => shape.up(value), body),
    down: shown.length === 0 ? undefined : (answer) => shown.reduce((value, shape) => shape.down(value), answer),
  }
}

function shapesOf(contract: ApiVersions, key: string, version: number): OlderShape[] {
  const shapes: OlderShape[] = []
  for (let v = contract.latest - 1; v >= version; v--) {
    const shape = contract.older[v]?.shapes[key]
    if (shape) shapes.push(shape)
  }
  return shapes
}

/**
 * What stands in for fields stands where the first of them stood, and only where one of them did; it is read-only where all of
 * them are.
 */
function older(specs: Readonly<Record<string, FieldSpec>>, shape: OlderShape): Record<string, FieldSpec> {
  const gone = shape.without.filter((name) => Object.hasOwn(specs, name))
  const readOnly = gone.length > 0 && gone.every((name) => specs[name]!.server)
  const added = readOnly ? mapped(shape.added, (spec) => ({ ...spec, server: true })) : shape.added
  const out: Record<string, FieldSpec> = {}
  for (const [name, spec] of Object.entries(specs)) {
    if (shape.without.includes(name)) Object.assign(out, added)
    else out[name] = spec
  }
  return shape.without.length === 0 ? { ...out, ...added } : out
}

function mapped(specs: Readonly<Record<string, FieldSpec>>, change: (spec: FieldSpec) => FieldSpec) {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, change(spec)]))
}
