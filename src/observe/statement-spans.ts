import type { Log } from './log.ts'
import type { Tracer } from './span.ts'
import { createStatementLog, type EndedStatement } from './statement-log.ts'

/** Told of each SQL statement that has ended: for the log, and for spans where there is a tracer. Undefined where neither is wanted. */
export function statementObserver(log: Log, tracer: Tracer | undefined): ((ended: EndedStatement) => void) | undefined {
  const write = createStatementLog(log)
  if (tracer === undefined) return write
  return (ended) => {
    write?.(ended)
    record(ended)
  }
}

/** A span for the request or event that it was sent for; none for what nobody asks for, such as looking for events. */
function record({ database, text, ms, rows, sqlState, cause }: EndedStatement): void {
  if (cause?.span === undefined) return
  const statement = text.trim()
  const operation = /^\w+/.exec(statement)?.[0].toUpperCase()
  const attributes = {
    'db.system.name': 'postgresql',
    'db.namespace': database,
    'db.operation.name': operation,
    'db.query.text': statement,
    'db.response.returned_rows': rows,
    'db.response.status_code': sqlState,
  }
  const name = operation === undefined ? database : `${operation} ${database}`
  const span = cause.span.child(name, 'client', attributes, performance.now() - ms)
  if (rows === undefined) span.fail(sqlState ?? 'unavailable')
  span.end()
}
