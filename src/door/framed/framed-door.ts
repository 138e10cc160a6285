import type { Reply } from '../../call/call.ts'
import { type DoorAnswer, type Refusing, refusal } from '../door-answer.ts'
import {
  BadFrame,
  CALL,
  CANCEL,
  type CallFrame,
  FrameReader,
  FrameWriter,
  GOING_AWAY,
  MAX_CALLS,
  PING,
  type Pipe,
  PONG,
  readCall,
} from './frames.ts'

/** The connections on which calls come as frames, each opened by somebody with a proof. */
export interface FramedDoor {
  /** Takes a connection, once its client is told that it is taken. False where the door ends. */
  take(pipe: Pipe, opening: Opening): boolean
  /** Asks every client to begin no more calls there: each ends its connection after those under way. Takes no more of them. */
  drain(): void
}

export interface Opening {
  /** Of the client. */
  readonly address: string | undefined
  /** Tells it. */
  accept(): void
}

/** What waits to be read by a caller; beyond it no more of its calls are read. */
const MAX_WAITING_BYTES = 1024 * 1024

/** `serve` answers every call that it is given; a call that is refused too. */
export function createFramedDoor(serve: (frame: CallFrame, via: DoorAnswer) => void): FramedDoor {
  const connections = new Set<FrameWriter>()
  let draining = false

  function take(pipe: Pipe, { address, accept }: Opening): boolean {
    if (draining) return false
    const writer = new FrameWriter(pipe)
    /** By their places; one that is cancelled has none. */
    const calls: (FramedAnswer | undefined)[] = []
    const free = (number: number) => {
      calls[number % MAX_CALLS] = undefined
    }
    const connection = { pipe, address, writer, free }
    const reader = new FrameReader((kind, number, payload) => {
      const place = number % MAX_CALLS
      if (kind === CALL) {
        if (calls[place] !== undefined) throw new BadFrame(`two calls with the place ${place}`)
        const answer = new FramedAnswer(number, connection)
        calls[place] = answer
        serve(readCall(payload), answer)
      } else if (kind === CANCEL) {
        writer.drop(number)
        if (calls[place]?.number === number) calls[place].cancel()
      } else if (kind === PING) writer.signal(PONG)
      else throw new BadFrame(`a frame of the kind ${kind}`)
    })
    const read = (chunk: Buffer) => {
      try {
        reader.push(chunk)
      } catch {
        return void pipe.destroy()
      }
      if (pipe.writableLength > MAX_WAITING_BYTES) {
        pipe.pause()
        pipe.once('drain', () => pipe.resume())
      }
    }
    connections.add(writer)
    pipe.once('close', () => connections.delete(writer))
    pipe.once('end', () => pipe.end())
    accept()
    pipe.on('data', read)
    return true
  }

  return {
    take,
    drain() {
      draining = true
      for (const writer of connections) writer.signal(GOING_AWAY)
    },
  }
}

interface Connection {
  readonly pipe: Pipe
  readonly address: string | undefined
  readonly writer: FrameWriter
  readonly free: (number: number) => void
}

class FramedAnswer implements DoorAnswer {
  readonly number: number
  readonly #connection: Connection
  #isCancelled = false

  constructor(number: number, connection: Connection) {
    this.number = number
    this.#connection = connection
  }

  get address(): string | undefined {
    return this.#connection.address
  }

  answer(status: number, line: string, body: Reply['body']): void {
    if (this.isAbandoned()) return
    const { writer, free } = this.#connection
    free(this.number)
    writer.answer(this.number, status, line, body)
  }

  refuse(code: string, more?: Refusing): void {
    const { status, text } = refusal(code, more)
    this.answer(status, '', text)
  }

  cancel(): void {
    this.#isCancelled = true
    this.#connection.free(this.number)
  }

  isAbandoned(): boolean {
    return this.#isCancelled || this.#connection.pipe.destroyed
  }
}
