import { Problem } from '../base/errors.ts'
import { DelegatedTransaction } from '../data/delegated-transaction.ts'
import type { Cells } from '../data/row.ts'
import type { CarriedEvent } from './carrier.ts'
import type { HandlerTime, Time } from './handler-time.ts'

export type Handle<U> = (event: CarriedEvent, unit: U, time: Time) => Promise<void>

/** Has events handled one after another. */
export async function handleInOrder<U>(
  handle: Handle<U>,
  events: readonly CarriedEvent[],
  unit: U,
  time: HandlerTime,
): Promise<void> {
  try {
    for (const event of events) {
      // Nobody waits for it any more where the one before it was late.
      time.throwIfOver()
      await handle(event, unit, time)
    }
  } catch (error) {
    // What commits with a refusal elsewhere would commit here at each try.
    throw error instanceof Problem && error.commits ? new Error(error.message || error.code, { cause: error }) : error
  }
}

/** Rejects when the time is over, for a handler that waits for ever would keep its event, and a worker, for ever. */
export async function inTime(work: Promise<void>, time: HandlerTime): Promise<void> {
  await Promise.race([work, time.over])
}

/** Resolves when all have ended; rejects with the first failure, for none is left to go on when the others are undone. */
export async function allEnded(works: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) if (end.status === 'rejected') throw end.reason
}

/** Handlers that share a transaction would undo what the others have done between a savepoint and its end. */
export class WithoutSavepoints extends DelegatedTransaction {
  override async cells(statement: string, values?: readonly unknown[]): Promise<Cells[]> {
    assertNoSavepoint(statement)
    return super.cells(statement, values)
  }

  override async query<T extends object>(statement: string, values?: readonly unknown[]): Promise<T[]> {
    assertNoSavepoint(statement)
    return super.query<T>(statement, values)
  }
}

function assertNoSavepoint(statement: string): void {
  if (/^\s*(?:savepoint|rollback|release)\b/i.test(statement)) throw new HasSavepoint()
}

export class HasSavepoint extends Error {
  constructor() {
    super(
      'a handler with savepoints cannot share a transaction: its consumer must have no `batch`; until the next start its events are handled one by one',
    )
  }
}
