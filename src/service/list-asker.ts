import { callerKey } from '../auth/caller.ts'
import type { Context } from '../call/call.ts'
import type { Asker } from '../data/statement.ts'
import type { Cause } from '../observe/statement-log.ts'
import type { Deadline } from '../resilience/deadline.ts'

/** A request to whoever shares out connections: a user, or an address. What it has is looked up when it is needed. */
export class ListAsker implements Asker {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  get key(): string {
    const { caller, address } = this.#context
    return caller.kind === 'anonymous' && address !== undefined ? `address:${address}` : callerKey(caller)
  }

  get cause(): Cause {
    return this.#context
  }

  get deadline(): Deadline {
    return this.#context.deadline
  }

  setAside(): void {
    this.#context.setAside?.()
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }
}
