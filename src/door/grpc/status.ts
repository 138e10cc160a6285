import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Problem } from '../../base/errors.ts'

/** The gRPC codes that are answered with. */
export const CODES = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

/** Where the code of a problem says more than its status: what google.rpc.Code means by these names. */
const BY_PROBLEM: Readonly<Record<string, number>> = {
  DUPLICATE: CODES.ALREADY_EXISTS,
  VERSION_CONFLICT: CODES.ABORTED,
  IDEMPOTENCY_IN_PROGRESS: CODES.ABORTED,
}

const BY_STATUS: Readonly<Record<number, number>> = {
  400: CODES.INVALID_ARGUMENT,
  401: CODES.UNAUTHENTICATED,
  403: CODES.PERMISSION_DENIED,
  404: CODES.NOT_FOUND,
  405: CODES.UNIMPLEMENTED,
  408: CODES.DEADLINE_EXCEEDED,
  409: CODES.FAILED_PRECONDITION,
  412: CODES.FAILED_PRECONDITION,
  413: CODES.RESOURCE_EXHAUSTED,
  415: CODES.INVALID_ARGUMENT,
  422: CODES.FAILED_PRECONDITION,
  428: CODES.FAILED_PRECONDITION,
  429: CODES.RESOURCE_EXHAUSTED,
  500: CODES.INTERNAL,
  502: CODES.UNAVAILABLE,
  503: CODES.UNAVAILABLE,
  504: CODES.DEADLINE_EXCEEDED,
}

/** The gRPC code of a problem. A status of a contract's own is told by its class. */
export function codeOf(problem: string, status: number): number {
  return BY_PROBLEM[problem] ?? BY_STATUS[status] ?? (status < 500 ? CODES.FAILED_PRECONDITION : CODES.INTERNAL)
}

/** The text of a status, as `grpc-message` holds it: percent-encoded UTF-8. */
export function writeMessage(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, (some) =>
    [...Buffer.from(some)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

interface ShownProblem extends Pick<Problem, 'code' | 'details' | 'retryAfterS'> {
  readonly message: string
  readonly requestId: string
}

/**
 * A problem as `grpc-status-details-bin` holds it: a google.rpc.Status with an ErrorInfo whose `reason` is the problem's code, a
 * BadRequest with the faulty fields, and a RetryInfo.
 */
export function statusDetails(code: number, problem: ShownProblem): string {
  const { message, requestId, details, retryAfterS } = problem
  const status = new BinaryWriter()
  status.tag(1, WireType.Varint).int32(code)
  text(status, 2, message)
  any(status, 'ErrorInfo', (info) => {
    text(info, 1, problem.code)
    text(info, 2, 'lintel')
    within(info, 3, (entry) => {
      text(entry, 1, 'requestId')
      text(entry, 2, requestId)
    })
  })
  if (details)
    any(status, 'BadRequest', (request) => {
      for (const { field, message } of details)
        within(request, 1, (violation) => {
          text(violation, 1, field)
          text(violation, 2, message)
        })
    })
  if (retryAfterS !== undefined)
    any(status, 'RetryInfo', (info) =>
      within(info, 1, (duration) => duration.tag(1, WireType.Varint).int64(Math.ceil(retryAfterS))),
    )
  return Buffer.from(status.finish()).toString('base64')
}

function any(status: BinaryWriter, name: string, write: (message: BinaryWriter) => void): void {
  const message = new BinaryWriter()
  write(message)
  within(status, 3, (one) => {
    text(one, 1, `type.googleapis.com/google.rpc.${name}`)
    one.tag(2, WireType.LengthDelimited).bytes(message.finish())
  })
}

function within(writer: BinaryWriter, number: number, write: (inner: BinaryWriter) => void): void {
  write(writer.tag(number, WireType.LengthDelimited).fork())
  writer.join()
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value)
}
