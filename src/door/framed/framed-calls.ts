import { REPLY_HEADER } from '../../call/call-head.ts'
import { type Answered, Awaited, type Failed, MAX_ANSWER_BYTES, TOO_LARGE, type Waiting } from '../awaited.ts'
import {
  ANSWER,
  BadFrame,
  CANCEL,
  FrameReader,
  FrameWriter,
  GOING_AWAY,
  MAX_CALLS,
  MAX_LINE_BYTES,
  MAX_PIECE_BYTES,
  PART,
  PING,
  type Pipe,
  PONG,
  readAnswer,
} from './frames.ts'

/** A call, as it is sent once. */
export interface SentFrame extends Waiting {
  readonly line: string
  readonly proof: string
  readonly body: Uint8Array | undefined
}

/** The connections to one replica on which calls go as frames; made when calls come, and made again when they are gone. */
export interface FramedCalls {
  /** Sends a call once; never rejects. Undefined where it has to go as a request of its own: none is open, or it does not fit. */
  send(sent: SentFrame): Promise<Answered | Failed> | undefined
  destroy(): void
}

export interface FramedCallsOptions {
  /** Opens a connection, with a proof of who does. Rejects where there is none to be had, or the signal is aborted. */
  readonly open: (signal: AbortSignal) => Promise<Pipe>
  /** The door ends. */
  readonly goingAway: () => void
}

const CONNECT_TIMEOUT_MS = 1_000
/** Between two attempts to open one. A door of an older build, or a proxy that does not pass them on, costs a request a second. */
const AGAIN_MS = 1_000
/** Behind one address may be several processes, and more of them later: calls don't stay with one. */
const MAX_AGE_MS = 60_000
/** Calls under way on each connection, from which on another is opened: perhaps to another of those processes. */
const BUSY_CALLS = 32
const MOST_CONNECTIONS = 4
/** Shorter than what balancers keep an idle connection for. */
const IDLE_MS = 30_000
const PING_TIMEOUT_MS = 1_000
/** What waits to be read by the other side; beyond it calls go as requests of their own. */
const MAX_WAITING_BYTES = 1024 * 1024

export function openFramedCalls({ open: openPipe, goingAway }: FramedCallsOptions): FramedCalls {
  const all = new Set<Connection>()
  let againMs = 0
  let opening = false
  let destroyed = false

  async function open(): Promise<void> {
    opening = true
    try {
      const pipe = await openPipe(AbortSignal.timeout(CONNECT_TIMEOUT_MS))
      if (destroyed) return void pipe.destroy()
      for (const one of all) if (isOld(one)) one.leave()
      const opened = new Connection(pipe, goingAway)
      all.add(opened)
      pipe.once('close', () => all.delete(opened))
    } catch {
      // Why there is none, the call shows that goes as a request.
    } finally {
      againMs = performance.now() + AGAIN_MS
      opening = false
    }
  }

  /**
   * The one that has calls to write already, while it is not busy: what goes out in one write costs both sides less than what is
   * spread over several. Else the one with the fewest calls under way; opens another where that is wanted.
   */
  function choose(): Connection | undefined {
    let best: Connection | undefined
    let gathering: Connection | undefined
    let count = 0
    let hasOld = false
    for (const one of all) {
      if (!one.isOpen) continue
      count++
      hasOld ||= isOld(one)
      if (best === undefined || one.underWay < best.underWay) best = one
      if (one.isGathering && one.underWay < BUSY_CALLS) gathering = one
    }
    const isWanted = best === undefined || hasOld || (best.underWay >= BUSY_CALLS && count < MOST_CONNECTIONS)
    if (isWanted && !opening && performance.now() >= againMs && !destroyed) void open()
    return gathering ?? best
  }

  return {
    send(sent) {
      const connection = choose()
      return connection?.takesCalls && fits(sent) ? connection.send(sent) : undefined
    },
    destroy() {
      destroyed = true
      for (const one of all) one.destroy()
    },
  }
}

function isOld({ openedMs }: Connection): boolean {
  return performance.now() - openedMs > MAX_AGE_MS
}

function fits({ line, body }: SentFrame): boolean {
  return line.length <= MAX_LINE_BYTES && (body === undefined || body.length <= MAX_PIECE_BYTES)
}

class Connection {
  readonly openedMs = performance.now()
  readonly #pipe: Pipe
  readonly #writer: FrameWriter
  readonly #goingAway: () => void
  /** By their places. */
  readonly #calls: (Sending | undefined)[] = []
  readonly #free: number[] = []
  underWay = 0
  #count = 0
  #leaving = false
  #silence: NodeJS.Timeout | undefined = undefined
  #cause: Error | undefined = undefined

  constructor(pipe: Pipe, goingAway: () => void) {
    this.#pipe = pipe
    this.#goingAway = goingAway
    this.#writer = new FrameWriter(pipe)
    const reader = new FrameReader((kind, number, payload) => this.#take(kind, number, payload))
    pipe.setTimeout(IDLE_MS, () => this.#endIfIdle())
    pipe.on('data', (chunk) => {
      clearTimeout(this.#silence)
      this.#silence = undefined
      try {
        reader.push(chunk)
      } catch (error) {
        pipe.destroy(error as Error)
      }
    })
    pipe.on('error', (error) => {
      this.#cause = error
    })
    pipe.once('end', () => pipe.end())
    pipe.once('close', () => this.#closed())
  }

  get isOpen(): boolean {
    return !this.#leaving && this.#pipe.writable
  }

  /** It has frames that go out at the end of this turn of the event loop. */
  get isGathering(): boolean {
    return this.#writer.isGathering
  }

  get takesCalls(): boolean {
    return this.isOpen && this.underWay < MAX_CALLS && this.#pipe.writableLength <= MAX_WAITING_BYTES
  }

  send({ line, proof, body, ...waiting }: SentFrame): Promise<Answered | Failed> {
    return new Promise((resolve) => {
      const place = this.#free.pop() ?? this.underWay
      this.#count++
      const number = ((this.#count * MAX_CALLS) | place) >>> 0
      this.#calls[place] = new Sending(resolve, waiting, { connection: this, number, turn: this.#writer.flushes })
      this.underWay++
      this.#writer.call(number, proof, line, body)
    })
  }

  /** No further calls; it ends with those under way. */
  leave(): void {
    this.#leaving = true
    this.#endIfIdle()
  }

  destroy(): void {
    this.#pipe.destroy()
  }

  /** Nobody waits for it any more: the other side is told, and has to show that it is still there. */
  cancel(call: Sending): void {
    if (this.#pipe.destroyed) return
    this.release(call)
    this.#writer.signal(CANCEL, call.number)
    this.#look()
  }

  release({ number }: Sending): void {
    this.#calls[number % MAX_CALLS] = undefined
    this.#free.push(number % MAX_CALLS)
    this.underWay--
    if (this.#leaving) this.#endIfIdle()
  }

  #take(kind: number, number: number, payload: Buffer): void {
    if (kind === ANSWER) this.#found(number)?.answer(payload)
    else if (kind === PART) this.#found(number)?.keep(payload)
    else if (kind === GOING_AWAY) {
      this.#goingAway()
      this.leave()
    } else if (kind !== PONG) throw new BadFrame(`a frame of the kind ${kind}`)
  }

  /** Undefined where nobody waits for it any more. */
  #found(number: number): Sending | undefined {
    const call = this.#calls[number % MAX_CALLS]
    return call?.number === number ? call : undefined
  }

  /** A peer that vanished, or is frozen, leaves the connection open: calls would wait on it until their deadlines, one after another. */
  #look(): void {
    if (this.#silence !== undefined) return
    this.#silence = setTimeout(() => this.#pipe.destroy(new Error('the connection is dead')), PING_TIMEOUT_MS).unref()
    this.#writer.signal(PING)
  }

  #endIfIdle(): void {
    if (this.underWay > 0) return
    this.#leaving = true
    this.#pipe.end()
  }

  /** What was written may have arrived. */
  #closed(): void {
    clearTimeout(this.#silence)
    const cause = this.#cause ?? new Error('the connection was closed')
    for (const call of this.#calls)
      call?.settle({ kind: call.turn === this.#writer.flushes ? 'unsent' : 'lost', cause })
  }
}

class Sending extends Awaited {
  readonly number: number
  /** It is written with the flush after this one. */
  readonly turn: number
  readonly #connection: Connection
  #parts: Buffer[] = []
  #bytes = 0

  constructor(
    resolve: (outcome: Answered | Failed) => void,
    waiting: Waiting,
    { connection, number, turn }: { connection: Connection; number: number; turn: number },
  ) {
    super(resolve, waiting)
    this.#connection = connection
    this.number = number
    this.turn = turn
  }

  protected cancel(): void {
    this.#connection.cancel(this)
  }

  keep(part: Buffer): void {
    this.#parts.push(part)
    this.#bytes += part.length
    if (this.#bytes <= MAX_ANSWER_BYTES) return
    this.settle({ kind: 'lost', cause: TOO_LARGE })
    this.cancel()
  }

  answer(last: Buffer): void {
    const { status, line, body } = readAnswer(this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]))
    this.#connection.release(this)
    this.settle({ kind: 'answered', status, headers: line === '' ? NONE : { [REPLY_HEADER]: line }, body })
  }
}

const NONE = {}
