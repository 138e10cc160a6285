import type { AnyResource } from '../contract/resource.ts'
import type { NewJob } from './enqueue.ts'
import type { ForetoldInsert } from './foretold.ts'
import type { Failed, OutboxEvent, Transaction } from './open-transaction.ts'
import type { Cells } from './row.ts'
import type { Step } from './text-query.ts'

/** Another transaction, for those who do some of it in another way. */
export class DelegatedTransaction implements Transaction {
  protected readonly tx: Transaction

  constructor(tx: Transaction) {
    this.tx = tx
  }

  cells(statement: string, values?: readonly unknown[]): Promise<Cells[]> {
    return this.tx.cells(statement, values)
  }

  query<T extends object>(statement: string, values?: readonly unknown[]): Promise<T[]> {
    return this.tx.query<T>(statement, values)
  }

  atCommit(insert: ForetoldInsert): boolean {
    return this.tx.atCommit?.(insert) ?? false
  }

  changed(resource: AnyResource, id: string): void {
    this.tx.changed(resource, id)
  }

  drop(tag: string): void {
    this.tx.drop(tag)
  }

  get tags(): ReadonlySet<string> {
    return this.tx.tags
  }

  hasWritten(): boolean {
    return this.tx.hasWritten()
  }

  assertOpen(): void {
    this.tx.assertOpen()
  }

  whileOpen<T>(statement: string, send: () => Promise<T>): Promise<T> {
    return this.tx.whileOpen(statement, send)
  }

  emit(event: OutboxEvent): void {
    this.tx.emit(event)
  }

  enqueue(job: NewJob): void {
    this.tx.enqueue(job)
  }

  lastly(step: Step): void {
    this.tx.lastly(step)
  }

  afterCommit(note: () => void): void {
    this.tx.afterCommit(note)
  }

  attempt(work: (tx: Transaction) => Promise<void>): Promise<Failed | undefined> {
    return this.tx.attempt(work)
  }
}
