import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface Outcome {
  /** What was asked: the kind of request. */
  readonly kind: string
  /** 0 for a connection that broke. */
  readonly status: number
  readonly ms: number
  /** When it was sent, by `performance.now()`. */
  readonly atMs: number
  readonly detail: string
}

export interface Clients {
  readonly outcomes: readonly Outcome[]
  /** Resolves when what is under way has ended. */
  stop(): Promise<void>
}

export interface ClientsOptions {
  /** How many clients with a connection each that is kept; as many again open one for each request. */
  readonly clients: number
  /** Between two turns of a client. */
  readonly pauseMs: number
}

export interface Sent {
  readonly body?: unknown
  readonly token?: string | undefined
  readonly key?: string | undefined
}

export interface Answer {
  /** 0 for a connection that broke. */
  readonly status: number
  readonly text: string
}

/** Sends one request, and notes what came of it. */
export type Ask = (kind: string, method: string, path: string, sent?: Sent) => Promise<Answer>

/** What a client does at its turn; clients are counted from 0, and so are the turns of each. */
export type Turn = (ask: Ask, client: number, turn: number) => Promise<void>

/** Clients that take one turn after another until they are stopped. */
export function startClients(url: string, { clients, pauseMs }: ClientsOptions, take: Turn): Clients {
  const outcomes: Outcome[] = []
  const stopping = new AbortController()
  let failed: { error: unknown } | undefined
  async function client(agent: Agent, number: number): Promise<void> {
    const noted: Ask = async (kind, method, path, sent = {}) => {
      const atMs = performance.now()
      const { status, text } = await ask(agent, url, method, path, sent).catch((error) => ({
        status: 0,
        text: String(error),
      }))
      const detail = status === 0 || status >= 400 ? text.slice(0, 300) : ''
      outcomes.push({ kind, status, ms: performance.now() - atMs, atMs, detail })
      return { status, text }
    }
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      await take(noted, number, turn)
      await delay(pauseMs * (0.5 + Math.random()))
    }
    agent.destroy()
  }
  const running = Array.from({ length: 2 * clients }, (_, number) =>
    client(new Agent(number < clients ? { keepAlive: true, maxSockets: 1 } : { keepAlive: false }), number).catch(
      (error) => {
        failed ??= { error }
      },
    ),
  )
  return {
    outcomes,
    async stop() {
      stopping.abort()
      await Promise.all(running)
      if (failed !== undefined) throw failed.error
    },
  }
}

/** Rejects when the connection breaks; what a client of node:http does by itself, it does: nothing is sent twice. */
export function ask(agent: Agent, url: string, method: string, path: string, sent: Sent = {}): Promise<Answer> {
  const { body, token, key } = sent
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const answered = (res: IncomingMessage) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => resolve({ status: res.statusCode!, text: Buffer.concat(chunks).toString() }))
    }
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(key !== undefined && { 'idempotency-key': key }),
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    }
    const req = request(url + path, { method, agent, headers }, answered)
    req.setTimeout(20_000, () => req.destroy(new Error('no answer within 20 s')))
    req.on('error', reject)
    req.end(text)
  })
}

/** What no client should have got: a broken connection, or a failure of the server's. */
export function failuresOf({ outcomes }: Pick<Clients, 'outcomes'>): readonly Outcome[] {
  return outcomes.filter(({ status }) => status === 0 || status >= 500)
}

/** Failures, and what is logged of them. */
export function shown(failures: readonly Outcome[], logged: readonly string[] = []): string {
  const lines = failures
    .slice(0, 20)
    .map(
      ({ kind, status, atMs, ms, detail }) =>
        `${atMs.toFixed(0)} ${kind}: ${status} after ${ms.toFixed(0)} ms ${detail}`,
    )
  const ids = failures.flatMap(({ detail }) => /req_\w+/.exec(detail)?.[0] ?? [])
  const about = logged.filter((line) => ids.some((id) => line.includes(id))).slice(0, 40)
  return `${failures.length} failed:\n${[...lines, ...about].join('\n')}`
}
