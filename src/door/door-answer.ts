import { type FieldFault, Problem } from '../base/errors.ts'
import type { Reply } from '../call/call.ts'
import { PROBLEMS } from '../contract/problem.ts'
import { envelope } from '../http/problem-answer.ts'

/** What carries the answer to a call back to where that came from. */
export interface DoorAnswer {
  /** Of whoever sent it. */
  readonly address: string | undefined
  /** A status, the line of the reply's head, and its body. */
  answer(status: number, line: string, body: Reply['body']): void
  /** Without that line: no service has seen the call. */
  refuse(code: string, details?: readonly FieldFault[]): void
  /** Whether nobody is left to be answered. */
  isAbandoned(): boolean
}

/** What is said to whoever is refused: no more than that. */
export function refusal(code: string, details?: readonly FieldFault[]): { status: number; text: string } {
  const spec = PROBLEMS[code]!
  const problem = new Problem(code, undefined, details && { details: [...details] })
  return { status: spec.status, text: envelope(problem, spec, '') }
}
