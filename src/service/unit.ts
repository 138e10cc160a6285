import { Fault } from '../base/errors.ts'
import { encodeId } from '../base/ids.ts'
import type { Context } from '../call/call.ts'
import type { Client } from '../call/client.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Contract } from '../contract/service.ts'
import type { Database } from '../data/pool.ts'
import { isRow, type Row, writeRow } from '../data/row.ts'
import { type OutboxEvent, type Transaction, transaction } from '../data/transaction.ts'
import { type EventContext, headersOf } from '../events/headers.ts'
import { tell } from '../limits/headers.ts'
import { type BucketOptions, createBuckets } from './buckets.ts'
import type { Unit } from './handler.ts'
import { outputCheck, shaped } from './shape.ts'

/** What a running service has to work with. */
export interface Runtime {
  readonly database: Database
  /** Signs cursors; shared by every replica. */
  readonly cursorSecret: string
  call<D extends Contract<any, any, any>>(contract: D): Client<D>
  /** The contract of the service of this system that has a resource. */
  contractOf(resource: AnyResource): Contract | undefined
  /** Check every answer against the contract; on unless NODE_ENV is production (R-BODY-7). */
  readonly checkAnswers: boolean
  /** Where the contract's buckets are kept; in this runtime alone without it. */
  readonly limits?: BucketOptions | undefined
  /** Told of the types of events that a unit of work has committed, before it is answered. */
  committed?(types: ReadonlySet<string>): Promise<void> | void
  /** Wakes what the service does in the background. */
  wake?(): void
}

/** Makes a unit of work for the request, or the event, that its own events are caused by. */
export type UnitFor = (cause: EventContext | undefined) => Unit

/** What a unit of work has taken from a bucket; rejects where that refused. */
interface Draw {
  readonly bucket: string
  readonly key: string
  readonly done: Promise<void>
}

/** Compiles the way to run work of a service in a transaction, with typed events. */
export function unitRunner(contract: Contract, runtime: Runtime) {
  const publish = publisher(contract)
  const buckets = createBuckets(contract, runtime.limits)
  /**
   * `context`: of the request that it is part of. `prepare` may put something before the first statement. `unitFor` makes
   * units of the same transaction for something else.
   */
  return async <T>(
    work: (unit: Unit, tx: Transaction, unitFor: UnitFor) => Promise<T>,
    context?: Context | undefined,
    prepare?: ((tx: Transaction) => Transaction) | undefined,
  ): Promise<T> => {
    const types = new Set<string>()
    let wakes = false
    let draws: Draw[] | undefined
    try {
      return await transaction(
        runtime.database,
        (begun) => {
          const tx = prepare === undefined ? begun : prepare(begun)
          // Work that met another transaction is done again: what it has drawn by then is drawn, and told.
          const drawn = draws?.slice()
          const unitFor: UnitFor = (cause) => {
            /** One text for all events of the unit. */
            let headers: string | undefined
            return {
              tx,
              read: runtime.database,
              emit: (type: string, subject: Row | string, data?: unknown) => {
                headers ??= cause && headersOf(cause)
                tx.emit(publish(type, subject, data, headers))
                types.add(type)
              },
              wake: () => {
                wakes = true
              },
              limit(bucket, key) {
                const again = drawn?.findIndex((draw) => draw.bucket === bucket && draw.key === key) ?? -1
                if (again >= 0) return drawn!.splice(again, 1)[0]!.done
                const done = buckets.take(bucket, key).then((one) => tell(context?.told ?? [], one))
                draws ??= []
                draws.push({ bucket, key, done })
                return done
              },
              call: runtime.call,
            }
          }
          return work(unitFor(context), tx, unitFor)
        },
        context?.bound,
      )
    } finally {
      // After a refusal too: there are refusals that commit. After a rollback it is a look for nothing.
      if (wakes) runtime.wake?.()
      if (types.size > 0) await runtime.committed?.(types)
    }
  }
}

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
      const json = writeRow(subject, event.names)
      confirm(type, event.check, JSON.parse(json))
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
