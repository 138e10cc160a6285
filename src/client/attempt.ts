import { boundedText, TooLong } from '../base/bounded-text.ts'
import { CallProblem, type HttpAnswer, problemOf } from './call-problem.ts'

/** One request, as it is sent. */
export interface Attempt {
  /** Name of the operation, for messages: `orders.create`. */
  readonly operation: string
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: NonNullable<RequestInit['body']> | null
  readonly signal: AbortSignal
}

/** Sends a request once, and reads its answer. Rejects with a CallProblem, or with the reason of its signal. */
export async function send(fetch: Fetch, attempt: Attempt, maxAnswerBytes = MAX_ANSWER_BYTES): Promise<HttpAnswer> {
  const { operation, url, ...init } = attempt
  let response: Response
  let text: string
  try {
    // A redirect would turn a POST into a GET in silence.
    response = await fetch(url, { ...init, redirect: 'error' })
    // React Native's fetch has no streams, and gives no body to read piece by piece.
    text = response.body === undefined ? await response.text() : await boundedText(response.body, maxAnswerBytes)
  } catch (cause) {
    throw init.signal.aborted ? cause : failed(operation, url, cause)
  }
  const { status } = response
  const headers: Record<string, string> = {}
  response.headers.forEach((value, name) => {
    headers[name] = value
  })
  const answer = { status, headers, body: text === '' ? undefined : text }
  if (status >= 300 && status !== 304) throw problemOf(operation, answer)
  return answer
}

/** The value of a body of JSON; undefined where there is none. */
export function parsedBody(operation: string, body: string | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body)
  } catch (cause) {
    throw new CallProblem(operation, 502, 'BAD_GATEWAY', `${operation} returned a body that is not JSON`, { cause })
  }
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const MAX_ANSWER_BYTES = 16 * 1024 * 1024

function failed(operation: string, url: string, cause: unknown): CallProblem {
  if (cause instanceof TooLong) {
    const message = `The response of ${operation} is too large: ${cause.message}`
    return new CallProblem(operation, 502, 'BAD_GATEWAY', message)
  }
  const { code, reason } = rootOf(cause)
  const message = `${operation} could not be reached at ${url.replace(/\?.*/s, '')}: ${reason}`
  const stage = UNSENT.has(code ?? '') ? 'unsent' : 'lost'
  return new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', message, { stage, cause })
}

/** There was no connection. A browser does not tell. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** `fetch failed` says nothing: the reason is in the cause, and in one of several where a name has several addresses. */
function rootOf(error: unknown): { code: string | undefined; reason: string } {
  const { message, code, cause, errors } = error as {
    message?: string
    code?: string
    cause?: unknown
    errors?: readonly unknown[]
  }
  const inner = cause ?? errors?.[0]
  return inner === undefined ? { code, reason: message || code || String(error) } : rootOf(inner)
}
