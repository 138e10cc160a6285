/** A problem that a contract names: the status that carries it and its usual message. */
export interface ProblemSpec {
  readonly status: number
  readonly message: string
}

/** The same as a value of its contract, `orders.problems.OUT_OF_STOCK`: handlers throw it, and callers tell it by `isProblem`. */
export interface DeclaredProblem<Code extends string = string> extends ProblemSpec {
  readonly code: Code
}

/** Those of every system, and a contract's own. */
export type DeclaredProblems<P> = { readonly [Code in (keyof P & string) | SystemProblem]: DeclaredProblem<Code> }

/** Declares a problem of a contract's own: `OUT_OF_STOCK: problem(409, 'Not enough in stock')`. */
export function problem(status: number, message: string): ProblemSpec {
  return { status, message }
}

const SYSTEM = {
  VALIDATION_ERROR: problem(400, 'The request is not valid'),
  MALFORMED_JSON: problem(400, 'The body is not valid JSON'),
  INVALID_CURSOR: problem(400, 'The cursor is not valid for this list'),
  UNSUPPORTED_VERSION: problem(400, 'This API version does not exist'),
  UNAUTHENTICATED: problem(401, 'Credentials are required'),
  INVALID_CREDENTIALS: problem(401, 'Wrong email or password'),
  INVALID_TOKEN: problem(401, 'The token is not valid'),
  TOKEN_EXPIRED: problem(401, 'The token has expired'),
  FORBIDDEN: problem(403, 'You do not have permission to do this'),
  NOT_FOUND: problem(404, 'Not found'),
  METHOD_NOT_ALLOWED: problem(405, 'Method not allowed'),
  DUPLICATE: problem(409, 'A resource with this value already exists'),
  VERSION_CONFLICT: problem(409, 'The resource has changed since you read it; fetch it again'),
  IN_USE: problem(409, 'The resource is still referenced by other data'),
  CONFLICT: problem(409, 'The request conflicts with the current data'),
  INVALID_TRANSITION: problem(409, 'The current state does not allow this change'),
  IDEMPOTENCY_IN_PROGRESS: problem(409, 'The first request with this Idempotency-Key is still being processed'),
  PRECONDITION_FAILED: problem(412, 'The If-Match or If-None-Match precondition failed'),
  PAYLOAD_TOO_LARGE: problem(413, 'The body is too large'),
  UNSUPPORTED_MEDIA_TYPE: problem(415, 'The Content-Type must be application/json'),
  UNPROCESSABLE: problem(422, 'The request is valid but cannot be processed'),
  IDEMPOTENCY_KEY_REUSED: problem(422, 'This Idempotency-Key was used with another request'),
  PRECONDITION_REQUIRED: problem(428, 'This request requires If-Match or version'),
  RATE_LIMITED: problem(429, 'Too many requests'),
  INTERNAL_ERROR: problem(500, 'Internal server error'),
  BAD_GATEWAY: problem(502, 'An upstream service failed'),
  SERVICE_UNAVAILABLE: problem(503, 'Service temporarily unavailable'),
  GATEWAY_TIMEOUT: problem(504, 'An upstream service did not respond in time'),
}

/** A code that every system knows. */
export type SystemProblem = keyof typeof SYSTEM

/** The problems that every system knows (R-BODY-6). A contract may add its own, never change these. */
export const PROBLEMS: Readonly<Record<string, DeclaredProblem>> = declared(SYSTEM)

/** Problems by their codes, which they carry from here on. */
export function declared(specs: Readonly<Record<string, ProblemSpec>>): Readonly<Record<string, DeclaredProblem>> {
  return Object.fromEntries(Object.entries(specs).map(([code, spec]) => [code, { code, ...spec }]))
}

/** The codes of these that a service's own rules may come to mean. */
export type UsualProblem =
  | 'CONFLICT'
  | 'DUPLICATE'
  | 'FORBIDDEN'
  | 'IN_USE'
  | 'INVALID_TRANSITION'
  | 'NOT_FOUND'
  | 'UNPROCESSABLE'
  | 'VALIDATION_ERROR'
