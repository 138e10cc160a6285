import { SERVICE_ROLE } from '../auth/caller.ts'
import { Fault } from '../base/errors.ts'
import { handled } from '../base/handled.ts'
import { encodeId } from '../base/ids.ts'
import type { Cache } from '../cache/cache.ts'
import type { Context, Log } from '../call/call.ts'
import type { Client } from '../client/client-types.ts'
import type { Access } from '../contract/access.ts'
import type { AnyContract, Contract } from '../contract/contract.ts'
import { dataVersion } from '../contract/event.ts'
import type { AnyResource } from '../contract/resource.ts'
import { type Cascades, cascading } from '../data/cascades.ts'
import { DelegatedTransaction } from '../data/delegated-transaction.ts'
import type { NewJob } from '../data/enqueue.ts'
import type { OutboxEvent, Transaction } from '../data/open-transaction.ts'
import type { Database, Queryable, Writable } from '../data/pool.ts'
import { type Cells, isRow, type Row, readShown, writeRow } from '../data/row.ts'
import { transaction } from '../data/transaction.ts'
import { headersOf, withDataVersion } from '../events/headers.ts'
import { addResult } from '../limits/headers.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Deadline } from '../resilience/deadline.ts'
import { admitsFor } from './access.ts'
import { type BucketOptions, createBuckets } from './buckets.ts'
import { assertJobKeepsContract, assertKeepsContract } from './event-data.ts'
import type { EnqueueOptions, Unit } from './handler.ts'
import { messaging } from './messaging.ts'
import { type Security, securityOf } from './security.ts'
import { outputCheck, shaped } from './shape.ts'
import { type UnitCache, unitCache } from './unit-cache.ts'

/** What a running service has to work with. */
export interface Runtime {
  readonly database: Database
  /** Signs cursors; shared by every replica. */
  readonly cursorSecret: string
  /** What the database changes besides the rows that are deleted; nothing without it. */
  readonly cascades?: Cascades | undefined
  /** A client of another service, whose calls are part of what `context` is of, and take `timeoutMs` at most. */
  call<D extends AnyContract>(contract: D, context: Context, timeoutMs?: number): Client<D>
  /** The contract of the service of this system that has a resource. */
  contractOf(resource: AnyResource): Contract | undefined
  /** Check every answer against the contract; on unless NODE_ENV is production (R-BODY-7). */
  readonly checkAnswers: boolean
  /** Undefined where nothing is kept, and nobody else keeps anything. */
  readonly cache?: Cache | undefined
  /** By their names; none without it. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined
  /** Where the contract's buckets are kept; in this runtime alone without it. */
  readonly limits?: BucketOptions | undefined
  /** Where lines about security go; nowhere without it. */
  readonly security?: SecurityLog | undefined
  /** Told of the types of events that a unit of work has committed, before it is answered. */
  committed?(types: ReadonlySet<string>): Promise<void> | void
  /** Told that a unit of work has enqueued jobs, before it is answered. */
  enqueued?(): Promise<void> | void
}

/** What a unit of work has taken from a bucket; rejects where that refused. */
interface Draw {
  readonly bucket: string
  readonly key: string
  readonly done: Promise<void>
}

/** Makes a unit in a transaction for another context, such as that of the event that was found in it. */
export type UnitFor = (context: Context, tx: Transaction) => Unit

export interface UnitOptions {
  /** May put something before the first statement. */
  readonly prepare?: ((tx: Transaction) => Transaction) | undefined
  /** With which other units it shares connections. */
  readonly share?: string | undefined
}

/** Compiles the way to run work of a service in a transaction, with typed events. */
export function unitRunner(contract: Contract, runtime: Runtime) {
  const tools: Tools = {
    contract,
    runtime,
    publish: publisher(contract),
    order: orderer(contract),
    buckets: createBuckets(contract, runtime.limits),
    security: runtime.security ?? SILENT,
  }
  return async <T>(
    work: (unit: Unit, tx: Transaction, unitFor: UnitFor) => Promise<T>,
    context: Context,
    { prepare, share }: UnitOptions = {},
  ): Promise<T> => {
    const effects: Effects = { types: undefined, jobs: false, draws: undefined }
    const caused = runtime.database.onBehalfOf?.(context)
    const database = caused ?? runtime.database
    try {
      return await transaction(
        database,
        (begun) => {
          const tx = prepare === undefined ? begun : prepare(begun)
          // Work that met another transaction is done again: what it has drawn by then is drawn, and told.
          const drawn = effects.draws?.slice()
          const unitFor: UnitFor = (own, within) => {
            if (caused !== undefined) caused.cause = own
            return new WorkUnit(tools, effects, drawn, within, database, own)
          }
          return work(unitFor(context, tx), tx, unitFor)
        },
        context,
        { cache: runtime.cache, share },
      )
    } finally {
      // After a refusal too: there are refusals that commit. After a rollback it is a look for nothing.
      if (effects.jobs) await runtime.enqueued?.()
      const telling = effects.types && runtime.committed?.(effects.types)
      if (telling !== undefined) await telling
    }
  }
}

/** What the units of a service have in common. */
interface Tools {
  readonly contract: Contract
  readonly runtime: Runtime
  readonly publish: ReturnType<typeof publisher>
  readonly order: ReturnType<typeof orderer>
  readonly buckets: ReturnType<typeof createBuckets>
  readonly security: SecurityLog
}

/** What is left of work when its transaction is over, in however many attempts. */
interface Effects {
  types: Set<string> | undefined
  jobs: boolean
  draws: Draw[] | undefined
}

/** One attempt of a piece of work. Handlers take few of its members, so each is made when it is read: don't spread it. */
class WorkUnit implements Unit {
  readonly #transaction: Transaction
  readonly #database: Database
  readonly #tools: Tools
  readonly #effects: Effects
  readonly #drawn: Draw[] | undefined
  readonly #context: Context
  #tx: Writable | undefined = undefined
  #read: Queryable | undefined = undefined
  /** One text for all its events. */
  #headers: string | undefined = undefined

  constructor(
    tools: Tools,
    effects: Effects,
    drawn: Draw[] | undefined,
    tx: Transaction,
    database: Database,
    context: Context,
  ) {
    this.#transaction = tx
    this.#database = database
    this.#tools = tools
    this.#effects = effects
    this.#drawn = drawn
    this.#context = context
  }

  get tx(): Writable {
    const { contract, runtime } = this.#tools
    this.#tx ??= new WorkTransaction(this.#transaction, runtime.cascades, this.#context, (type, row) => {
      if (type in contract.events) this.emit(type, row)
    })
    return this.#tx
  }

  get read(): Queryable {
    this.#read ??= new WorkReads(this.#transaction, this.#database)
    return this.#read
  }

  get requestId(): string {
    return this.#context.requestId
  }

  get deadline(): Deadline {
    return this.#context.deadline
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }

  get log(): Log {
    return this.#context.log
  }

  get emit(): Unit['emit'] {
    return (type: string, subject: Row | string, data?: unknown) => {
      this.#transaction.emit(this.#tools.publish(type, subject, data, this.#headersFor(type)))
      this.#effects.types ??= new Set()
      this.#effects.types.add(type)
    }
  }

  get enqueue(): Unit['enqueue'] {
    return (name: string, data: unknown, options?: EnqueueOptions) => {
      this.#transaction.enqueue(this.#tools.order(name, data, options, this.#headersFor(name)))
      this.#effects.jobs = true
    }
  }

  /** Whoever handles the event finds its span there, where one is recorded: that is where it comes from. */
  #headersFor(type: string): string {
    const { span } = this.#context
    if (span === undefined) {
      this.#headers ??= headersOf(this.#context)
      return this.#headers
    }
    const producer = span.child(`send ${type}`, 'producer', messaging('send', type))
    producer.end()
    return headersOf(this.#context, producer.trace)
  }

  get limit(): Unit['limit'] {
    return (bucket, key, account) => {
      this.#transaction.assertOpen()
      const drawn = this.#drawn
      const again = drawn?.findIndex((draw) => draw.bucket === bucket && draw.key === key) ?? -1
      if (again >= 0) return drawn!.splice(again, 1)[0]!.done
      const { rateLimits = [] } = this.#context
      const taking = this.#tools.buckets.take(bucket, key).then((one) => {
        if (!one.taken.allowed) {
          const bucket = one.policy.name
          const whose = account ?? this.#context.address
          this.security.repeated('limit.exceeded', { account, bucket }, `${bucket} ${whose}`)
        }
        addResult(rateLimits, one)
      })
      const done = handled(taking)
      this.#effects.draws ??= []
      this.#effects.draws.push({ bucket, key, done })
      return done
    }
  }

  get security(): Security {
    return securityOf(this.#tools.security, this.#context, (note) => this.#transaction.afterCommit(note))
  }

  get settings(): Unit['settings'] {
    return this.#tools.runtime.settings ?? {}
  }

  get cache(): UnitCache {
    const { contract, runtime } = this.#tools
    return unitCache(runtime.cache, contract, this.#transaction, this.#context)
  }

  get call(): Unit['call'] {
    return (contract, { timeoutMs } = {}) => {
      this.#transaction.assertOpen()
      return this.#tools.runtime.call(contract, this.#context, timeoutMs)
    }
  }
}

/** What a handler does not await ends no process when it fails; what it takes out of it (`const { query } = unit.tx`), or copies, works. */
class WorkTransaction extends DelegatedTransaction {
  readonly #cascades: Cascades | undefined
  readonly #context: Context
  /** Publishes an event, where the contract has it. */
  readonly publish: (type: string, row: Row) => void
  #cascade: Writable['cascade'] = undefined

  constructor(
    tx: Transaction,
    cascades: Cascades | undefined,
    context: Context,
    publish: (type: string, row: Row) => void,
  ) {
    super(tx)
    this.#cascades = cascades
    this.#context = context
    this.publish = publish
    this.cells = this.cells.bind(this)
    this.query = this.query.bind(this)
    this.changed = this.changed.bind(this)
    this.cascade = this.cascade.bind(this)
    this.admits = this.admits.bind(this)
  }

  admits(access: Access, row: Row, by: 'as caller' | 'as service'): boolean {
    return by === 'as service' ? access.roles.includes(SERVICE_ROLE) : admitsFor(access, row, this.#context.caller)
  }

  override cells(statement: string, values?: readonly unknown[]): Promise<Cells[]> {
    return handled(super.cells(statement, values))
  }

  override query<T extends object>(statement: string, values?: readonly unknown[]): Promise<T[]> {
    return handled(super.query<T>(statement, values))
  }

  cascade(resource: AnyResource): ((id: string) => Promise<void>) | undefined {
    if (this.#cascades === undefined) return undefined
    this.#cascade ??= cascading(this.#cascades, () => this, this.publish)
    return this.#cascade(resource)
  }
}

/** Reads of the database outside the transaction, as long as the work goes on; each works by itself too. */
class WorkReads implements Queryable {
  readonly #tx: Transaction
  readonly #database: Database

  constructor(tx: Transaction, database: Database) {
    this.#tx = tx
    this.#database = database
    this.cells = this.cells.bind(this)
    this.query = this.query.bind(this)
  }

  cells(statement: string, values?: readonly unknown[]): Promise<Cells[]> {
    return handled(this.#tx.whileOpen(statement, () => this.#database.cells(statement, values)))
  }

  query<T extends object>(statement: string, values?: readonly unknown[]): Promise<T[]> {
    return handled(this.#tx.whileOpen(statement, () => this.#database.query<T>(statement, values)))
  }
}

const SILENT: SecurityLog = { done() {}, rejected() {}, repeated() {} }

/** Compiles the contract's events: data is checked when it is published, so that a wrong shape fails the change (R-EVT-1). */
function publisher(contract: Contract) {
  const events = new Map(
    Object.entries(contract.events).map(([type, spec]) => {
      const { data } = spec
      return [type, { data, names: Object.keys(data), check: outputCheck(data), version: dataVersion(spec) }]
    }),
  )
  return (type: string, subject: Row | string, data: unknown, cause: string): OutboxEvent => {
    const event = events.get(type)
    if (!event) throw new Fault('UNKNOWN_EVENT', `The contract "${contract.name}" has no event "${type}"`)
    const headers = withDataVersion(cause, event.version)
    if (isRow(subject)) {
      assertKeepsContract(type, event.check, readShown(subject, event.names))
      const json = writeRow(subject, event.names)
      return { type, aggregateId: encodeId(subject.table.resource.idPrefix, subject.cells[0]!), data: json, headers }
    }
    const value = shaped(event.data, data as object)
    assertKeepsContract(type, event.check, value)
    return { type, aggregateId: subject, data: JSON.stringify(value), headers }
  }
}

const LONGEST_DELAY_MS = 366 * 86_400_000

/** Compiles the contract's jobs: data is checked when it is enqueued, so that a wrong shape fails the change. */
function orderer(contract: Contract) {
  const jobs = new Map(
    Object.entries(contract.jobs).map(([name, { data, everyMs }]) => [
      name,
      { data, check: outputCheck(data), everyMs },
    ]),
  )
  return (name: string, data: unknown, { delayMs = 0, key }: EnqueueOptions = {}, headers: string): NewJob => {
    const job = jobs.get(name)
    if (!job) throw new Fault('UNKNOWN_JOB', `The contract "${contract.name}" has no job "${name}"`)
    const refuse = (what: string) => new Fault('JOB_ARGUMENT', `enqueue('${name}') ${what}`)
    if (job.everyMs !== undefined) throw refuse('is for a schedule, which nobody enqueues: remove `everyMs`')
    if (!(delayMs >= 0 && delayMs <= LONGEST_DELAY_MS))
      throw refuse(`has delayMs ${delayMs}: expected milliseconds from 0 to ${LONGEST_DELAY_MS}`)
    if (key !== undefined && !/^[^\0]{1,500}$/s.test(key)) throw refuse('has a key that is not 1 to 500 characters')
    const value = shaped(job.data, data as object)
    assertJobKeepsContract(name, job.check, value)
    return { name, data: JSON.stringify(value), headers, delayMs, key }
  }
}
