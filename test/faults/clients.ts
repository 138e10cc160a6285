import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Replica } from './replica.ts'

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }
const PASSWORD = 'staple battery horse correct'

/** What the clients have been told. */
export interface Told {
  /** By idempotency key, the order that was acknowledged. */
  readonly orders: Map<string, string>
  /** Ids of users that are gone, with what they had ordered: to be cancelled. */
  readonly cancelled: Set<string>
  /** Answers that no client should get. */
  readonly wrong: string[]
}

export interface Clients extends Told {
  /** Resolves once every order that was begun is acknowledged. */
  stop(): Promise<void>
}

export interface ClientOptions {
  /** How many order; one more registers, orders and leaves again and again. */
  readonly count: number
  /** Between two orders of a client. */
  readonly pauseMs: number
}

interface Answer {
  readonly status: number
  readonly body: any
}

type Ask = (method: string, path: string, options?: { token?: string; key?: string; body?: object }) => Promise<Answer>

/** Does what a careful client does: the same request with the same key, to whichever replica, until its outcome is known. */
function asker(replicas: readonly Replica[], told: Told): Ask {
  let turn = 0
  return async (method, path, { token, key, body } = {}) => {
    for (;;) {
      const up = replicas.filter((one) => one.up)
      const to = up[turn++ % (up.length || 1)]
      const answer = to && (await send(to.url + path))
      if (answer && answer.status < 500 && !isUnderWay(answer)) return answer
      if (answer && answer.status >= 500 && ![503, 504].includes(answer.status))
        told.wrong.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
      await delay(50)
    }

    async function send(url: string): Promise<Answer | undefined> {
      try {
        const response = await fetch(url, {
          method,
          headers: {
            ...(token && { authorization: `Bearer ${token}` }),
            ...(key && { 'idempotency-key': key }),
            ...(body && { 'content-type': 'application/json' }),
          },
          ...(body && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(20_000),
        })
        const text = await response.text()
        return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
      } catch {
        return undefined
      }
    }
  }
}

/** The first attempt has not ended. */
const isUnderWay = ({ status, body }: Answer) =>
  status === 409 && /IDEMPOTENCY|IN_PROGRESS/.test(body?.error?.code ?? '')

/** Begins when the replicas answer: clients that order until they are stopped. */
export async function startClients(replicas: readonly Replica[], { count, pauseMs }: ClientOptions): Promise<Clients> {
  const told: Told = { orders: new Map(), cancelled: new Set(), wrong: [] }
  const ask = asker(replicas, told)
  let running = true

  async function expect(statuses: readonly number[], ...asked: Parameters<Ask>): Promise<Answer> {
    const answer = await ask(...asked)
    if (!statuses.includes(answer.status))
      told.wrong.push(`${asked[0]} ${asked[1]}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer
  }
  async function logIn(email: string, password: string): Promise<string> {
    const { body } = await expect([200], 'POST', '/auth/login', { body: { email, password } })
    return body.accessToken
  }
  async function register(): Promise<{ id: string; token: string }> {
    const email = `${randomUUID()}@example.com`
    // 409: an attempt whose answer was lost.
    await expect([201, 409], 'POST', '/users', { body: { email, name: 'Ann', password: PASSWORD } })
    const token = await logIn(email, PASSWORD)
    const { body } = await expect([200], 'GET', '/users/me', { token })
    return { id: body.id, token }
  }

  const admin = await logIn(ADMIN.email, ADMIN.password)
  const chai = { sku: randomUUID(), name: 'Chai', category: 'Tea', price: 18, stock: 1_000_000 }
  const { body: product } = await expect([201], 'POST', '/products', { token: admin, key: randomUUID(), body: chai })

  async function order(user: { id: string; token: string }): Promise<string | undefined> {
    const key = randomUUID()
    const { status, body } = await expect([201], 'POST', `/users/${user.id}/orders`, {
      token: user.token,
      key,
      body: { items: [{ productId: product.id, quantity: 1 }] },
    })
    if (status !== 201) return undefined
    told.orders.set(key, body.id)
    return body.id
  }
  /** Some orders go on: their events have to stay behind the first. */
  async function advance(id: string): Promise<void> {
    // 409: an attempt whose answer was lost.
    for (const status of ['paid', 'shipped', 'delivered'])
      await expect([200, 409], 'PATCH', `/orders/${id}`, { token: admin, body: { status } })
  }
  async function buy(): Promise<void> {
    const user = await register()
    for (let i = 0; running; i++) {
      const id = await order(user)
      if (id && i % 4 === 0) await advance(id)
      await delay(pauseMs * (0.5 + Math.random()))
    }
  }
  async function comeAndGo(): Promise<void> {
    while (running) {
      const user = await register()
      const ordered = [await order(user), await order(user)]
      // 401, 404: an attempt whose answer was lost.
      await expect([204, 401, 404], 'DELETE', `/users/${user.id}`, { token: user.token })
      for (const id of ordered) if (id) told.cancelled.add(id)
      await delay(pauseMs * 4)
    }
  }
  const all = Promise.all([comeAndGo(), ...Array.from({ length: count }, buy)])
  all.catch((error) => told.wrong.push(String(error)))
  return {
    ...told,
    async stop() {
      running = false
      await all
    },
  }
}
