/** A problem that a contract names: the status that carries it and its usual message. */
export interface ProblemSpec {
  readonly status: number
  readonly message: string
}

/** Declares a problem of a contract's own: `OUT_OF_STOCK: problem(409, 'Not enough in stock')`. */
export function problem(status: number, message: string): ProblemSpec {
  return { status, message }
}

/** The codes that every system knows (R-BODY-6). A contract may add its own, never change these. */
export const PROBLEMS: Readonly<Record<string, ProblemSpec>> = {
  VALIDATION_ERROR: problem(400, 'The request is not valid'),
  MALFORMED_JSON: problem(400, 'The body is not valid JSON'),
  INVALID_CURSOR: problem(400, 'The cursor is not valid for this list'),
  UNSUPPORTED_VERSION: problem(400, 'This API version does not exist'),
  UNAUTHENTICATED: problem(401, 'Credentials are required'),
  INVALID_CREDENTIALS: problem(401, 'Email or password is wrong'),
  INVALID_TOKEN: problem(401, 'The token is not valid'),
  TOKEN_EXPIRED: problem(401, 'The token has expired'),
  FORBIDDEN: problem(403, 'You may not do this'),
  NOT_FOUND: problem(404, 'There is no such thing'),
  METHOD_NOT_ALLOWED: problem(405, 'This method is not offered here'),
  DUPLICATE: problem(409, 'This exists already'),
  VERSION_CONFLICT: problem(409, 'It was changed in the meantime: read it again'),
  IN_USE: problem(409, 'Other data still refers to it'),
  CONFLICT: problem(409, 'The request conflicts with the data as it is'),
  INVALID_TRANSITION: problem(409, 'This change of state is not possible'),
  IDEMPOTENCY_IN_PROGRESS: problem(409, 'The first request with this Idempotency-Key still runs'),
  PRECONDITION_FAILED: problem(412, 'If-Match or If-None-Match does not hold'),
  PAYLOAD_TOO_LARGE: problem(413, 'The body is too large'),
  UNSUPPORTED_MEDIA_TYPE: problem(415, 'Send application/json'),
  UNPROCESSABLE: problem(422, 'The request is well-formed but makes no sense'),
  IDEMPOTENCY_KEY_REUSED: problem(422, 'This Idempotency-Key was used with another request'),
  PRECONDITION_REQUIRED: problem(428, 'Send If-Match or version with this request'),
  RATE_LIMITED: problem(429, 'Too many requests'),
  INTERNAL_ERROR: problem(500, 'Something went wrong on our side'),
  BAD_GATEWAY: problem(502, 'An upstream service failed'),
  SERVICE_UNAVAILABLE: problem(503, 'The service is not available just now'),
  GATEWAY_TIMEOUT: problem(504, 'An upstream service took too long'),
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
