import type { Contract } from './contract.ts'
import type { FieldSpec } from './fields.ts'
import type { Operation } from './operation.ts'
import { surfaceOf } from './versions.ts'

/** What a caller of a contract relies on, as plain JSON: so that two builds can be compared that know only their own. */
export interface ContractFacts {
  readonly operations: Readonly<Record<string, OperationFacts>>
  /** Data by the type of the event. */
  readonly events: Readonly<Record<string, FieldFacts>>
}

export interface OperationFacts {
  readonly method: string
  /** Prefixes of its path parameters, in order; empty where one is no id. */
  readonly params: readonly string[]
  readonly status: number
  /** Of a route: its body is sent as it comes. */
  readonly streamed?: true
  /** By the version of the API. */
  readonly versions: readonly { readonly body: FieldFacts; readonly answer: FieldFacts }[]
}

/** By its path, such as `items[].quantity`: its kind, and whether a request may leave it out. */
export type FieldFacts = Readonly<Record<string, { readonly kind: string; readonly optional?: true }>>

export function contractFacts(contract: Contract): ContractFacts {
  const operations: Record<string, OperationFacts> = {}
  for (const operation of contract.served) operations[operation.id] = operationFacts(contract, operation)
  const events: Record<string, FieldFacts> = {}
  for (const [type, { data }] of Object.entries(contract.events)) events[type] = fieldFacts(data, false)
  return { operations, events }
}

function operationFacts(contract: Contract, operation: Operation): OperationFacts {
  const versions: { body: FieldFacts; answer: FieldFacts }[] = []
  for (let version = 1; version <= contract.latest; version++) {
    const { body, answer } = surfaceOf(contract, operation, version)
    versions.push({ body: fieldFacts(body, true), answer: fieldFacts(answer, false) })
  }
  const { method, params, status, route } = operation
  const streamed = route?.body?.streamed ? { streamed: true as const } : {}
  return { method, params: params.map(({ prefix = '' }) => prefix), status, ...streamed, versions }
}

type Specs = Readonly<Record<string, FieldSpec>>

/** Of a request: what may be given in one. Of an answer: what is shown. */
function fieldFacts(specs: Specs | undefined, given: boolean): FieldFacts {
  const facts: Record<string, { kind: string; optional?: true }> = {}
  const walk = (spec: FieldSpec, path: string) => {
    if (spec.hidden || (given ? spec.server : spec.inputOnly)) return
    const optional = spec.optional || spec.nullable || spec.default !== undefined
    facts[path] = { kind: spec.kind === 'id' ? `id ${spec.prefix}` : spec.kind, ...(optional && { optional: true }) }
    if (spec.of) walk(spec.of, `${path}[]`)
    for (const [name, inner] of Object.entries(spec.fields ?? {})) walk(inner, `${path}.${name}`)
  }
  for (const [name, spec] of Object.entries(specs ?? {})) walk(spec, name)
  return facts
}

/**
 * Why a caller that knows `ours` cannot use `theirs`, by the operation or the event that it is about; the others it can. What was
 * added there, and what is optional, hurts nobody: so old and new builds serve together while a change is rolled out (expand and
 * contract). Whoever only passes bodies on (`passes`), as the gateway does, relies on no field of them.
 */
export function incompatibilities(
  ours: ContractFacts,
  theirs: ContractFacts,
  { passes = false }: { readonly passes?: boolean } = {},
): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [id, own] of Object.entries(ours.operations)) {
    const why = whyNotCalled(own, theirs.operations[id], passes)
    if (why !== undefined) found.set(id, why)
  }
  for (const [type, own] of passes ? [] : Object.entries(ours.events)) {
    const other = theirs.events[type]
    const why = other === undefined ? 'is missing' : whyNotRead(own, other)
    if (why !== undefined) found.set(type, why)
  }
  return found
}

function whyNotCalled(own: OperationFacts, other: OperationFacts | undefined, passes: boolean): string | undefined {
  if (other === undefined) return 'is missing'
  if (own.method !== other.method) return `is ${other.method} there, ${own.method} here`
  if (own.params.join() !== other.params.join()) return 'has other path parameters'
  if (own.status !== other.status) return `returns ${other.status} there, ${own.status} here`
  // Its proof has no digest of what is to come: who expects one takes it for altered.
  if (own.streamed && !other.streamed) return 'takes its body whole there, as it comes here'
  if (passes) return undefined
  for (const [i, { body, answer }] of own.versions.entries()) {
    // A version that a service does not have is its newest.
    const there = other.versions[Math.min(i, other.versions.length - 1)]!
    const why = whyNotGiven(body, there.body) ?? whyNotRead(answer, there.answer)
    if (why !== undefined) return `${why} in version ${i + 1}`
  }
  return undefined
}

function whyNotGiven(own: FieldFacts, other: FieldFacts): string | undefined {
  for (const [path, { kind }] of Object.entries(own)) {
    if (other[path] === undefined) return `does not take "${path}"`
    if (other[path].kind !== kind) return `takes "${path}" as ${other[path].kind}, not as ${kind}`
  }
  const asked = Object.keys(other).find((path) => own[path] === undefined && isAsked(path, other))
  return asked === undefined ? undefined : `asks for "${asked}"`
}

/** What is inside something optional is asked for only where that is given. */
function isAsked(path: string, facts: FieldFacts): boolean {
  return !Object.entries(facts).some(
    ([above, { optional }]) =>
      optional && (path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)),
  )
}

function whyNotRead(own: FieldFacts, other: FieldFacts): string | undefined {
  for (const [path, { kind }] of Object.entries(own)) {
    if (other[path] === undefined) return `lacks "${path}"`
    if (other[path].kind !== kind) return `has "${path}" as ${other[path].kind}, not as ${kind}`
  }
  return undefined
}
