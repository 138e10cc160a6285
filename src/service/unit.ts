import { Fault, Problem } from '../base/errors.ts'
import { encodeId } from '../base/ids.ts'
import type { Context, Log } from '../call/call.ts'
import type { Client } from '../call/client.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Contract } from '../contract/service.ts'
import type { Database } from '../data/pool.ts'
import { isRow, type Row, readShown, writeRow } from '../data/row.ts'
import { type OutboxEvent, type Transaction, transaction } from '../data/transaction.ts'
import { headersOf } from '../events/headers.ts'
import { addResult } from '../limits/headers.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Deadline } from '../resilience/deadline.ts'
import { type BucketOptions, createBuckets } from './buckets.ts'
import type { Unit } from './handler.ts'
import { type Security, securityOf } from './security.ts'
import { outputCheck, shaped } from './shape.ts'

/** What a running service has to work with. */
export interface Runtime {
  readonly database: Database
  /** Signs cursors; shared by every replica. */
  readonly cursorSecret: string
  /** A client of another service, whose calls are part of what `context` is of. */
  call<D extends Contract<any, any, any>>(contract: D, context: Context): Client<D>
  /** The contract of the service of this system that has a resource. */
  contractOf(resource: AnyResource): Contract | undefined
  /** Check every answer against the contract; on unless NODE_ENV is production (R-BODY-7). */
  readonly checkAnswers: boolean
  /** Where the contract's buckets are kept; in this runtime alone without it. */
  readonly limits?: BucketOptions | undefined
  /** Where lines about security go; nowhere without it. */
  readonly security?: SecurityLog | undefined
  /** Told of the types of events that a unit of work has committed, before it is answered. */
  committed?(types: ReadonlySet<string>): Promise<void> | void
  /** Wakes what the service does in the background. */
  wake?(): void
}

/** What a unit of work has taken from a bucket; rejects where that refused. */
interface Draw {
  readonly bucket: string
  readonly key: string
  readonly done: Promise<void>
}

/** Makes a unit of the same transaction for another context, such as that of the event that was found in it. */
export type UnitFor = (context: Context) => Unit

/** Compiles the way to run work of a service in a transaction, with typed events. */
export function unitRunner(contract: Contract, runtime: Runtime) {
  const tools: Tools = {
    runtime,
    publish: publisher(contract),
    buckets: createBuckets(contract, runtime.limits),
    security: runtime.security ?? SILENT,
  }
  /** `prepare` may put something before the first statement. */
  return async <T>(
    work: (unit: Unit, tx: Transaction, unitFor: UnitFor) => Promise<T>,
    context: Context,
    prepare?: ((tx: Transaction) => Transaction) | undefined,
  ): Promise<T> => {
    const effects: Effects = { types: undefined, wakes: false, draws: undefined, notes: undefined }
    const caused = runtime.database.onBehalfOf?.(context)
    const database = caused ?? runtime.database
    try {
      const result = await transaction(
        database,
        (begun) => {
          const tx = prepare === undefined ? begun : prepare(begun)
          // Work that met another transaction is done again: what it has drawn by then is drawn, and told.
          const drawn = effects.draws?.slice()
          effects.notes = undefined
          const unitFor: UnitFor = (own) => {
            if (caused !== undefined) caused.cause = own
            return new WorkUnit(tools, effects, drawn, tx, database, own)
          }
          return work(unitFor(context), tx, unitFor)
        },
        context,
      )
      if (effects.notes !== undefined) for (const write of effects.notes) write()
      return result
    } catch (error) {
      if (effects.notes !== undefined && error instanceof Problem && error.commits)
        for (const write of effects.notes) write()
      throw error
    } finally {
      // After a refusal too: there are refusals that commit. After a rollback it is a look for nothing.
      if (effects.wakes) runtime.wake?.()
      if (effects.types !== undefined) await runtime.committed?.(effects.types)
    }
  }
}

/** What the units of a service have in common. */
interface Tools {
  readonly runtime: Runtime
  readonly publish: ReturnType<typeof publisher>
  readonly buckets: ReturnType<typeof createBuckets>
  readonly security: SecurityLog
}

/** What is left of work when its transaction is over, in however many attempts. */
interface Effects {
  types: Set<string> | undefined
  wakes: boolean
  draws: Draw[] | undefined
  /** Lines of the security log about what the last attempt has done. */
  notes: (() => void)[] | undefined
}

/** One attempt of a piece of work. Handlers take few of its members, so each is made when it is read: don't spread it. */
class WorkUnit implements Unit {
  readonly tx: Transaction
  readonly read: Database
  readonly #tools: Tools
  readonly #effects: Effects
  readonly #drawn: Draw[] | undefined
  readonly #context: Context
  /** One text for all its events. */
  #headers: string | undefined = undefined

  constructor(
    tools: Tools,
    effects: Effects,
    drawn: Draw[] | undefined,
    tx: Transaction,
    read: Database,
    context: Context,
  ) {
    this.tx = tx
    this.read = read
    this.#tools = tools
    this.#effects = effects
    this.#drawn = drawn
    this.#context = context
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
      this.#headers ??= headersOf(this.#context)
      this.tx.emit(this.#tools.publish(type, subject, data, this.#headers))
      this.#effects.types ??= new Set()
      this.#effects.types.add(type)
    }
  }

  get wake(): Unit['wake'] {
    return () => {
      this.#effects.wakes = true
    }
  }

  get limit(): Unit['limit'] {
    return (bucket, key, account) => {
      const drawn = this.#drawn
      const again = drawn?.findIndex((draw) => draw.bucket === bucket && draw.key === key) ?? -1
      if (again >= 0) return drawn!.splice(again, 1)[0]!.done
      const { told = [] } = this.#context
      const done = this.#tools.buckets.take(bucket, key).then((one) => {
        if (!one.taken.allowed) {
          const bucket = one.policy.name
          const whose = account ?? this.#context.address
          this.security.repeated('limit.exceeded', { account, bucket }, `${bucket} ${whose}`)
        }
        addResult(told, one)
      })
      this.#effects.draws ??= []
      this.#effects.draws.push({ bucket, key, done })
      return done
    }
  }

  get security(): Security {
    const effects = this.#effects
    return securityOf(this.#tools.security, this.#context, (write) => {
      effects.notes ??= []
      effects.notes.push(write)
    })
  }

  get call(): Unit['call'] {
    return (contract) => this.#tools.runtime.call(contract, this.#context)
  }
}

const SILENT: SecurityLog = { done() {}, rejected() {}, repeated() {} }

/** Compiles the contract's events: data is checked when it is published, so that a wrong shape fails the change (R-EVT-1). */
function publisher(contract: Contract) {
  const events = new Map(
    Object.entries(contract.events).map(([type, { data }]) => [
      type,
      { data, names: Object.keys(data), check: outputCheck(data) },
    ]),
  )
  return (type: string, subject: Row | string, data: unknown, headers: string | undefined): OutboxEvent => {
    const event = events.get(type)
    if (!event) throw new Fault('UNKNOWN_EVENT', `The contract "${contract.name}" has no event "${type}"`)
    if (isRow(subject)) {
      confirm(type, event.check, readShown(subject, event.names))
      const json = writeRow(subject, event.names)
      return { type, aggregateId: encodeId(subject.table.resource.idPrefix, subject.cells[0]!), data: json, headers }
    }
    const value = shaped(event.data, data as object)
    confirm(type, event.check, value)
    return { type, aggregateId: subject, data: JSON.stringify(value), headers }
  }
}

function confirm(type: string, check: ReturnType<typeof outputCheck>, value: object) {
  const faults = check(value)
  if (faults.length > 0)
    throw new Fault(
      'EVENT_BREAKS_CONTRACT',
      `Data of ${type} breaks its contract: ${faults.map(({ field, message }) => `${field} ${message}`).join('; ')}`,
    )
}
