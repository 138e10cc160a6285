import { type FieldFault, Problem, type ProblemOptions } from '../base/errors.ts'

/**
 * A problem that a call brought back, or what kept its answer from coming. The same code, message, details and
 * `retryAfterS` whatever carried the call (R-CALL-1).
 *
 * A class of its own, so that a service which calls another can tell the other's NOT_FOUND from its own.
 */
export class CallProblem extends Problem {
  /** The HTTP status that carries it. */
  readonly status: number
  /** How far the call came: `unsent` had no effect, `lost` may have had one, `answered` says what came of it. */
  readonly stage: 'unsent' | 'lost' | 'answered'
  /** Id of the operation that was called: `orders.orders.create`. */
  readonly operation: string
  /** Of the failed request, to be looked up in the log. */
  readonly requestId: string | undefined

  constructor(
    operation: string,
    status: number,
    code: string,
    message: string,
    options: ProblemOptions & { stage?: CallProblem['stage']; requestId?: string | undefined } = {},
  ) {
    super(code, message, options)
    this.name = 'CallProblem'
    this.status = status
    this.stage = options.stage ?? 'answered'
    this.operation = operation
    this.requestId = options.requestId
  }
}

/** What came back over HTTP; headers by their names in lower case. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** The problem that an answer of 300 or more tells of. */
export function problemOf(operation: string, { status, headers, body }: HttpAnswer): CallProblem {
  const error = readEnvelope(body)
  const retryAfterS = readRetryAfter(headers['retry-after'])
  const requestId = error?.requestId ?? headers['x-request-id']
  return new CallProblem(
    operation,
    status,
    error?.code ?? CODES[status] ?? 'BAD_GATEWAY',
    error?.message ?? `${operation} returned status ${status} without a Lintel error`,
    {
      ...(error?.details ? { details: error.details } : {}),
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
      requestId,
    },
  )
}

/** Whole seconds from now; a date (RFC 9110, 10.2.3) counts by this machine's clock. */
export function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000))
}

/** What a status means where something that is not Lintel answered: a proxy, or a stopped container's load balancer. */
const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'RATE_LIMITED',
  503: 'SERVICE_UNAVAILABLE',
  504: 'GATEWAY_TIMEOUT',
}

interface Envelope {
  code: string
  message: string
  details: FieldFault[] | undefined
  requestId: string | undefined
}

/** `{"error":{"code","message","details","requestId"}}` (R-BODY-5); undefined where the body is something else. */
function readEnvelope(body: string | undefined): Envelope | undefined {
  const error = members<keyof Envelope>(members<'error'>(parsed(body))?.error)
  if (typeof error?.code !== 'string' || typeof error.message !== 'string') return undefined
  return {
    code: error.code,
    message: error.message,
    details: Array.isArray(error.details) ? error.details.filter(isFault) : undefined,
    requestId: typeof error.requestId === 'string' ? error.requestId : undefined,
  }
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json)
  } catch {
    return undefined
  }
}

function isFault(value: unknown): value is FieldFault {
  const fault = members<keyof FieldFault>(value)
  return typeof fault?.field === 'string' && typeof fault.message === 'string'
}

function members<K extends string>(value: unknown): { readonly [N in K]?: unknown } | undefined {
  return typeof value === 'object' && value !== null ? value : undefined
}
