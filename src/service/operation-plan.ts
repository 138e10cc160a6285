import { Problem } from '../base/errors.ts'
import { decodeId } from '../base/ids.ts'
import { type BodyCheck, bodyCheck, withDefaults } from '../contract/check.ts'
import type { FieldSpec } from '../contract/fields.ts'
import { fieldsReader, type ListRequest, listQueryReader, type Pairs } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import { queryReader } from '../contract/operation-query.ts'
import type { AnyResource } from '../contract/resource.ts'
import { type Surface, surfaceOf } from '../contract/versions.ts'
import { listOf } from '../data/list.ts'
import { type CachedReads, cachedReads } from './cached-reads.ts'
import { crud } from './crud.ts'
import type { Handler } from './handler.ts'
import { handlerName, type Service } from './implement.ts'
import { outputCheck } from './shape.ts'
import type { Runtime } from './unit.ts'

type Specs = Readonly<Record<string, FieldSpec>>

/** An operation in one version, compiled: everything that a request would otherwise work out again. */
export interface OperationPlan {
  readonly operation: Operation
  readonly surface: Surface
  readonly isId: (place: number, value: string) => boolean
  /** The parent, where this service has it. */
  readonly parent: AnyResource | undefined
  /** The parent, where another service has it. */
  readonly foreignParent: AnyResource | undefined
  readonly checkBody: BodyCheck | undefined
  /** PUT or PATCH of a resource: read-only fields may stand in the body with their current value. */
  readonly isChange: boolean
  /** Checks what the transforms of an older version made of a body. */
  readonly checkNewest: BodyCheck | undefined
  readonly fill: (specs: Specs, body: object, operation: Operation) => Record<string, unknown>
  /** Members of a merge patch as they are stored; parts of objects as they were given. */
  readonly normalise: (body: Record<string, unknown>) => Record<string, unknown>
  /** Roles that a field of the body asks for, in this version or the newest, at any depth. */
  readonly onlyRoles: readonly string[]
  readonly list: ReturnType<typeof listOf> | undefined
  /** Undefined: every read goes to the database. */
  readonly cached: CachedReads | undefined
  readonly readList: (query: Pairs) => ListRequest
  readonly readFields: (query: Pairs) => readonly string[] | undefined
  /** Of an operation that is neither a list nor a read: its declared query parameters, none for most. */
  readonly readQuery: (query: Pairs) => Readonly<Record<string, unknown>>
  readonly handler: Handler<any, any, any, any> | undefined
  /** Whose share of the connections its units take: that of its resource, whose table they write. Without one there is none. */
  readonly share: string | undefined
  /** As in `Service`. */
  readonly implementedAt: string | undefined
  /** Faults of an answer of the newest version; undefined where answers are not checked. */
  readonly checkAnswer: ((value: object) => { field: string; message: string }[]) | undefined
}

/** Compiles every operation in every version; `plans(id, version)` looks one up, and throws NOT_FOUND where the service has none. */
export function plansOf(service: Service<any>, runtime: Runtime): (id: string, version: number) => OperationPlan {
  const { contract } = service
  const plans = new Map<string, OperationPlan[]>()
  const lists = new Map<AnyResource, ReturnType<typeof listOf>>()
  for (const operation of contract.served as Operation[]) {
    const { resource, verb } = operation
    if (resource && verb === 'list' && !lists.has(resource))
      lists.set(resource, listOf(runtime.database, resource, runtime.cursorSecret))
    const versions: OperationPlan[] = []
    for (let version = 1; version <= contract.latest; version++)
      versions.push(compile(service, operation, version, runtime, resource && lists.get(resource)))
    plans.set(operation.id, versions)
  }
  // A version that this service does not have is another's: here it is the newest (R-VER-1). A route is asked for in none.
  return (id, version) => {
    const versions = plans.get(id)
    if (versions === undefined) throw new Problem('NOT_FOUND', `${contract.name} has no operation "${id}"`)
    return versions[Math.min(version || 1, contract.latest) - 1]!
  }
}

function compile(
  service: Service<any>,
  operation: Operation,
  version: number,
  runtime: Runtime,
  list: ReturnType<typeof listOf> | undefined,
): OperationPlan {
  const { resource, verb, custom } = operation
  const { contract } = service
  const surface = surfaceOf(contract, operation, version)
  const shown = Object.keys(surface.answer ?? {})
  const reads = verb === 'list' || verb === 'get'
  const own = Object.values(contract.resources) as AnyResource[]
  const isChange = verb === 'replace' || verb === 'update'
  const prefixes = operation.params.map((param) => param.prefix)
  return {
    operation,
    surface,
    isId: (place, value) => prefixes[place] === undefined || decodeId(prefixes[place], value) !== undefined,
    parent: resource?.parent && own.includes(resource.parent.of) ? resource.parent.of : undefined,
    foreignParent: resource?.parent && !own.includes(resource.parent.of) ? resource.parent.of : undefined,
    checkBody: surface.body && bodyCheck(surface.body, isChange ? 'left' : 'refused'),
    isChange,
    checkNewest: surface.up && operation.body && bodyCheck(operation.body),
    fill: (specs, body, { verb }) => {
      const filled = withDefaults(specs, body)
      // A replacement by somebody who may not set a field leaves it as it is, rather than resetting it.
      if (verb === 'replace')
        for (const name in specs)
          if ((specs[name]!.only || specs[name]!.transitions) && !(name in body)) delete filled[name]
      if ('version' in filled && !('version' in body)) delete filled.version
      return filled
    },
    normalise: (body) => {
      const whole: Record<string, FieldSpec> = {}
      // What an object lacks here, it may have there: nothing is filled in before the two are merged.
      for (const name in body) if (operation.body![name]!.kind !== 'object') whole[name] = operation.body![name]!
      return { ...body, ...withDefaults(whole, body) }
    },
    onlyRoles: [...new Set([surface.body, operation.body].flatMap((specs) => onlyRolesOf(specs ?? {})))],
    list,
    cached: cachedReads(runtime.cache, operation, { contract, surface, version, isChecked: runtime.checkAnswers }),
    readList: verb === 'list' ? listQueryReader(resource!, shown) : never,
    readFields: verb === 'get' ? fieldsReader(shown) : never,
    readQuery: queryReader(operation.query ?? {}),
    handler: custom
      ? service.handlers.get(handlerName(operation))
      : reads
        ? undefined
        : crud(contract, resource!, verb as never),
    share: operation.key,
    implementedAt: service.implementedAt,
    checkAnswer: runtime.checkAnswers && operation.answer ? outputCheck(operation.answer) : undefined,
  }
}

function onlyRolesOf(specs: Specs): string[] {
  return Object.values(specs).flatMap(({ only = [], of, fields }) => [
    ...only,
    ...onlyRolesOf({ ...fields, ...(of && { of }) }),
  ])
}

function never(): never {
  throw new Error('this operation has no such reader')
}
