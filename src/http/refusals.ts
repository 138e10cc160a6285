import { type ProblemSpec, problem } from '../contract/problem.ts'

/** What HTTP itself can fail with, before any contract is in sight. Beside PROBLEMS, which contracts may name. */
export const REFUSALS: Readonly<Record<string, ProblemSpec>> = {
  REQUEST_TIMEOUT: problem(408, 'The request took too long to arrive'),
  URI_TOO_LONG: problem(414, 'The request target is too long'),
  HEADERS_TOO_LARGE: problem(431, 'The headers are too large'),
}
