import { randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import { ask, type Clients, type ClientsOptions, type Sent, startClients } from './clients.ts'
import { PASSWORD } from './step.ts'

export interface Load extends Clients {
  /** By Idempotency-Key, ids of the orders that were acknowledged. */
  readonly orders: ReadonlyMap<string, string>
  /** Ids of the carts that were acknowledged, which had no key. */
  readonly carts: readonly string[]
}

export interface LoadOptions extends ClientsOptions {
  /** What is asked; all by default. */
  readonly kinds?: readonly Kind[]
}

export type Kind = 'read' | 'own read' | 'keyed write' | 'write' | 'login'

const KINDS: readonly Kind[] = ['read', 'own read', 'keyed write', 'write', 'read', 'login']

interface Buyer {
  readonly id: string
  readonly email: string
  readonly token: string
}

/** Begins when a user and a product are made: clients that read, order and sign in, once each, until they are stopped. */
export async function startLoad(
  url: string,
  admin: { email: string; password: string },
  options: LoadOptions,
): Promise<Load> {
  const { kinds = KINDS } = options
  const orders = new Map<string, string>()
  const carts: string[] = []
  const fresh = new Agent({ keepAlive: false })
  const setUp = async (method: string, path: string, sent: Sent) => {
    const answer = await ask(fresh, url, method, path, sent)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return JSON.parse(answer.text)
  }
  const { accessToken } = await setUp('POST', '/auth/login', { body: admin })
  const tea = { sku: randomUUID(), name: 'Assam', category: 'tea', price: 3, stock: 1_000_000 }
  const product = await setUp('POST', '/products', { body: tea, token: accessToken })
  const email = `${randomUUID()}@example.com`
  const { id } = await setUp('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD } })
  const login = await setUp('POST', '/auth/login', { body: { email, password: PASSWORD } })
  const buyer: Buyer = { id, email, token: login.accessToken }

  const clients = startClients(url, options, async (send, client, turn) => {
    const kind = kinds[(client + turn) % kinds.length]!
    const key = randomUUID()
    const { method, path, ...sent } = requestOf(kind, buyer, product.id, key)
    const { status, text } = await send(kind, method, path, sent)
    if (status !== 201) return
    if (kind === 'write') carts.push(JSON.parse(text).id)
    else orders.set(key, JSON.parse(text).id)
  })
  return { ...clients, orders, carts }
}

function requestOf(kind: Kind, { id, email, token }: Buyer, productId: string, key: string) {
  switch (kind) {
    case 'read':
      return { method: 'GET', path: `/products/${productId}` }
    case 'own read':
      return { method: 'GET', path: '/users/me', token }
    case 'keyed write':
      return { method: 'POST', path: `/users/${id}/orders`, body: { items: [{ productId, quantity: 1 }] }, token, key }
    case 'write':
      return { method: 'POST', path: `/users/${id}/carts`, body: {}, token }
    case 'login':
      return { method: 'POST', path: '/auth/login', body: { email, password: PASSWORD } }
  }
}
