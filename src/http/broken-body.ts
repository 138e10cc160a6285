import type { IncomingMessage } from 'node:http'
import type { Problem } from '../base/errors.ts'

/** Of the requests whose body will never be whole: it came too late, or is not HTTP. */
const broken = new WeakMap<IncomingMessage, Problem>()

/**
 * Fails whoever reads the body, now or later, with `problem`, so that its request is answered, counted and logged as any other.
 * Node has no way to: an error of the request itself would also destroy the connection, and with it the answer.
 */
export function breakBody(req: IncomingMessage, problem: Problem): void {
  broken.set(req, problem)
  req.emit(BROKEN, problem)
}

export function brokenBody(req: IncomingMessage): Problem | undefined {
  return broken.get(req)
}

/** The event of a request whose body breaks while it is read; with the problem. */
export const BROKEN = 'lintel:broken'
