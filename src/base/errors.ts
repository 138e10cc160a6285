/** One faulty field of a request: `field` is a path such as `items[0].quantity`. */
export interface FieldFault {
  field: string
  message: string
}

/**
 * How many faults are told at once, of a request, a file or a document: more nobody reads, their number is the sender's, and
 * an answer should not be larger than its request.
 */
export const MAX_FAULTS = 50

export interface ProblemOptions {
  /** Every faulty field at once. */
  details?: FieldFault[]
  /** Sent as `Retry-After`, in whole seconds. */
  retryAfterS?: number
  /** The transaction commits all the same: what came to light must not be forgotten with the refusal. */
  commits?: boolean
  /** Further headers of the answer, by their name in lower case: what would have been taken, say. */
  headers?: Readonly<Record<string, string>>
  cause?: unknown
}

/**
 * An outcome that a contract names and a caller is meant to see, such as `OUT_OF_STOCK`.
 * The status and the usual message belong to the code (contract/problem.ts); a message given here replaces the usual one.
 */
export class Problem extends Error {
  readonly code: string
  readonly details: FieldFault[] | undefined
  readonly retryAfterS: number | undefined
  readonly commits: boolean
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(problem: string | { readonly code: string }, message?: string, options: ProblemOptions = {}) {
    super(message ?? '', options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.code = typeof problem === 'string' ? problem : problem.code
    this.details = options.details
    this.retryAfterS = options.retryAfterS
    this.commits = options.commits ?? false
    this.headers = options.headers
  }
}

/** `VALIDATION_ERROR` for one field. */
export function invalid(field: string, message: string): Problem {
  return new Problem('VALIDATION_ERROR', undefined, { details: [{ field, message }] })
}

/**
 * A mistake of the programmer or the operator, thrown at start where possible; the message says what to do.
 * `exitCode` is what a command ends with: 78 (EX_CONFIG of sysexits.h) unless told otherwise.
 */
export class Fault extends Error {
  readonly code: string
  readonly exitCode: number

  constructor(code: string, message: string, options: { cause?: unknown; exitCode?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.exitCode = options.exitCode ?? 78
  }
}

/** One error for all cases of a kind. It has no stack, which would be that of loading its file. */
export function sharedError(message: string): Error {
  const error = new Error(message)
  error.stack = `Error: ${message}`
  return error
}
