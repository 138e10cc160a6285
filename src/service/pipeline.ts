import { type Caller, callerKey } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Call, Context, Port, TextReply } from '../call/call.ts'
import { notTheCallers } from '../call/not-the-callers.ts'
import type { Reach } from '../contract/access.ts'
import type { ListRequest } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Scope } from '../data/conditions.ts'
import {
  AnsweredMeanwhile,
  type Claim,
  claimingFirst,
  claimOf,
  findKept,
  inProgress,
  type KeptAnswer,
  keep,
} from '../data/idempotency.ts'
import type { Transaction } from '../data/open-transaction.ts'
import type { Database } from '../data/pool.ts'
import { type Row, readField } from '../data/row.ts'
import { hasAny, read } from '../data/rows.ts'
import { reachOf } from './access.ts'
import { assertDeclared, keepPage, keepRow, pageOf, replyOf, shapeList, shapeResult } from './answers.ts'
import { foreignParents } from './foreign-parents.ts'
import type { Unit } from './handler.ts'
import { HandlerInput, ReadInput } from './handler-input.ts'
import type { Service } from './implement.ts'
import { readIdempotencyKey } from './input.ts'
import { ListAsker } from './list-asker.ts'
import { type OperationPlan, plansOf } from './operation-plan.ts'
import { assertPreconditions, assertVersion } from './preconditions.ts'
import { serveRoute } from './serve-route.ts'
import { type Runtime, unitRunner } from './unit.ts'
import { readAsked, readInput } from './write-input.ts'

/**
 * The way of every request through a service, whatever carried it here. The order of the steps is decided here and
 * nowhere else: who may, which thing, whose it is, what is asked, then the work and its answer. Problems are thrown.
 */
export function createPipeline(service: Service<any>, runtime: Runtime): Port {
  const plans = plansOf(service, runtime)
  const inUnit = unitRunner(service.contract, runtime)
  const own = new Set<AnyResource>(Object.values(service.contract.resources))
  const assertParent = foreignParents(service, runtime)
  /** Keys of requests that this process is working on. */
  const running = new Set<string>()

  return async (call) => {
    let plan: OperationPlan | undefined
    try {
      plan = plans(call.operation, call.version)
      const reach = call.reach ?? reachOf(plan.operation, call.context.caller, call.params)
      const params = locate(plan, call)
      if (reach === 'none') {
        await assertExists(plan, call.context, params)
        throw new Problem('FORBIDDEN')
      }
      const owned = assertOwner(plan, call.context, reach, params)
      const row = owned && (await owned)
      switch (plan.operation.verb) {
        case 'list':
          return await list(plan, call, reach, params)
        case 'get':
          return await get(plan, call, params, row)
        case 'route':
          return await serveRoute(plan, call, params, inUnit)
        default:
          return await (plan.operation.method === 'GET' ? ask(plan, call, params) : write(plan, call, params, row))
      }
    } catch (error) {
      if (plan !== undefined && runtime.checkAnswers) assertDeclared(plan, service.contract, error)
      throw notTheCallers(error)
    }
  }

  async function list(plan: OperationPlan, call: Call, reach: Reach, params: Params): Promise<TextReply> {
    const query = plan.readList(call.query)
    const { handler } = plan
    if (handler !== undefined) {
      const usual = (only?: Only) => readPage(plan, call, query, reach, params, only)
      return inUnit(
        async (unit) =>
          shapeList(plan, call, query, pageOf(plan, await handler(new ReadInput(call, params, query, usual), unit))),
        call.context,
        plan,
      )
    }
    if (plan.cached === undefined) return shapeList(plan, call, query, await readPage(plan, call, query, reach, params))
    const load = async () => keepPage(plan, call, query, await readPage(plan, call, query, reach, params))
    return replyOf(plan, call, await (call.noCache ? load() : plan.cached.page(call, load)))
  }

  async function readPage(
    plan: OperationPlan,
    call: Call,
    query: ListRequest,
    reach: Reach,
    params: Params,
    only: Only = {},
  ) {
    const scopes = scopesOf(plan.operation, call.context.caller, reach, params)
    for (const [field, id] of Object.entries(only)) if (id !== undefined) scopes.push({ field, id })
    const page = await plan.list!.page(query, scopes, new ListAsker(call.context))
    if (page.rows.length === 0) await assertCollectionExists(plan, call.context, params)
    return page
  }

  async function get(plan: OperationPlan, call: Call, params: Params, owned: Row | undefined): Promise<TextReply> {
    let fields: readonly string[] | undefined
    try {
      fields = plan.readFields(call.query)
    } catch (invalid) {
      if (owned === undefined) await readRow(plan.operation, call.context, params)
      throw invalid
    }
    const { handler } = plan
    if (handler !== undefined) {
      const usual = async () => owned ?? (await readRow(plan.operation, call.context, params))
      return inUnit(
        async (unit) => shapeResult(plan, call, await handler(new ReadInput(call, params, {}, usual), unit), fields),
        call.context,
        plan,
      )
    }
    // A row that was read to decide access need not be looked for again.
    if (plan.cached !== undefined && owned === undefined && !call.noCache) {
      const load = async () => keepRow(plan, await readRow(plan.operation, call.context, params), fields)
      return replyOf(plan, call, await plan.cached.one(call, params.id!, fields, load))
    }
    const row = owned ?? (await readRow(plan.operation, call.context, params))
    return shapeResult(plan, call, row, fields)
  }

  async function ask(plan: OperationPlan, call: Call, params: Params): Promise<TextReply> {
    const query = plan.readQuery(call.query)
    const work = async (unit: Unit) =>
      shapeResult(plan, call, await plan.handler!(new HandlerInput(call, params, {}, undefined, query), unit))
    return inUnit(work, call.context, plan)
  }

  async function write(plan: OperationPlan, call: Call, params: Params, owned: Row | undefined): Promise<TextReply> {
    const { resource, verb } = plan.operation
    const read = () => owned ?? readRow(plan.operation, call.context, params)
    let query: ReturnType<OperationPlan['readQuery']>
    let asked: ReturnType<typeof readAsked>
    let input: ReturnType<typeof readInput>
    try {
      query = plan.readQuery(call.query)
      asked = readAsked(plan, call)
      input = readInput(plan, call, asked, asked.needsRow ? await read() : undefined)
    } catch (refusal) {
      // What is asked of a thing that is not there is not looked at: 404 goes before 400 (R-REST-2).
      if (resource !== undefined && verb !== 'create' && owned === undefined) await read()
      throw refusal
    }
    const { body, expected } = input
    const work = async (unit: Unit) => {
      if (plan.operation.on !== undefined && expected !== undefined)
        await assertVersion(unit, plan.operation.on, params, expected)
      const result = await plan.handler!(new HandlerInput(call, params, body, expected, query), unit)
      assertPreconditions(plan.operation, call)
      return shapeResult(plan, call, result)
    }
    const key = plan.operation.facts.keepsAnswers ? readIdempotencyKey(call.idempotencyKey) : undefined
    if (key === undefined) return await inUnit(work, call.context, plan)
    const { version, context } = call
    const { caller } = context
    const scope = caller.kind === 'anonymous' ? undefined : callerKey(caller)
    const claimed = claimOf(scope, plan.operation.id, key, [
      version,
      params,
      asked.body,
      ...(plan.operation.query === undefined ? [] : [query]),
    ])
    return once(plan, claimed, work, call)
  }

  /** Does the work unless its answer is kept already; keeps the answer together with the effect (R-IDEM). */
  async function once(
    { share }: OperationPlan,
    claimed: Claim,
    work: (unit: Unit) => Promise<TextReply>,
    { context }: Call,
  ): Promise<TextReply> {
    const kept = await findKept(databaseFor(context), claimed)
    if (kept) return replayed(kept)
    const id = claimed.key.toString('base64')
    // Another process is met at the first statement; in this one, nothing is begun that would be undone there.
    if (running.has(id)) throw inProgress()
    running.add(id)
    try {
      const workAndKeep = async (unit: Unit, tx: Transaction) => {
        const answer = await work(unit)
        await keep(tx, claimed, answer)
        return answer
      }
      return await inUnit(workAndKeep, context, { share, prepare: (tx) => claimingFirst(tx, claimed) })
    } catch (error) {
      if (error instanceof AnsweredMeanwhile) return replayed(error.kept)
      throw error
    } finally {
      running.delete(id)
    }
  }

  /** Before a 403: what does not exist is a 404, whoever asks (R-REST-2). Only a refused request pays for the look. */
  async function assertExists({ operation, parent }: OperationPlan, context: Context, params: Params): Promise<void> {
    const { resource, on, verb } = operation
    if (on) await readThing(on, context, params)
    if (!resource) return
    const db = databaseFor(context)
    if (verb !== 'list' && verb !== 'create') await readBelow(db, resource, 'id', params)
    else if (parent && !operation.facts.atRoot) await readBelow(db, parent, resource.parent!.field, params)
  }

  /**
   * The thing that an owner-only operation names is read first: whose it is decides, and whether it lies below its parent. Gives no
   * promise where there is nothing to read.
   */
  function assertOwner(
    plan: OperationPlan,
    context: Context,
    reach: Reach,
    params: Params,
  ): Promise<Row | undefined> | undefined {
    const { caller } = context
    const { operation, parent } = plan
    const { resource, on, verb } = operation
    if (on) {
      const { owner } = on.resource
      const reading = readThing(on, context, params)
      return reach === 'own' && owner !== 'id' ? ofCaller(reading, owner!, caller) : reading
    }
    if (!resource) return undefined
    const collection = verb === 'list' || verb === 'create'
    if (!collection) {
      // The path alone has shown that they are their own (`reachOf`).
      if (resource.owner === 'id' && reach === 'own') return undefined
      if (reach === 'all' && !resource.nested) return undefined
      const reading = readRow(operation, context, params)
      return reach === 'own' ? ofCaller(reading, resource.owner!, caller) : reading
    }
    // At the root no parent is named: an owner is shown their own by the list's scope.
    if (operation.facts.atRoot) return undefined
    if (!parent) {
      // The parent belongs to another service: its id is the owner's.
      if (reach === 'own') return assertIsCaller(params[resource.parent?.field ?? ''], caller)
      return verb === 'create' ? assertForeignParent(plan, context, params) : undefined
    }
    const reading = readBelow(databaseFor(context), parent, resource.parent!.field, params)
    return (reach === 'own' ? ofCaller(reading, parent.owner ?? 'id', caller) : reading).then(() => undefined)
  }

  /** Something is made below a thing of another service only where that is; a user's own token has proven that they are. */
  function assertForeignParent(
    { operation, foreignParent }: OperationPlan,
    context: Context,
    params: Params,
  ): Promise<undefined> | undefined {
    if (!foreignParent) return undefined
    const id = params[operation.resource!.parent!.field]!
    return isSelf(context.caller, id) ? undefined : assertParent(foreignParent, id, params, context)
  }

  /**
   * An empty page below a parent in another service may mean that the parent does not exist. Any row below it, on this page
   * or not, shows that it existed once: history stays readable.
   */
  async function assertCollectionExists(plan: OperationPlan, context: Context, params: Params): Promise<void> {
    const { resource, facts } = plan.operation
    if (facts.atRoot || !plan.foreignParent) return
    const { field } = resource!.parent!
    if (
      isSelf(context.caller, params[field]!) ||
      (await hasAny(databaseFor(context), resource!, field, params[field]!))
    )
      return
    await assertForeignParent(plan, context, params)
  }

  /** For a request, whose ids its statements are reported with where they are reported at all. */
  function databaseFor(context: Context): Database {
    return runtime.database.onBehalfOf?.(context) ?? runtime.database
  }

  function readThing(on: NonNullable<Operation['on']>, context: Context, params: Params): Promise<Row> {
    return readBelow(databaseFor(context), on.resource, on.param, params)
  }

  function readRow({ resource }: Operation, context: Context, params: Params): Promise<Row> {
    return readBelow(databaseFor(context), resource!, 'id', params)
  }

  /**
   * The thing that the parameter `param` names. One that lives below its parent is found only under that parent, and only
   * while the parent is there: a softly deleted one hides what lies below it, up to the root of the path.
   */
  function readBelow(db: Database, resource: AnyResource, param: string, params: Params): Promise<Row> {
    return resource.nested ? readNested(db, resource, param, params) : read(db, resource, params[param]!)
  }

  async function readNested(db: Database, resource: AnyResource, param: string, params: Params): Promise<Row> {
    const { parent } = resource
    // What cannot be gone while a row refers to it need not be read. Both queries leave in one write.
    const mayBeGone = own.has(parent!.of) && (parent!.of.softDelete || parent!.of.nested)
    const above = mayBeGone ? readBelow(db, parent!.of, parent!.field, params) : undefined
    const [row] = await Promise.all([read(db, resource, params[param]!), above])
    if (readField(row, parent!.field) !== params[parent!.field]) throw new Problem('NOT_FOUND')
    return row
  }
}

type Params = Readonly<Record<string, string>>
/** What a handler narrows a list by. */
type Only = Readonly<Record<string, string | number | boolean | undefined>>

function assertIsCaller(owner: unknown, caller: Caller): undefined {
  if (caller.kind !== 'user' || caller.id !== owner) throw new Problem('FORBIDDEN')
}

/** A row that is the caller's, by the field that says whose it is. */
async function ofCaller(reading: Promise<Row>, owner: string, caller: Caller): Promise<Row> {
  const row = await reading
  assertIsCaller(readField(row, owner), caller)
  return row
}

function isSelf(caller: Caller, id: string): boolean {
  return caller.kind === 'user' && caller.id === id
}

/** Path parameters by name. An id of another type or shape is nothing that exists (R-BODY-1). */
function locate(plan: OperationPlan, { params, context: { caller } }: Call): Params {
  const located: Record<string, string> = {}
  for (let i = 0; i < plan.operation.params.length; i++) {
    const { name } = plan.operation.params[i]!
    let value = params[i]!
    if (value === 'me' && i === plan.operation.facts.ownerParam && caller.kind === 'user') value = caller.id
    if (!plan.isId(i, value)) throw new Problem('NOT_FOUND')
    located[name] = value
  }
  return located
}

function scopesOf(operation: Operation, caller: Caller, reach: Reach, params: Params): Scope[] {
  const { resource, facts } = operation
  if (facts.atRoot) return reach === 'own' && caller.kind === 'user' ? [{ field: resource!.owner!, id: caller.id }] : []
  const parent = resource!.parent
  return parent ? [{ field: parent.field, id: params[parent.field]! }] : []
}

function replayed(kept: KeptAnswer): TextReply {
  return { ...kept, headers: { ...kept.headers, 'idempotency-replayed': 'true' } }
}
