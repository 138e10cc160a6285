import type { Log } from './log.ts'
import type { Span } from './span.ts'
import type { Trace } from './trace.ts'

/** What a statement is sent for. */
export interface Cause {
  readonly requestId: string
  readonly trace: Trace | undefined
  /** Undefined where nothing is recorded. */
  readonly span?: Span | undefined
}

/** An SQL statement that has ended. */
export interface EndedStatement {
  readonly database: string
  /** Without its values. */
  readonly text: string
  /** From when it was sent, a wait for its connection included. */
  readonly ms: number
  /** Undefined where it failed. */
  readonly rows: number | undefined
  /** Of a failure, such as 23505. The server's message may quote values. */
  readonly sqlState: string | undefined
  /** Undefined for what no request and no event asks for, such as looking for events. */
  readonly cause: Cause | undefined
}

/** Writes a line per statement at the level debug. Undefined at any other: then nothing is made for it either. */
export function createStatementLog(log: Log): ((ended: EndedStatement) => void) | undefined {
  if (!log.isLevelEnabled('debug')) return undefined
  return ({ database, text, ms, rows, sqlState, cause }) =>
    log.debug(
      {
        database,
        statement: text.trim(),
        ms: Math.round(ms * 100) / 100,
        rows,
        sqlState,
        requestId: cause?.requestId,
        traceId: cause?.trace?.traceId,
      },
      rows === undefined ? 'SQL statement failed' : 'SQL statement',
    )
}
