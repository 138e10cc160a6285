/** What is known of a failure, for the log: the caller is told none of it. */
export interface Failure {
  /** Text of the SQL statement that failed, without its values. */
  readonly statement?: string
  /** How long it had been under way when the time was over. */
  readonly statementMs?: number
  /** Where in the statement, in characters from 1, as PostgreSQL says it. */
  readonly position?: number
  /** The innermost place in code that is not Lintel's: `services/notes/service.ts:12:5`. */
  readonly at?: string
}

/** What a statement that is under way is rejected with when its time is over. */
export class Overtaken extends Error {
  readonly statementMs: number

  constructor(statementMs: number) {
    super('the time was over while a statement was under way')
    this.statementMs = Math.round(statementMs)
  }
}

interface Noted {
  readonly statement: string | undefined
  readonly calledFrom: string | undefined
}

/** Kept beside the errors: what writes an error out as it is must not find a statement in it twice. */
const noted = new WeakMap<Error, Noted>()

/**
 * Notes which statement an error is about. To be called in an async function that awaits the statement: the error itself was
 * made where the driver read the answer, and knows nothing of who asked. Costs only what fails.
 */
export function noteStatement(error: unknown, statement: string): void {
  const failed = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(failed instanceof Error) || noted.has(failed)) return
  noted.set(failed, { statement, calledFrom: stackHere() })
}

/** Notes where whoever is to blame for an error stands, where no frame of theirs is on its stack. */
export function notePlace<E extends Error>(error: E, calledFrom: string | undefined): E {
  noted.set(error, { statement: undefined, calledFrom })
  return error
}

/** The stack, deep enough to have a frame that is not ours. */
export function stackHere(): string | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 50
  const { stack } = new Error()
  Error.stackTraceLimit = limit
  return stack
}

/** What is known of an error or of what caused it. */
export function failureOf(error: unknown): Failure {
  let statement: Noted | undefined
  let at: string | undefined
  let position: number | undefined
  let statementMs: number | undefined
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    statement ??= noted.get(one)
    at ??= ownFrame(statement?.calledFrom) ?? ownFrame(one.stack)
    position ??= Number((one as { position?: string }).position) || undefined
    if (one instanceof Overtaken) statementMs ??= one.statementMs
  }
  return {
    ...(statement?.statement !== undefined && { statement: statement.statement.trim() }),
    ...(statementMs !== undefined && { statementMs }),
    ...(position && { position }),
    ...(at && { at }),
  }
}

/** Where this library is: `src/` here, `dist/src/` or so where it is built. */
const OURS = new URL('..', import.meta.url).href
const OUR_PATH = decodeURIComponent(new URL(OURS).pathname)

/** The first frame of a stack that is neither ours, nor Node's, nor a dependency's. */
function ownFrame(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const [, place] = /^\s*at (?:.*\()?((?:file:\/\/)?\/?[^()]+:\d+:\d+)\)?$/.exec(line) ?? []
    if (place === undefined || /(^|[\s(])node:|\/node_modules\//.test(place)) continue
    if (place.startsWith(OURS) || place.startsWith(OUR_PATH) || !/[/\\]/.test(place)) continue
    return place.replace(/^async /, '')
  }
  return undefined
}
