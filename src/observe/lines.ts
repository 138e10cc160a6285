import { writeSync } from 'node:fs'

/** Lines of text on a file descriptor, which come out in the order in which they were given. */
export interface Lines {
  /** Writes a line at once, and what was gathered before it. */
  write(line: string): void
  /** Writes a line together with others: once they are 16 KiB, at the latest after 20 ms, or when the process exits. */
  gather(line: string): void
}

export interface LinesOptions {
  /** Whether other processes write there too: no line may come into the middle of another's. */
  readonly shared?: boolean
  readonly writeTo?: (fd: number, bytes: Buffer, from: number, length: number) => number
}

/**
 * A write costs 10 to 20 µs with the wake-up of whoever reads, and the line of a request 1 µs. With one write per turn of the
 * event loop, a gateway that only forwards spent a fifth of its CPU on them.
 */
const GATHER_MS = 20
const MOST_GATHERED = 16_384
const RETRY_MS = 2

const all = new Map<number, Lines>()

/** All that is written to a descriptor goes through one of these, or lines would overtake each other. */
export function linesOn(fd: number, options?: LinesOptions): Lines {
  let lines = all.get(fd)
  if (lines === undefined) {
    lines = createLines(fd, options)
    all.set(fd, lines)
  }
  return lines
}

/**
 * A reader that falls behind makes the writer wait, as with any program that writes to a pipe: nothing is lost, and nothing
 * piles up in memory. Once the reader is gone nothing is written any more. Lines that cannot be written for another reason,
 * such as a full disk, are dropped, and a line says how many as soon as one can.
 */
export function createLines(fd: number, { shared = false, writeTo = writeSync }: LinesOptions = {}): Lines {
  let gathered = ''
  let timer: NodeJS.Timeout | undefined
  let dropped = 0
  let isTorn = false
  let isGone = false

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (gathered === '') return
    const text = gathered
    gathered = ''
    put(text)
  }

  function put(text: string): void {
    if (isGone) return
    const bytes = Buffer.from(dropped === 0 ? text : `${noticeOf(dropped, isTorn)}${text}`)
    let done = 0
    try {
      while (done < bytes.length) done += writeSome(bytes, done)
      dropped = 0
      isTorn = false
    } catch (error) {
      isGone = (error as NodeJS.ErrnoException).code === 'EPIPE'
      dropped += countOf(text)
      if (done > 0) isTorn = true
    }
  }

  /** Returns how many bytes were written; waits for a reader that has no room. */
  function writeSome(bytes: Buffer, from: number): number {
    try {
      return writeTo(fd, bytes, from, shared ? wholeLines(bytes, from) : bytes.length - from)
    } catch (error) {
      if (!MEANS_LATER.has((error as NodeJS.ErrnoException).code!)) throw error
      Atomics.wait(NEVER, 0, 0, RETRY_MS)
      return 0
    }
  }

  process.once('exit', flush)
  return {
    write(line) {
      gathered += line
      flush()
    },
    gather(line) {
      gathered += line
      if (gathered.length >= MOST_GATHERED) flush()
      else timer ??= setTimeout(flush, GATHER_MS)
    },
  }
}

const MEANS_LATER = new Set(['EAGAIN', 'EBUSY', 'EINTR'])
const NEVER = new Int32Array(new SharedArrayBuffer(4))

/** What was written last may have been cut in the middle of a line. */
function noticeOf(dropped: number, isTorn: boolean): string {
  const notice = { level: 50, time: new Date().toISOString(), dropped, msg: 'log lines could not be written' }
  return `${isTorn ? '\n' : ''}${JSON.stringify(notice)}\n`
}

/** What a pipe takes as one piece, whoever else writes to it (POSIX asks for 512, Linux has 4,096). */
const PIPE_BUF = 4096

/** How many bytes of whole lines one write may have; a longer line goes by itself. */
function wholeLines(bytes: Buffer, from: number): number {
  if (bytes.length - from <= PIPE_BUF) return bytes.length - from
  const last = bytes.lastIndexOf(10, from + PIPE_BUF - 1)
  return (last >= from ? last : bytes.indexOf(10, from)) + 1 - from
}

function countOf(text: string): number {
  return text.split('\n').length - 1
}
