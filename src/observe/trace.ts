import { randomBytes } from 'node:crypto'

/** Where a request belongs, as W3C Trace Context says it: goes with it into calls, events and log lines. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** Two hexadecimal digits: whether it is recorded somewhere (01), and whether its id is random (02). */
  readonly flags: string
  /** `tracestate`, passed on as it came. */
  readonly state: string | undefined
  /** Id of the span that asked for this, where its header says so: 16 hexadecimal digits. */
  readonly parentId?: string | undefined
  /** Id of our own span, where one is recorded. */
  readonly spanId?: string | undefined
}

/**
 * The trace of a `traceparent` and `tracestate`; a new one where there is none, or none that is valid: then its state means
 * nothing either (W3C Trace Context 3.3, 4.3).
 */
export function traceOf(traceparent: unknown, tracestate?: unknown): Trace {
  return readTrace(traceparent, tracestate) ?? { traceId: randomHex(32), flags: '00', state: undefined }
}

/** Undefined where the header is missing or not valid. */
export function readTrace(traceparent: unknown, tracestate?: unknown): Trace | undefined {
  if (typeof traceparent !== 'string') return undefined
  const [, version, traceId, parentId, flags, more] =
    /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(traceparent) ?? []
  // A later version may have more behind these fields; 00 has not.
  if (version === undefined || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId!) || /^0+$/.test(parentId!)) return undefined
  const known = (Number.parseInt(flags!, 16) & 3).toString(16).padStart(2, '0')
  return { traceId: traceId!, flags: known, state: isState(tracestate) ? tracestate : undefined, parentId: parentId! }
}

/** `traceparent` for what this request asks of others: its trace, and the id of its span, or one of its own for this step. */
export function writeTraceparent({ traceId, flags, spanId }: Trace): string {
  return `00-${traceId}-${spanId ?? randomHex(16)}-${flags}`
}

/** A `tracestate` is bounded (3.3.1.1): what is longer, or has more members, is dropped rather than cut. */
function isState(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text !== '' &&
    text.length <= 512 &&
    /^[\x20-\x7e]+$/.test(text) &&
    text.split(',').length <= 32
  )
}

let pool = ''
let used = 0

/** An id must not be all zeros. One call of the generator makes 128 trace ids: 0.1 µs each. */
function randomHex(length: number): string {
  if (used + length > pool.length) {
    pool = randomBytes(2048).toString('hex')
    used = 0
  }
  const text = pool.slice(used, used + length)
  used += length
  return /[^0]/.test(text) ? text : randomHex(length)
}
