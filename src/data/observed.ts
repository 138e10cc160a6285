import type { Cause, EndedStatement } from '../observe/statement-log.ts'
import type { Held } from './connections.ts'
import type { CausedDatabase, Database, ListReads } from './pool.ts'
import { affectedOf, type Step } from './text-query.ts'

type Ended = (statement: EndedStatement) => void

/**
 * A database that tells of every statement when it has ended; the database itself where nobody wants to hear of them. For whom
 * a statement is goes along by hand (`onBehalfOf`): a driver that pipelines calls back in the context of somebody else.
 */
export function observed(database: Database, ended: Ended | undefined): Database {
  return ended === undefined ? database : view(database, ended, undefined)
}

function view(database: Database, ended: Ended, cause: Cause | undefined): CausedDatabase {
  const own: CausedDatabase = {
    ...database,
    cause,
    ...readsOf(database),
    slow: readsOf(database.slow),
    async acquire(deadline, share): Promise<Held> {
      const held = await database.acquire(deadline, share)
      return {
        ...held,
        send: (text, values) =>
          timed(
            text,
            () => own.cause,
            () => held.send(text, values),
            ({ affected }) => affected,
          ),
        sendBatch(steps) {
          const batch = reportedBatch(steps)
          return held.sendBatch(batch.steps).then(batch.done)
        },
      }
    },
    runBatch(steps, deadline) {
      const batch = reportedBatch(steps)
      return database.runBatch(batch.steps, deadline)?.then(batch.done)
    },
    onBehalfOf: (other) => view(database, ended, other),
  }

  function readsOf(reads: ListReads): ListReads {
    return {
      cells: (text, values, reading) =>
        timed(
          text,
          () => reading?.asker?.cause ?? own.cause,
          () => reads.cells(text, values, reading),
          ({ length }) => length,
        ),
      query: <T extends object>(text: string, values?: readonly unknown[]) =>
        timed(
          text,
          () => own.cause,
          () => reads.query<T>(text, values),
          ({ length }) => length,
        ),
    }
  }

  /** A batch that reports the end of each of its statements. Their time is that of the whole: the server answers once. */
  function reportedBatch(steps: readonly Step[]) {
    const startedMs = performance.now()
    const report = (text: string, rows: number | undefined, sqlState: string | undefined) =>
      ended({ database: database.name, text, ms: performance.now() - startedMs, rows, sqlState, cause: own.cause })
    return {
      steps: steps.map((step) => ({
        ...step,
        failed(error: Error) {
          report(step.text, undefined, sqlStateOf(error))
          return step.failed === undefined ? error : step.failed(error)
        },
      })),
      done(tags: readonly string[]) {
        tags.forEach((tag, i) => {
          report(steps[i]!.text, affectedOf(tag), undefined)
        })
        return tags
      },
    }
  }

  async function timed<T>(
    text: string,
    causeOf: () => Cause | undefined,
    send: () => Promise<T>,
    rowsOf: (result: T) => number,
  ): Promise<T> {
    const startedMs = performance.now()
    const tell = (rows: number | undefined, sqlState: string | undefined) =>
      ended({ database: database.name, text, ms: performance.now() - startedMs, rows, sqlState, cause: causeOf() })
    try {
      const result = await send()
      tell(rowsOf(result), undefined)
      return result
    } catch (error) {
      tell(undefined, sqlStateOf(error))
      throw error
    }
  }

  return own
}

function sqlStateOf(error: unknown): string | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code } = one as { code?: unknown }
    if (typeof code === 'string' && /^[\dA-Z]{5}$/.test(code)) return code
  }
  return undefined
}
