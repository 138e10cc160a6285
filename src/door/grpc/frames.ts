/** A message of a gRPC stream that breaks the framing or its bound; `status` is the gRPC code that says so. */
export class BadFrame extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const HEAD_BYTES = 5

/** A message with its head: a byte that says whether it is compressed, and its length. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, HEAD_BYTES)
  return frame
}

/** Takes the bytes of a stream, however they are cut, and gives its messages. Nothing beyond the bound is kept. */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #size = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The messages that are whole now. Throws a BadFrame as soon as a head announces what is not taken. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const messages: Buffer[] = []
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      if (this.#size < HEAD_BYTES + length) break
      const all = this.#joined()
      messages.push(all.subarray(HEAD_BYTES, HEAD_BYTES + length))
      this.#size -= HEAD_BYTES + length
      this.#chunks = this.#size === 0 ? [] : [all.subarray(HEAD_BYTES + length)]
    }
    return messages
  }

  /** Whether the stream may end here. */
  get isWhole(): boolean {
    return this.#size === 0
  }

  #nextLength(): number | undefined {
    if (this.#size < HEAD_BYTES) return undefined
    const head = this.#chunks[0]!.length >= HEAD_BYTES ? this.#chunks[0]! : this.#joined()
    // 12 and 8: UNIMPLEMENTED, RESOURCE_EXHAUSTED.
    if (head[0] !== 0) throw new BadFrame(12, 'The message is compressed: send it as it is')
    const length = head.readUInt32BE(1)
    if (length > this.#maxBytes)
      throw new BadFrame(8, `The message has ${length} bytes: at most ${this.#maxBytes} are accepted`)
    return length
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }
}
