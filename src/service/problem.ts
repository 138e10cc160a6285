import { Problem as AnyProblem, type ProblemOptions } from '../base/errors.ts'
import type { DeclaredProblem, SystemProblem } from '../contract/problem.ts'

/** As handlers throw it: a value of a contract, or the code of a problem that every system knows. */
interface ProblemClass {
  new (problem: DeclaredProblem | SystemProblem, message?: string, options?: ProblemOptions): AnyProblem
  readonly prototype: AnyProblem
}

/**
 * An outcome that a caller is meant to see. The status and the usual message are the contract's; a message given here replaces the
 * usual one.
 *
 * ```ts
 * throw new Problem(orders.problems.OUT_OF_STOCK)
 * throw new Problem('FORBIDDEN', 'Only whoever wrote it may change it')
 * ```
 */
export const Problem: ProblemClass = AnyProblem
export type Problem = AnyProblem
