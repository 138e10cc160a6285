import { type FieldFault, Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
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
  refuse(code: string, more?: Refusing): void
  /** Whether nobody is left to be answered. */
  isAbandoned(): boolean
}

export interface Refusing {
  readonly details?: readonly FieldFault[]
  /** That of the log's line; where there is none, the answer has one of its own. */
  readonly requestId?: string
}

/** What is said to whoever is refused: no more than that. */
export function refusal(
  code: string,
  { details, requestId = newId('req') }: Refusing = {},
): {
  status: number
  text: string
} {
  const spec = PROBLEMS[code]!
  const problem = new Problem(code, undefined, details && { details: [...details] })
  return { status: spec.status, text: envelope(problem, spec, requestId) }
}
