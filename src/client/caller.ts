import { rest } from '../base/rest.ts'
import { createRetries } from '../resilience/retry.ts'
import { within } from '../resilience/within.ts'
import { type Attempt, parsedBody, send } from './attempt.ts'
import type { CallArgs } from './call-args.ts'
import { CallProblem, type HttpAnswer } from './call-problem.ts'
import type { ClientOptions } from './client-options.ts'
import { isRepeatable, mayPass } from './repeatable.ts'
import { baseOf, filledPath, pairsOf, paramsOf, queryOf } from './request.ts'
import { createSession, inSession, type Tokens } from './session.ts'
import type { AnyArgs } from './walk.ts'

/** What can be called, as a table describes it. */
export interface Operation {
  /** For messages: `orders.create`. */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly marks: readonly string[]
}

/** `params` has the parameters of the path. */
export type Call = (operation: Operation, args: AnyArgs, params?: AnyArgs) => Promise<unknown>

const TIMEOUT_MS = 10_000
const RETRIES = 2

/** Calls operations over HTTP: in time, with the tokens of the session, and again where that may help. */
export function callerOf(options: ClientOptions, refresh: Operation | undefined): Call {
  const base = baseOf(options.url)
  const { fetch = (url, init) => globalThis.fetch(url, init), retries: repeats = RETRIES } = options
  const retries = createRetries({ maxAttempts: 1 + repeats, backoff: { baseMs: 100, maxMs: 5_000 } })
  const session = createSession(
    options,
    refresh && (async (refreshToken) => (await call(refresh, { body: { refreshToken } })) as Tokens),
  )

  const call: Call = async (operation, args, params = {}) => {
    const { name, marks } = operation
    const key = args.idempotencyKey ?? (marks.includes('key') && repeats > 0 ? newKey() : undefined)
    const request = requestOf(base, operation, { ...args, idempotencyKey: key }, params, options.headers)
    const { timeoutMs: limitMs = options.timeoutMs ?? TIMEOUT_MS, signal } = args as CallArgs
    const late = () =>
      new CallProblem(name, 504, 'GATEWAY_TIMEOUT', `${name} did not respond within ${limitMs} ms`, { stage: 'lost' })
    const endsAtMs = performance.now() + limitMs
    retries.earn()
    const { body } = await within(limitMs, late, signal, (ended) =>
      attempts({ ...request, signal: ended }, marks.includes('own'), endsAtMs),
    )
    return parsedBody(name, body)
  }

  async function attempts(attempt: Attempt, isAnonymous: boolean, endsAtMs: number): Promise<HttpAnswer> {
    const { headers, method, signal } = attempt
    const repeatable = isRepeatable(method, headers.get('idempotency-key') ?? undefined)
    const tokenNow = async () => (isAnonymous ? undefined : session.token())
    let token = await tokenNow()
    let renewed = false
    for (let sent = 1; ; sent++) {
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
      try {
        return await send(fetch, attempt)
      } catch (error) {
        if (signal.aborted || !(error instanceof CallProblem)) throw error
        if (error.status === 401 && token !== undefined && !renewed) {
          const other = await session.token(token)
          if (other === undefined || other === token) throw error
          token = other
          renewed = true
          continue
        }
        if (!mayPass(error, repeatable)) throw error
        const restMs = retries.restMs(sent, endsAtMs - performance.now(), (error.retryAfterS ?? 0) * 1_000)
        if (restMs === undefined) throw error
        await rest(restMs, signal)
        token = await tokenNow()
      }
    }
  }

  return (operation, args, params) =>
    inSession(session, operation.marks, args, (given) => call(operation, given, params))
}

function requestOf(
  base: string,
  { name, method, path }: Operation,
  { body, ifMatch, idempotencyKey, query }: AnyArgs,
  params: AnyArgs,
  own: ClientOptions['headers'],
): Omit<Attempt, 'signal'> {
  const headers = new Headers(own)
  headers.set('accept', 'application/json')
  if (body !== undefined) headers.set('content-type', 'application/json')
  if (ifMatch !== undefined) headers.set('if-match', `"${ifMatch}"`)
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey as string)
  return {
    operation: name,
    url: base + filledPath(path, paramsOf(name, path, params)) + queryOf(pairsOf(query as AnyArgs)),
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  }
}

/** `crypto.randomUUID` is only there in pages that came over HTTPS, or from this machine. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
