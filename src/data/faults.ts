import { type FieldFault, Problem } from '../base/errors.ts'

/** What PostgreSQL says of an error, beside its message. */
interface PgError extends Error {
  readonly code: string
  readonly constraint?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  /** A domain. */
  readonly dataType?: string
  /** The server's function that raised it. */
  readonly routine?: string
}

/** What a constraint or a unique index means in the contract. Nothing in it names what the contract does not. */
export interface Constraint {
  /** Fields whose values it is about. */
  readonly fields: readonly string[]
  /** Path segment of the resource whose table has it, such as `cards`. */
  readonly resource: string | undefined
  /** Table that has it, as an error names it. */
  readonly table: string
  /** Table that a foreign key refers to, without its schema. */
  readonly refersTo: string | null
}

/** The constraints of a service's database, by what an error says of them; `readConstraints` finds them. */
export interface Constraints {
  find(schema: string | undefined, relation: string | undefined, name: string | undefined): Constraint | undefined
  /** The field of a column; undefined for one that the contract does not show. */
  field(table: string | undefined, column: string): string | undefined
}

const NO_CONSTRAINTS: Constraints = { find: () => undefined, field: () => undefined }

/** Codes of problems by the name of a constraint or a unique index, or by SQLSTATE. */
export type Refusals = Readonly<Record<string, string>>

/** Turns errors of one service's database into problems of its contract: the only place that decides (R-REST-8). */
export interface Faults {
  /**
   * What a failed statement means to a caller. Nothing in it comes from the database but fields that the contract names;
   * the error itself is the `cause`, for the log. What is our own mistake comes back as it is. `reading`: the statement
   * took no values but those of a query, so that stored data are to blame for some errors.
   */
  problemOf(error: unknown, reading?: boolean): unknown
  /** Tells what constraints mean in the contract; until then problems have no details. */
  learn(constraints: Constraints): void
}

export function faultsOf(refusals: Refusals = {}): Faults {
  let constraints = NO_CONSTRAINTS
  /** Mistakes of our own: so they stay where a unit of work passes them on. */
  const mistakes = new WeakSet<Error>()
  return {
    problemOf(error, reading = false) {
      if (error instanceof Error && mistakes.has(error)) return error
      const problem = problemIn(error, constraints, refusals, reading)
      if (reading && problem === error && error instanceof Error) mistakes.add(error)
      return problem
    },
    learn(known) {
      constraints = known
    },
  }
}

/** The same where no contract is at hand, as while a connection is made. */
export function problemOf(error: unknown): unknown {
  return problemIn(error, NO_CONSTRAINTS, {}, false)
}

function problemIn(error: unknown, constraints: Constraints, refusals: Refusals, reading: boolean): unknown {
  if (!(error instanceof Error) || error instanceof Problem) return error
  const { code } = error as PgError
  if (code === undefined) return lost(error) ? unavailable(error) : error
  // A rule that the service put into its database may raise any code, that of a timeout too; but nobody means a rule by the
  // codes of a full disk or of a server that ends (53, 58, 57P), unless `refusals` says so.
  const isRule =
    Object.hasOwn(refusals, code) || ((error as PgError).routine === 'exec_stmt_raise' && !/^(53|58|57P)/.test(code))
  if (!isRule && isOutage(code)) return unavailable(error)
  return refusalOf(error as PgError, constraints, refusals, reading) ?? error
}

/** Undefined for an error that refuses nothing. */
function refusalOf(error: PgError, constraints: Constraints, refusals: Refusals, reading: boolean) {
  const { code, schema, table, dataType, constraint: name = '' } = error
  const known = constraints.find(schema, table ?? dataType, name)
  const own = [name, code].find((key) => Object.hasOwn(refusals, key))
  if (own !== undefined) return problem(error, refusals[own]!, undefined, known?.fields, 'is not possible')
  const fields = known?.fields
  switch (code) {
    case '23505': // unique_violation
      return problem(
        error,
        'DUPLICATE',
        undefined,
        fields,
        fields?.length === 1 ? 'is already taken' : 'is already taken in this combination',
      )
    case '23P01': // exclusion_violation
      return problem(error, 'CONFLICT', undefined, fields, 'overlaps with another')
    case '23001': // restrict_violation: since PostgreSQL 18 also of `on delete restrict`
      return inUse(error, known)
    case '23503': // foreign_key_violation
      if (isReferredTo(error, known)) return inUse(error, known)
      return problem(error, 'UNPROCESSABLE', undefined, fields, 'refers to a resource that does not exist')
    case '23514': // check_violation
    case '44000': // with_check_option_violation
      return problem(error, 'UNPROCESSABLE', undefined, fields, 'violates a data rule')
    case '23502': {
      const field = error.column === undefined ? undefined : constraints.field(table, error.column)
      return problem(error, 'VALIDATION_ERROR', 'A required value is missing', field ? [field] : [], 'must not be null')
    }
    case '22001': // string_data_right_truncation
      return problem(error, 'VALIDATION_ERROR', 'A text is too long to be stored')
    case '54000': // program_limit_exceeded: an index takes 2,704 bytes
      return reading
        ? undefined
        : problem(error, 'VALIDATION_ERROR', 'A text is too long to be stored', fields, 'is too long to be stored')
    case '22003': // numeric_value_out_of_range
      return problem(error, 'VALIDATION_ERROR', 'A number is out of range')
    case '22012': // division_by_zero
      return reading ? undefined : problem(error, 'VALIDATION_ERROR', 'A value leads to a division by zero')
  }
  if (code.startsWith('22')) return problem(error, 'VALIDATION_ERROR', 'A value cannot be stored')
  if (code.startsWith('23') || isRaised(error)) return problem(error, 'CONFLICT', undefined, fields, 'is not possible')
  return undefined
}

function problem(
  cause: PgError,
  code: string,
  message: string | undefined,
  fields: readonly string[] = [],
  fault = '',
): Problem {
  const details: FieldFault[] = fields.map((field) => ({ field, message: fault }))
  return new Problem(code, message, details.length > 0 ? { details, cause } : { cause })
}

/** Which resource it is that refers, never which of its things. */
function inUse(cause: PgError, known: Constraint | undefined): Problem {
  return problem(cause, 'IN_USE', known?.resource && `The resource is still in use by ${known.resource}`)
}

/**
 * Whether a violated foreign key refers to the row that was to go, rather than to one that is missing. Both have one code and
 * name the table that has the key; only the message differs, in the server's language: of a row that was to go it names
 * the table referred to as well.
 */
function isReferredTo({ message }: PgError, known: Constraint | undefined): boolean {
  if (!known?.refersTo) return message.startsWith('update or delete on table')
  const quoted = new RegExp(`[^\\w\\s]\\s?${known.refersTo.replace(/\W/g, '\\$&')}\\s?[^\\w\\s]`, 'g')
  const named = message.match(quoted)?.length ?? 0
  return named > (known.refersTo === known.table ? 1 : 0)
}

/** First characters of the codes that PostgreSQL keeps for itself; any other is a function's own. */
const CLASSES = new Set(
  '00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX'.split(
    ' ',
  ),
)

/**
 * By PL/pgSQL (`raise exception`, `select … into strict`, `assert`, a `case` without a branch), or with a code that is not
 * PostgreSQL's: a rule that the service put into its database.
 */
function isRaised({ code, routine }: PgError): boolean {
  if (!/^[0-9A-Z]{5}$/.test(code)) return false
  if (routine === 'exec_stmt_raise' || code === CASE_NOT_FOUND) return true
  return code.startsWith('P0') || !CLASSES.has(code.slice(0, 2))
}

const CASE_NOT_FOUND = '20000'

/** A transaction that met another one: worth doing again. */
export function isSerialisation(error: unknown): boolean {
  const code = (error as PgError | undefined)?.code
  return code === '40001' || code === '40P01'
}

/** Beside whole classes: 08 connections, 53 insufficient resources such as a full disk, 57P the server's end, 58 system errors. */
const UNAVAILABLE = new Set([
  '57014', // query_canceled, by statement_timeout
  '55P03', // lock_not_available, by lock_timeout
  '40001', // serialization_failure
  '40P01', // deadlock_detected
])

function isOutage(code: string): boolean {
  return UNAVAILABLE.has(code) || /^(08|53|57P|58)/.test(code) || NETWORK.has(code)
}

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** What pg says, without a code, of connections that are gone. */
function lost(error: Error): boolean {
  return /^(Connection terminated|timeout exceeded when trying to connect|Client (was closed|has encountered)|timeout expired)/.test(
    error.message,
  )
}

export function unavailable(cause: unknown): Problem {
  return new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: 1, cause })
}
