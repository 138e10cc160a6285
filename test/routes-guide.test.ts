import { createHmac, timingSafeEqual } from 'node:crypto'
import { EventEmitter, on } from 'node:events'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { route, service, t } from '../src/contract/index.ts'
import type { Handlers } from '../src/service/handler.ts'
import { Problem, readObject } from '../src/service/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'

/** The examples of docs/guide/routes.md: the last test compares them. */

const paymentHook = route({
  methods: ['POST'],
  path: '/payment-notifications',
  access: 'public',
  credentials: 'own',
  body: { types: ['application/json'], maxBytes: 64 * 1024 },
  answers: { 204: null },
  problems: ['UNAUTHENTICATED'],
  limits: [{ by: 'ip', maxRequests: 1_000, windowMs: 60_000 }],
})
const upload = route({
  methods: ['PUT'],
  path: '/uploads/{name}',
  access: 'public',
  body: { types: ['image/*'], maxBytes: 100 * 1024 ** 2, streamed: true },
  answers: { 200: 'application/json' },
  timeoutMs: 30_000,
})
const news = route({ methods: ['GET'], path: '/news', access: 'public', answers: { 200: 'text/event-stream' } })
const page = route({ methods: ['GET'], path: '/pages/{name}', access: 'public', answers: { 200: 'text/html' } })

const desk = service('desk', {
  routes: { paymentHook, upload, news, page },
  settings: { PAYMENT_SECRET: t.text({ min: 16 }).hidden() },
})

const SECRET = 'a secret of both'
const bus = new EventEmitter()
const escaped = (text: string) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)

async function store(name: string, pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
  expect(name).toBe('photo')
  let bytes = 0
  for await (const piece of pieces) {
    signal.throwIfAborted()
    bytes += piece.length
  }
  return bytes
}

const handlers: Handlers<typeof desk> = {
  async paymentHook({ bytes, headers, json }, { tx, settings }) {
    const expected = createHmac('sha256', settings.PAYMENT_SECRET).update(bytes).digest()
    const given = Buffer.from(headers['x-signature'] ?? '', 'hex')
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new Problem('UNAUTHENTICATED', 'X-Signature is missing or wrong')
    const { id, amount } = readObject({ id: t.text({ max: 100 }), amount: t.integer() }, json())
    await tx.query('insert into payments (id, amount) values ($1, $2) on conflict do nothing', [id, amount])
    return {}
  },

  async upload({ params, stream }, unit) {
    const bytes = await store(params.name, stream, unit.signal)
    return { body: JSON.stringify({ bytes }) }
  },

  async news(_, unit) {
    return { body: newsUntil(unit.signal) }
  },

  async page({ params }) {
    return { headers: { 'content-security-policy': "default-src 'self'" }, body: `<h1>${escaped(params.name)}</h1>` }
  },
}

async function* newsUntil(signal: AbortSignal) {
  yield ': hello\n\n'
  for await (const [text] of on(bus, 'news', { signal })) yield `data: ${JSON.stringify(text)}\n\n`
}

let small: SmallSystem
beforeAll(async () => {
  small = await smallSystem(desk, handlers, 'create table payments (id text primary key, amount int);', {
    PAYMENT_SECRET: SECRET,
  })
})
afterAll(() => small.stop())

test('a webhook is taken with its signature, and not without', async () => {
  const body = '{ "id": "pay_1",  "amount": 5 }'
  const signature = createHmac('sha256', SECRET).update(body).digest('hex')
  const post = (headers: Record<string, string>) =>
    fetch(`${small.url}/payment-notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
  expect((await post({ 'x-signature': signature })).status).toBe(204)
  expect((await post({ 'x-signature': signature })).status).toBe(204)
  expect((await post({})).status).toBe(401)
})

test('an upload is counted as it comes', async () => {
  const body = new Uint8Array(1_000_000)
  const headers = { 'content-type': 'image/png' }
  const response = await fetch(`${small.url}/uploads/photo`, { method: 'PUT', headers, body })
  expect(await response.json()).toEqual({ bytes: 1_000_000 })
})

test('news is sent as there is some', async () => {
  const pieces = (await fetch(`${small.url}/news`)).body!.pipeThrough(new TextDecoderStream()).getReader()
  expect((await pieces.read()).value).toBe(': hello\n\n')
  bus.emit('news', 'one')
  expect((await pieces.read()).value).toBe('data: "one"\n\n')
  await pieces.cancel()
})

test('a page shows what is in its path', async () => {
  expect(await (await fetch(`${small.url}/pages/${encodeURIComponent('<b>')}`)).text()).toBe('<h1>&#60;b&#62;</h1>')
})

test('R-P-2: what a handler takes and returns is typed by its route', () => {
  const wrong: Handlers<typeof desk> = {
    ...handlers,
    // @ts-expect-error: of its answers none has the status 201
    page: async () => ({ status: 201, body: '' }),
    // @ts-expect-error: its body is streamed, and has no bytes
    upload: async ({ bytes }) => ({ body: String(bytes) }),
    // @ts-expect-error: its path has no such parameter
    paymentHook: async ({ params }) => ({ headers: { a: params.id } }),
  }
  expect(Object.keys(wrong)).toEqual(Object.keys(handlers))
})

test('these are the examples of docs/guide/routes.md', async () => {
  const [guide, own] = await Promise.all(
    ['../docs/guide/routes.md', './routes-guide.test.ts'].map((path) =>
      readFile(new URL(path, import.meta.url), 'utf8'),
    ),
  )
  const lines = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim().replace(/^export |,$/g, ''))
      .filter((line) => line !== '')
  const here = new Set(lines(own!))
  const examples = [...guide!.matchAll(/```ts\n(.*?)```/gs)].flatMap(([, code]) => lines(code!))
  expect(examples.length).toBeGreaterThan(40)
  expect(examples.filter((line) => !here.has(line))).toEqual([])
})
