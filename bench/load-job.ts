export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

/** One connection: who asks, and for what, over and over. */
export interface Visitor {
  /** Without one nobody in particular asks. */
  readonly token?: string
  /** Asks for what the database has now: `Cache-Control: no-cache`. */
  readonly noCache?: boolean
  readonly requests: readonly Request[]
}

export interface Job {
  readonly url: string
  readonly seconds: number
  readonly visitors: readonly Visitor[]
  /** The lean one: bare sockets in place of autocannon. */
  readonly lean: boolean
  /** Each visitor asks so often (by bare sockets only); else again as soon as it is answered. */
  readonly everyMs?: number
  /** Times are taken from when a request is sent, though it should have been sent before: its connection was still busy. */
  readonly sinceSent?: boolean
}

export interface Outcome {
  /** Answers per second. */
  readonly rate: number
  /** Answers in all, also those that came while the connections were being closed. */
  readonly answers: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What was no 2xx: how often, by status; `error` stands for a connection that broke or timed out. */
  readonly failures: Readonly<Record<string, number>>
  /** The same for each status. */
  readonly byStatus: Readonly<Record<string, StatusTimes>>
  /** When the last answer that was no 2xx came, in milliseconds from the start; 0 when there was none. */
  readonly lastFailureMs: number
  /** CPU-seconds of this process per 1,000 answers: what it takes from the servers it shares the machine with. */
  readonly ownCpu: number
}

export interface StatusTimes {
  readonly answers: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Told of every answer: its status, and how long it took. */
export type Heard = (what: number | 'error', ms: number) => void
