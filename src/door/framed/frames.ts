import type { Duplex } from 'node:stream'

/** The protocol that a connection is upgraded to (RFC 9110, 7.8). */
export const PROTOCOL = 'lintel/1'

/**
 * What a frame is. It begins as a message of gRPC does, so that on a stream of gRPC each frame is one. A call and its answer have the
 * number that the caller gave it:
 *
 *     0: 1 byte | length of what follows: 4 | kind: 1 | number: 4 | payload
 *
 *     call    proof: 43 | length of the line: 4 | line | body
 *     answer  status: 2 | length of the line: 4 | line | body; what came before in parts first
 */
export const CALL = 1
export const PART = 2
export const ANSWER = 3
/** Nobody waits for the answer any more. */
export const CANCEL = 4
/** The door ends: no further calls on this connection. */
export const GOING_AWAY = 5
export const PING = 6
export const PONG = 7

/**
 * Calls under way on one connection. A call's place is the end of its number, and no other has it meanwhile; the rest of the
 * number counts, so that what comes late for one call is not taken for the next.
 */
export const MAX_CALLS = 1024
/** Of a call's body: a larger one goes as a request of its own, and an answer in parts, so that small ones don't wait for them. */
export const MAX_PIECE_BYTES = 64 * 1024
/** Of a line: what the door takes as a header. */
export const MAX_LINE_BYTES = 128 * 1024

const PREFIX_BYTES = 5
/** Kind and number. */
const NAME_BYTES = 5
const HEAD_BYTES = PREFIX_BYTES + NAME_BYTES
const PROOF_CHARS = 43
const CALL_HEAD_BYTES = PROOF_CHARS + 4
const ANSWER_HEAD_BYTES = 6
const MAX_PAYLOAD_BYTES = CALL_HEAD_BYTES + MAX_LINE_BYTES + MAX_PIECE_BYTES
const SLAB_BYTES = 64 * 1024
const EMPTY = Buffer.alloc(0)

/** What carries frames both ways: a socket, or a stream of gRPC. */
export type Pipe = Duplex & { setTimeout(timeoutMs: number, idle: () => void): unknown }

/** Where frames go. */
export interface Sink {
  write(bytes: Uint8Array): boolean
  readonly writableNeedDrain: boolean
  readonly destroyed: boolean
  once(event: 'drain', listener: () => void): unknown
}

interface Long {
  readonly number: number
  readonly payload: Buffer
  sent: number
}

/** Writes frames, all of one turn of the event loop at once: a system call costs more than a small call does otherwise. */
export class FrameWriter {
  /** How often frames were handed to the socket: what was added since then is not sent. */
  flushes = 0
  readonly #sink: Sink
  #slab: Buffer = EMPTY
  #from = 0
  #to = 0
  #scheduled = false
  #drains = false
  /** Answers that go in parts, a part of each in turn, as fast as they are read. */
  #long: Long[] = []

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Whether there are frames that were not handed to the socket yet. */
  get isGathering(): boolean {
    return this.#from !== this.#to
  }

  signal(kind: number, number = 0): void {
    this.#begin(kind, number, 0)
  }

  call(number: number, proof: string, line: string, body: Uint8Array = EMPTY): void {
    this.#begin(CALL, number, CALL_HEAD_BYTES + line.length + body.length)
    this.#text(proof)
    this.#line(line)
    this.#slab.set(body, this.#to)
    this.#to += body.length
  }

  answer(number: number, status: number, line: string, body: string | Uint8Array = EMPTY): void {
    const bodyBytes = Buffer.byteLength(body)
    const bytes = ANSWER_HEAD_BYTES + line.length + bodyBytes
    if (bytes > MAX_PIECE_BYTES) {
      this.#answerInParts(number, status, line, body)
      return
    }
    this.#begin(ANSWER, number, bytes)
    this.#to = this.#slab.writeUInt16BE(status, this.#to)
    this.#line(line)
    if (typeof body !== 'string') this.#slab.set(body, this.#to)
    else if (bodyBytes === body.length) this.#slab.write(body, this.#to, 'latin1')
    else this.#slab.write(body, this.#to)
    this.#to += bodyBytes
  }

  /** Sends no more of an answer that nobody waits for. */
  drop(number: number): void {
    if (this.#long.length > 0) this.#long = this.#long.filter((one) => one.number !== number)
  }

  #answerInParts(number: number, status: number, line: string, body: string | Uint8Array): void {
    const head = Buffer.allocUnsafe(ANSWER_HEAD_BYTES)
    head.writeUInt16BE(status, 0)
    head.writeUInt32BE(line.length, 2)
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.#long.push({ number, payload: Buffer.concat([head, Buffer.from(line, 'latin1'), bytes]), sent: 0 })
    this.#schedule()
  }

  /** Makes room for a frame, and writes its head. */
  #begin(kind: number, number: number, payloadBytes: number): void {
    const bytes = HEAD_BYTES + payloadBytes
    if (this.#to + bytes > this.#slab.length) {
      this.#flush()
      this.#slab = Buffer.allocUnsafe(Math.max(bytes, SLAB_BYTES))
      this.#from = this.#to = 0
    }
    this.#to = this.#slab.writeUInt8(0, this.#to)
    this.#to = this.#slab.writeUInt32BE(NAME_BYTES + payloadBytes, this.#to)
    this.#to = this.#slab.writeUInt8(kind, this.#to)
    this.#to = this.#slab.writeUInt32BE(number, this.#to)
    this.#schedule()
  }

  #line(line: string): void {
    this.#to = this.#slab.writeUInt32BE(line.length, this.#to)
    this.#text(line)
  }

  #text(ascii: string): void {
    this.#to += this.#slab.write(ascii, this.#to, 'latin1')
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After everything that this turn has to read: what that brings about goes with it.
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      this.#writeParts()
    })
  }

  #flush(): void {
    if (this.#from === this.#to) return
    this.flushes++
    const bytes = this.#slab.subarray(this.#from, this.#to)
    this.#from = this.#to
    if (!this.#sink.destroyed) this.#sink.write(bytes)
  }

  #writeParts(): void {
    if (this.#long.length === 0 || this.#sink.destroyed) return
    if (this.#sink.writableNeedDrain) {
      this.#awaitDrain()
      return
    }
    for (const one of this.#long) {
      const { number, payload, sent } = one
      one.sent = Math.min(payload.length, sent + MAX_PIECE_BYTES)
      this.#begin(one.sent === payload.length ? ANSWER : PART, number, one.sent - sent)
      this.#slab.set(payload.subarray(sent, one.sent), this.#to)
      this.#to += one.sent - sent
    }
    this.#long = this.#long.filter((one) => one.sent < one.payload.length)
    this.#flush()
  }

  #awaitDrain(): void {
    if (this.#drains) return
    this.#drains = true
    this.#sink.once('drain', () => {
      this.#drains = false
      this.#schedule()
    })
  }
}

/** Takes a frame. Its payload is a part of what was read, and good as long as that. */
export type TakeFrame = (kind: number, number: number, payload: Buffer) => void

/** Bytes that are no frame: whoever sends them speaks something else. */
export class BadFrame extends Error {}

/** Takes bytes, however they are cut, and gives all frames that are whole. Throws a BadFrame before it keeps what is too large. */
export class FrameReader {
  readonly #take: TakeFrame
  #kept: Buffer[] = []
  #keptBytes = 0
  #neededBytes = HEAD_BYTES

  constructor(take: TakeFrame) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    this.#keptBytes += chunk.length
    if (this.#keptBytes < this.#neededBytes) {
      this.#kept.push(chunk)
      return
    }
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([...this.#kept, chunk])
    const end = this.#takeAll(bytes)
    this.#kept = end === bytes.length ? [] : [bytes.subarray(end)]
    this.#keptBytes = bytes.length - end
  }

  /** Returns where the first frame begins that is not whole. */
  #takeAll(bytes: Buffer): number {
    let at = 0
    for (;;) {
      this.#neededBytes = HEAD_BYTES
      if (bytes.length - at < HEAD_BYTES) return at
      const payloadBytes = bytes.readUInt32BE(at + 1) - NAME_BYTES
      if (bytes[at] !== 0 || payloadBytes < 0 || payloadBytes > MAX_PAYLOAD_BYTES)
        throw new BadFrame(`a frame of ${payloadBytes} bytes: at most ${MAX_PAYLOAD_BYTES} are accepted`)
      this.#neededBytes += payloadBytes
      if (bytes.length - at < this.#neededBytes) return at
      const from = at + HEAD_BYTES
      at += this.#neededBytes
      this.#take(bytes[from - 5]!, bytes.readUInt32BE(from - 4), bytes.subarray(from, at))
    }
  }
}

export interface CallFrame {
  readonly proof: string
  readonly line: string
  readonly body: Buffer | undefined
}

export function readCall(payload: Buffer): CallFrame {
  const { line, end } = readLine(payload, PROOF_CHARS)
  return { proof: payload.toString('latin1', 0, PROOF_CHARS), line, body: rest(payload, end) }
}

export interface AnswerFrame {
  readonly status: number
  readonly line: string
  readonly body: Buffer | undefined
}

export function readAnswer(payload: Buffer): AnswerFrame {
  const { line, end } = readLine(payload, 2)
  return { status: payload.readUInt16BE(0), line, body: rest(payload, end) }
}

function readLine(payload: Buffer, at: number): { line: string; end: number } {
  const from = at + 4
  const end = payload.length < from ? Number.POSITIVE_INFINITY : from + payload.readUInt32BE(at)
  if (end > payload.length) throw new BadFrame('a frame that is shorter than it says')
  return { line: payload.toString('latin1', from, end), end }
}

/** An empty body is none. */
function rest(payload: Buffer, at: number): Buffer | undefined {
  return at === payload.length ? undefined : payload.subarray(at)
}
