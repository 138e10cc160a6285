import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { lineTotal, sum } from 'lintel/money'

/**
 * A system for the import's tests: the part of the public API that the import uses, in memory, with the failures that a
 * real one shows at its worst moments.
 */
export interface StandIn {
  readonly url: string
  readonly users: Map<string, Thing>
  readonly products: Map<string, Thing>
  readonly orders: Map<string, Thing>
  /** Requests by method and template, `POST /v1/users/{}/orders`. */
  readonly counts: Map<string, number>
  /** Called before a request is handled; answers a failure in its place. */
  before: (place: string, count: number) => Failure | undefined
  /** Tokens given so far are expired now. */
  expireTokens(): void
  /** What is kept for idempotency keys is forgotten, as after a day. */
  forgetKeys(): void
  /** Every connection breaks and none is taken, as by kill -9; what was done stays. */
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export type Failure =
  | { kind: 'answer'; status: number; code: string; headers?: Record<string, string> }
  /** It is done, and the answer is lost. */
  | { kind: 'lose' }

export type Thing = Record<string, any> & { id: string }

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' }

export async function standIn(options: { admin?: boolean } = {}): Promise<StandIn> {
  let tokens = new Set<string>()
  let kept = new Map<string, unknown>()
  let serial = 0
  let port = 0
  let server = createServer()
  const sockets = new Set<Socket>()

  const open = async () => {
    server = createServer((request, response) => void answer(request, response))
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const kill = async () => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }

  const it: StandIn = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    users: new Map(),
    products: new Map(),
    orders: new Map(),
    counts: new Map(),
    before: () => undefined,
    expireTokens: () => {
      tokens = new Set()
    },
    forgetKeys: () => {
      kept = new Map()
    },
    kill,
    restart: open,
    close: kill,
  }
  await open()
  return it

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url!, 'http://stand-in')
    const place = `${request.method} ${url.pathname.replace(/usr_\d+/, '{}')}`
    const count = (it.counts.get(place) ?? 0) + 1
    it.counts.set(place, count)
    let text = ''
    try {
      for await (const chunk of request.setEncoding('utf8')) text += chunk
    } catch {
      return
    }
    const failure = it.before(place, count)
    const [status, body] =
      failure?.kind === 'answer'
        ? [failure.status, problem(failure.code)]
        : handle(place, url, request.headers, text === '' ? undefined : JSON.parse(text))
    if (failure?.kind === 'lose' || response.destroyed) return void response.destroy()
    const headers = failure?.kind === 'answer' ? failure.headers : {}
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

  function handle(place: string, url: URL, headers: IncomingMessage['headers'], body: any): [number, unknown] {
    if (place === 'POST /v2/auth/login') {
      if (body.email !== ADMIN.email || body.password !== ADMIN.password) return [401, problem('INVALID_CREDENTIALS')]
      tokens.add(`token-${++serial}`)
      return [200, { accessToken: `token-${serial}`, tokenType: 'Bearer', expiresIn: 900 }]
    }
    if (!tokens.has(headers.authorization?.replace('Bearer ', '') ?? '')) return [401, problem('TOKEN_EXPIRED')]
    if (options.admin === false) return [403, problem('FORBIDDEN')]
    const given = Object.fromEntries(url.searchParams)
    switch (place) {
      case 'GET /v2/users':
        return page(
          [...it.users.values()].filter(({ email }) => url.searchParams.getAll('email').includes(email)),
          given,
        )
      case 'GET /v1/products':
        return page(
          [...it.products.values()].filter(({ sku, name }) => (sku + name).includes(given.q!)),
          given,
        )
      case 'GET /v1/orders': {
        const inWindow = ({ placedAt }: Thing) => placedAt > given.placedAfter! && placedAt < given.placedBefore!
        return page([...it.orders.values()].filter(inWindow), given)
      }
      case 'POST /v2/users':
        if ([...it.users.values()].some(({ email }) => email === body.email)) return [409, problem('DUPLICATE')]
        return [201, add(it.users, 'usr', body)]
      case 'POST /v1/products':
        if ([...it.products.values()].some(({ sku }) => sku === body.sku)) return [409, problem('DUPLICATE')]
        return [201, add(it.products, 'prd', body)]
      case 'POST /v1/users/{}/orders': {
        const key = headers['idempotency-key'] as string
        if (!kept.has(key)) kept.set(key, add(it.orders, 'ord', orderOf(url.pathname.split('/')[3]!, body)))
        return [201, kept.get(key)]
      }
      default:
        return [404, problem('NOT_FOUND')]
    }
  }

  function orderOf(userId: string, { items, placedAt }: { items: any[]; placedAt: string }) {
    const lines = items.map((item) => ({
      ...item,
      sku: it.products.get(item.productId)!.sku,
      lineTotal: lineTotal(item.unitPrice, item.quantity, item.discount),
    }))
    return { userId, placedAt, items: lines, total: sum(lines.map((line) => line.lineTotal)) }
  }

  function add(things: Map<string, Thing>, prefix: string, values: object): Thing {
    const thing = { id: `${prefix}_${++serial}`, ...values }
    things.set(thing.id, thing)
    return thing
  }

  function page(things: Thing[], { cursor = '0', limit = '20' }: Record<string, string>): [number, unknown] {
    const end = Number(cursor) + Number(limit)
    const nextCursor = end < things.length ? String(end) : null
    const pagination = { total: null, limit: Number(limit), hasMore: nextCursor !== null, nextCursor }
    return [200, { data: things.slice(Number(cursor), end), pagination }]
  }
}

function problem(code: string) {
  return { error: { code, message: `It is ${code}`, requestId: 'r-1' } }
}
