import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { BadFrame, FrameReader, frameOf } from './frames.ts'
import { CODES, writeMessage } from './status.ts'

/** What ends an rpc: a gRPC code, a text for people, and further trailers. */
export interface Ending {
  readonly code: number
  readonly message?: string
  readonly trailers?: OutgoingHttpHeaders
}

/** Answers with one message, or with several that `write` sends before. */
export function respondWith(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  message: Uint8Array | undefined,
  ending: Ending,
): void {
  if (stream.destroyed) return
  begin(stream, headers, () => ending)
  if (message === undefined) stream.end()
  else stream.end(frameOf(message))
  dropRest(stream)
}

/** Answers without a message: head and trailers are one. */
export function refuseWith(stream: ServerHttp2Stream, contentType: string, ending: Ending): void {
  if (stream.destroyed) return
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  stream.respond({ ':status': 200, 'content-type': contentType, ...trailersOf(ending) }, { endStream: true })
  dropRest(stream)
}

/** Sends the head of an answer that has any number of messages; `ending` is asked for when the stream ends. */
export function begin(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders, ending: () => Ending): void {
  stream.once('wantTrailers', () => stream.sendTrailers(trailersOf(ending())))
  stream.respond({ ':status': 200, ...headers }, { waitForTrailers: true })
}

/** The one message of a request. Rejects with a BadFrame where it is too large, or there is not exactly one. */
export function readMessage(stream: ServerHttp2Stream, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader(maxBytes)
    let message: Buffer | undefined
    const fail = (error: Error) => {
      stream.pause()
      stream.removeListener('data', take)
      reject(error)
    }
    const take = (chunk: Buffer) => {
      try {
        for (const one of reader.push(chunk)) {
          if (message !== undefined) throw new BadFrame(CODES.INVALID_ARGUMENT, 'There are two messages: send one')
          message = one
        }
      } catch (error) {
        fail(error as Error)
      }
    }
    stream.on('data', take)
    stream.once('end', () => {
      if (message !== undefined && reader.isWhole) resolve(message)
      else fail(new BadFrame(CODES.INVALID_ARGUMENT, 'The message is cut short'))
    })
    stream.once('close', () => reject(new BadFrame(CODES.CANCELLED, 'The caller is gone')))
  })
}

function trailersOf({ code, message, trailers }: Ending): OutgoingHttpHeaders {
  return {
    'grpc-status': String(code),
    ...(message !== undefined && { 'grpc-message': writeMessage(message) }),
    ...trailers,
  }
}

/** What is still being sent is of no use: the sender is told so once the answer is out, which on Node 22 a reset would overtake. */
function dropRest(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return
  const drop = () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
  if (stream.writableFinished) drop()
  else stream.once('finish', drop)
}

/** `grpc-timeout` in milliseconds; undefined where there is none that is valid. */
export function readTimeout(value: unknown): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(value)) ?? []
  return digits === undefined ? undefined : Number(digits) * UNITS_MS[unit as keyof typeof UNITS_MS]
}

const UNITS_MS = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

/** A timeout as `grpc-timeout` holds it: at most eight digits. */
export function writeTimeout(ms: number): string {
  return ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`
}
