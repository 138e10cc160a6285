import { Problem } from '../base/errors.ts'
import { camelCase } from '../contract/names.ts'

interface PgError extends Error {
  code: string
  constraint?: string
  table?: string
  column?: string
}

/** What a failed statement means to a caller; errors that are our own mistake come back as they are. */
export function problemOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Problem) return error
  const { code } = error as PgError
  if (code === undefined) return lost(error) ? unavailable(error) : error
  switch (code) {
    case '23505':
      return new Problem('DUPLICATE', undefined, detail(error as PgError, 'key', 'is taken', error))
    case '23503':
      return new Problem('UNPROCESSABLE', undefined, detail(error as PgError, 'fkey', 'names something that does not exist', error))
    case '23514':
      return new Problem('UNPROCESSABLE', undefined, detail(error as PgError, 'check', 'breaks a rule of the data', error))
    case '22021':
    case '22003':
    case '22001':
      return new Problem('VALIDATION_ERROR', 'A value is out of the range that can be stored', { cause: error })
    case '57014': // statement_timeout
    case '55P03': // lock_timeout
    case '53300': // too_many_connections
    case '40001': // serialization_failure
    case '40P01': // deadlock_detected
      return unavailable(error)
  }
  return /^(08|57P)/.test(code) || NETWORK.has(code) ? unavailable(error) : error
}

/** A transaction that met another one: worth doing again. */
export function isSerialisation(error: unknown): boolean {
  const code = (error as PgError | undefined)?.code
  return code === '40001' || code === '40P01'
}

const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** What pg says, without a code, of connections that are gone. */
function lost(error: Error): boolean {
  return /^(Connection terminated|timeout exceeded when trying to connect|Client (was closed|has encountered)|timeout expired)/.test(
    error.message,
  )
}

function unavailable(cause: unknown): Problem {
  return new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: 1, cause })
}

/** Constraints are named `<table>_<column>_<kind>`, as PostgreSQL does it: that names the field. */
function detail(error: PgError, kind: string, message: string, cause: unknown) {
  const { constraint = '', table = '' } = error
  const column =
    constraint.startsWith(`${table}_`) && constraint.endsWith(`_${kind}`)
      ? constraint.slice(table.length + 1, -kind.length - 1)
      : undefined
  return column ? { details: [{ field: camelCase(column.replace(/_/g, '-')), message }], cause } : { cause }
}
