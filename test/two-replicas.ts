import { expect } from 'vitest'
import { type Running, start } from '../src/start/start.ts'
import { databaseSettings, type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'

const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }
/** As in production, where hits are not compared with the database. */
const ENV = { NODE_ENV: 'production', LOG_LEVEL: 'fatal', RATE_LIMIT_MAX: '1000000', RATE_LIMIT_AUTH_MAX: '1000000' }

/** Two replicas of the reference system on the same databases, with one cache by way of Redis. */
export class TwoReplicas {
  readonly urls: readonly [string, string]
  readonly #first: TestSystem
  readonly #second: Running
  #token: string | undefined = undefined

  private constructor(first: TestSystem, second: Running) {
    this.#first = first
    this.#second = second
    this.urls = [first.url, second.url]
  }

  static async start(databaseServer: string, redisUrl: string): Promise<TwoReplicas> {
    const env = { ...ENV, REDIS_URL: redisUrl }
    const admin = { LINTEL_ADMIN_EMAIL: ADMIN.email, LINTEL_ADMIN_PASSWORD: ADMIN.password }
    const first = await testSystem(system, databaseServer, { ...env, ...admin })
    const second = await start(system, { ...env, ...databaseSettings(first.databases), PORT: '0' })
    const replicas = new TwoReplicas(first, second)
    const login = await replicas.ask(0, 'POST', '/auth/login', ADMIN)
    if (login.status !== 200) throw new Error(`the admin was not signed in: ${JSON.stringify(login)}`)
    replicas.#token = login.body.accessToken
    return replicas
  }

  async stop(): Promise<void> {
    await this.#second.stop()
    await this.#first.stop()
  }

  async ask(replica: number, method: string, path: string, body?: unknown): Promise<{ status: number; body: any }> {
    const response = await fetch(this.urls[replica] + path, {
      method,
      headers: {
        ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  async product(): Promise<string> {
    const values = { sku: crypto.randomUUID(), name: '0', category: 'c', price: 1 }
    return (await this.ask(0, 'POST', '/products', values)).body.id
  }

  /** Writes by one replica, then reads by both, of one and of the list; resolves with how many reads were stale. */
  async writeAndRead(pairs: number, workers: number): Promise<number> {
    let done = 0
    let stale = 0
    const worker = async () => {
      const id = await this.product()
      while (done++ < pairs) {
        const [here, there] = done % 2 === 0 ? [0, 1] : [1, 0]
        const name = String(done)
        expect(await this.ask(here!, 'PATCH', `/products/${id}`, { name })).toMatchObject({
          status: 200,
          body: { name },
        })
        const reads = await Promise.all([0, 1].map((replica) => this.ask(replica, 'GET', `/products/${id}`)))
        for (const { body } of reads) if (body.name !== name) stale++
        const { body } = await this.ask(there!, 'GET', '/products?sort=-createdAt&limit=20')
        if (!body.data.some((row: { id: string; name: string }) => row.id === id && row.name === name)) stale++
      }
    }
    await Promise.all(Array.from({ length: workers }, worker))
    return stale
  }
  /**
   * Writes by one replica, and reads by both until they have what was written: over and over until the signal. Resolves with
   * for how long a read was stale after the answer to its write.
   */
  async watchStaleness(workers: number, signal: AbortSignal): Promise<Staleness> {
    let writes = 0
    let staleReads = 0
    let longestMs = 0
    let slowestMs = 0
    const timed = async (...request: Parameters<TwoReplicas['ask']>) => {
      const sentMs = performance.now()
      const answer = await this.ask(...request)
      slowestMs = Math.max(slowestMs, performance.now() - sentMs)
      expect(answer.status).toBe(200)
      return { sentMs, body: answer.body }
    }
    const worker = async () => {
      const id = await this.product()
      while (!signal.aborted) {
        const name = String(++writes)
        await timed(writes % 2, 'PATCH', `/products/${id}`, { name })
        const writtenMs = performance.now()
        const fresh = async (replica: number) => {
          for (;;) {
            const { sentMs, body } = await timed(replica, 'GET', `/products/${id}`)
            if (body.name === name) return
            staleReads++
            longestMs = Math.max(longestMs, sentMs - writtenMs)
          }
        }
        await Promise.all([fresh(0), fresh(1)])
      }
    }
    await Promise.all(Array.from({ length: workers }, worker))
    return { writes, staleReads, longestMs, slowestMs }
  }
}

export interface Staleness {
  readonly writes: number
  readonly staleReads: number
  /** After the answer to the write; 0 where no read was stale. */
  readonly longestMs: number
  /** Until any request was answered. */
  readonly slowestMs: number
}
