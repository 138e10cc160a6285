import type { PrimaryBuckets } from '../../limits/primary-buckets.ts'
import type { EmbeddedServer } from '../databases.ts'
import type { Place } from './messages.ts'
import type { Answers, Question } from './questions.ts'

/** What a process knows that is one of several of a machine, behind one primary (LINTEL_WORKERS). */
export interface Worker extends Pick<Place, 'id' | 'count' | 'again'> {
  /** Whether this one does what is done once a machine: it handles events, and does jobs. */
  readonly first: boolean
  /** The embedded server that the primary runs. */
  readonly server: EmbeddedServer | undefined
  /** Shared by the workers. */
  readonly buckets: PrimaryBuckets
  /** How many of them serve now. */
  serving(): number
  /** Wakes what the first worker does for a service. */
  wake(service: string): void
  /** Tells the others that tokens were revoked. */
  revoked(): void
  /** Asks the primary, which asks the first worker, or all. */
  ask(question: Question): Promise<unknown>
  /** Answers of this process, and what it does at the news of others. */
  serve(serving: { answers: Answers; wake(service: string): void; revoked(): void }): void
}

/** Whether this process says what the operator should read once a machine. */
export function speaksForAll(worker: Worker | undefined): boolean {
  return worker === undefined || (worker.first && !worker.again)
}

/** Whether this process does what is done once a machine. */
export function worksForAll(worker: Worker | undefined): boolean {
  return worker === undefined || worker.first
}
