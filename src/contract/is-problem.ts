import { Problem } from '../base/errors.ts'
import type { AnyContract } from './contract.ts'
import type { DeclaredProblem, SystemProblem } from './problem.ts'

/** Codes of the problems of a contract, and of those of every system: `CodeOf<typeof orders>`. */
export type CodeOf<C> = C extends Pick<AnyContract, 'problems'> ? keyof C['problems'] & string : never

/**
 * Whether an error is this problem, thrown here or brought back by a call: `isProblem(error, users.problems.NOT_FOUND)`. Those of
 * every system also go by their code alone. Without one, whether it is any: `isProblem<typeof orders>(error)` knows its codes.
 */
export function isProblem<const P extends DeclaredProblem | SystemProblem>(
  error: unknown,
  problem: P,
): error is Problem & { readonly code: P extends DeclaredProblem<infer Code> ? Code : P }
export function isProblem<C extends Pick<AnyContract, 'problems'>>(
  error: unknown,
): error is Problem & { readonly code: CodeOf<C> }
export function isProblem(error: unknown, problem?: DeclaredProblem | string): boolean {
  if (!(error instanceof Problem)) return false
  return problem === undefined || error.code === (typeof problem === 'string' ? problem : problem.code)
}
