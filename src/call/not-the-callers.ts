import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'

/**
 * A failure of a service that was called is not the caller's (R-P-8): a handler that does not translate it has met a bad
 * gateway, or one that is away or late. Anything that is no CallProblem stays as it is.
 */
export function notTheCallers(error: unknown): unknown {
  if (!(error instanceof CallProblem)) return error
  const { code, retryAfterS } = error
  if (code === 'SERVICE_UNAVAILABLE')
    return new Problem(code, undefined, { ...(retryAfterS !== undefined && { retryAfterS }), cause: error })
  return new Problem(code === 'GATEWAY_TIMEOUT' ? code : 'BAD_GATEWAY', undefined, { cause: error })
}
