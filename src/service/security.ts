import type { Caller } from '../auth/caller.ts'
import type { Context } from '../call/call.ts'
import type { SecurityLog } from '../observe/security-log.ts'

/** What a handler adds to a line. No secrets and no email addresses: an account is named by its id. */
export interface SecurityNote {
  /** Id of the user whom it concerns; undefined where that is nobody's account. */
  readonly account?: string | undefined
  readonly [more: string]: unknown
}

/**
 * Lines of the security log; `by`, `address` and `requestId` are added. Events are named like those of contracts:
 * `password.changed`.
 */
export interface Security {
  /** Something was done: written when the transaction has committed. */
  done(event: string, note: SecurityNote): void
  /** Something was rejected: written at once, whatever becomes of the transaction. */
  rejected(event: string, note: SecurityNote): void
  /** The same for what strangers can cause as often as they like: a line a minute for each `key`, the account or else the address. */
  repeated(event: string, note: SecurityNote, key?: string): void
}

/** `later` keeps what is to be written when the transaction has committed. */
export function securityOf(log: SecurityLog, context: Context, later: (write: () => void) => void): Security {
  const factsOf = ({ account, ...more }: SecurityNote) => {
    const { address, requestId } = context
    return { account, by: nameOf(context.caller), address, requestId, ...more }
  }
  return {
    done: (event, note) => later(() => log.done(event, factsOf(note))),
    rejected: (event, note) => log.rejected(event, factsOf(note)),
    repeated: (event, note, key = note.account ?? context.address ?? '') => log.repeated(event, key, factsOf(note)),
  }
}

function nameOf(caller: Caller): string | undefined {
  if (caller.kind === 'user') return caller.id
  return caller.kind === 'service' ? caller.name : undefined
}
