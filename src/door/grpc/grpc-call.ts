import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2'
import { type Answered, Awaited, type Failed, MAX_ANSWER_BYTES, type Waiting } from '../awaited.ts'
import type { Pipe } from '../framed/frames.ts'
import { LINTEL_TYPE, STATUS_HEADER } from './answers.ts'
import { openExchange } from './exchange.ts'
import { FrameReader, frameOf } from './frames.ts'
import { writeTimeout } from './rpc-stream.ts'
import { openSession } from './session.ts'
import { CODES } from './status.ts'

/** A call, as it is sent once. */
export interface SentRpc extends Waiting {
  /** Of the rpc: `/users.v2.UsersService/GetUser`. */
  readonly path: string
  /** Further metadata. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON of the body. */
  readonly body: Uint8Array | undefined
  /** Until its deadline; infinite without one. */
  readonly remainingMs: number
}

/** The way to one replica. Its connection is made with the first call and made again when it is gone; calls share it. */
export interface GrpcConnection {
  /** Opens a connection of its own on which calls go as frames. */
  exchange(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Pipe>
  /** Sends a call once. Never rejects. */
  send(sent: SentRpc): Promise<Answered | Failed>
  destroy(): void
}

const PING_TIMEOUT_MS = 1_000

/** `origin` is like `http://10.0.0.7:5001`. */
export function openGrpcConnection(origin: string): GrpcConnection {
  let session: ClientHttp2Session | undefined
  let destroyed = false

  function current(): ClientHttp2Session {
    if (session === undefined || session.closed || session.destroyed) session = openSession(origin)
    return session
  }

  /** A peer that vanished leaves the connection open: calls would wait in it until their deadlines, one after another. */
  function look(at: ClientHttp2Session): void {
    if (at.destroyed || at.connecting || pinged.has(at)) return
    pinged.add(at)
    const late = setTimeout(() => at.destroy(new Error('the connection is dead')), PING_TIMEOUT_MS).unref()
    at.ping(() => {
      clearTimeout(late)
      pinged.delete(at)
    })
  }

  return {
    exchange: (headers, signal) => openExchange(origin, headers, signal),
    send(sent) {
      return new Promise((resolve) => {
        if (destroyed) return resolve({ kind: 'unsent', cause: new Error('the connection is closed') })
        const at = current()
        new Sending(at, sent, resolve, () => look(at))
      })
    },
    destroy() {
      destroyed = true
      session?.destroy()
    },
  }
}

const pinged = new WeakSet<ClientHttp2Session>()

class Sending extends Awaited {
  readonly #session: ClientHttp2Session
  readonly #late: () => void
  readonly #stream: ClientHttp2Stream | undefined
  readonly #reader = new FrameReader(MAX_ANSWER_BYTES)
  #headers: IncomingHttpHeaders = {}
  #trailers: IncomingHttpHeaders | undefined = undefined
  #message: Uint8Array | undefined = undefined
  #cause: unknown = undefined

  constructor(
    session: ClientHttp2Session,
    sent: SentRpc,
    resolve: (outcome: Answered | Failed) => void,
    late: () => void,
  ) {
    const { path, headers, body, remainingMs } = sent
    super(resolve, sent)
    this.#session = session
    this.#late = late
    try {
      this.#stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': LINTEL_TYPE,
        te: 'trailers',
        ...(remainingMs !== Number.POSITIVE_INFINITY && { 'grpc-timeout': writeTimeout(remainingMs) }),
        ...headers,
        // A proof is for one call: no table of HPACK keeps it (RFC 7541, 7.1.3).
        [sensitiveHeaders]: Object.keys(headers),
      })
    } catch (cause) {
      this.settle({ kind: 'unsent', cause })
      return
    }
    this.#listen(this.#stream)
    this.#stream.end(frameOf(body ?? NOTHING))
  }

  protected cancel(): void {
    this.#stream!.close(constants.NGHTTP2_CANCEL)
    this.#late()
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('response', (headers) => {
      this.#headers = headers
      if (headers['grpc-status'] !== undefined) this.#trailers = headers
    })
    stream.on('data', (chunk: Buffer) => {
      try {
        this.#message = this.#reader.push(chunk).at(-1) ?? this.#message
      } catch (cause) {
        this.settle({ kind: 'lost', cause })
        stream.close(constants.NGHTTP2_CANCEL)
      }
    })
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers
    })
    stream.on('error', (cause) => {
      this.#cause = cause
    })
    stream.on('close', () => this.settle(this.#outcome(stream)))
  }

  #outcome({ rstCode }: ClientHttp2Stream): Answered | Failed {
    if (this.#trailers !== undefined && this.#reader.isWhole) return this.#answered(this.#trailers)
    const cause = this.#cause ?? new Error(`the stream was reset (HTTP/2 code ${rstCode})`)
    // A stream that is refused was not looked at (RFC 9113, 8.7).
    const unsent = !this.#wasConnected || rstCode === constants.NGHTTP2_REFUSED_STREAM
    return { kind: unsent ? 'unsent' : 'lost', cause }
  }

  get #wasConnected(): boolean {
    return this.#stream!.id !== undefined && !this.#session.connecting
  }

  #answered(trailers: IncomingHttpHeaders): Answered {
    const status = this.#headers[STATUS_HEADER]
    const body = this.#message !== undefined && this.#message.length > 0 ? this.#message : undefined
    if (typeof status === 'string') return { kind: 'answered', status: Number(status), headers: this.#headers, body }
    // The door has refused it, or something else answers there.
    const code = Number(trailers['grpc-status'])
    return { kind: 'answered', status: REFUSED[code] ?? 502, headers: {}, body: undefined }
  }
}

const NOTHING = new Uint8Array()

const REFUSED: Readonly<Record<number, number>> = {
  [CODES.UNAUTHENTICATED]: 401,
  [CODES.UNIMPLEMENTED]: 404,
  [CODES.RESOURCE_EXHAUSTED]: 413,
}
