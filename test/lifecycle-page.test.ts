import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { expect, test } from 'vitest'
import { BOARD, behindGateway, crowded, limited, steps, withoutDatabase } from './lifecycle-servers.ts'
import { reference } from './reference.ts'
import { send, type Wire } from './wire.ts'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const [, gateway = '', service = '', events = ''] = read('docs/lifecycle.md').split(/^## .*$/m)

interface Step {
  readonly name: string
  readonly second: string
  /** Statuses in the last column. */
  readonly fails: readonly number[]
}

function stepsOf(part: string): Step[] {
  return [...part.matchAll(/^\| `.*\|$/gm)].map(([row]) => {
    const [name = '', second = '', ...more] = row.slice(2, -2).split(' | ')
    const fails = more.at(-1)?.match(/\b\d{3}\b/g) ?? []
    return { name: name.slice(1, -1), second, fails: fails.map(Number) }
  })
}

/** What a function calls, in this order, each once, where it stands last: from the line that begins it to the brace that ends it. */
function callsIn(path: string, begin: string): string[] {
  const source = read(path)
  const from = source.indexOf(begin)
  expect(from, `${path}: ${begin}`).toBeGreaterThan(0)
  const indent = /( *)$/.exec(source.slice(0, from))![1]!
  const body = source.slice(from + begin.length, source.indexOf(`\n${indent}}\n`, from)).replaceAll(/\/\/.*$/gm, '')
  const calls = [...body.matchAll(/(?<![\w$.])((?:[\w$]+\??!?\.)*[\w$]+)!?(?:\?\.)?\(/g)].map(([, name]) =>
    name!.replace(/[?!]/g, ''),
  )
  return [...new Set(calls.reverse())].reverse()
}

test('the picture has the statuses of the tables, and no others', () => {
  const picture = read('docs/way-of-a-request.svg')
  for (const [name, part] of Object.entries({ gateway, service })) {
    const group = new RegExp(`<g id="${name}">[\\s\\S]*?</g>`).exec(picture)?.[0] ?? ''
    const shown = [...group.matchAll(/class="code"[^>]*>([\d ]+)</g)].flatMap(([, codes]) =>
      codes!.split(' ').map(Number),
    )
    expect(new Set(shown), name).toEqual(new Set(stepsOf(part).flatMap(({ fails }) => fails)))
  }
})

test('the steps of a request at the gateway are those of `handle`, in this order', () => {
  const besides =
    'if catch switch Exchange hasBody shedder.leave sending.forwarded watch.add watch.delete noteLate noteToken sending.refuse countRefused observe performance.now exchange.record'
  const calls = callsIn('src/gateway/gateway.ts', 'async function handle(').filter(
    (name) => !besides.split(' ').includes(name),
  )
  expect(['http/server', ...calls]).toEqual(stepsOf(gateway).map(({ name }) => name))
})

test('the steps of a request in its service are those of the pipeline, in this order', () => {
  const besides = ['if', 'catch', 'switch', 'Problem', 'assertDeclared', 'notTheCallers']
  const calls = callsIn('src/service/pipeline.ts', 'return async (call) => {').filter((name) => !besides.includes(name))
  expect(calls).toEqual(stepsOf(service).map(({ name }) => name))
})

test('the steps of an event are in the files that the page names, in this order', () => {
  const places = new Map<string, number>()
  for (const { name, second } of stepsOf(events)) {
    const file = second.slice(1, -1)
    const source = read(`src/${file}`)
    const place = new RegExp(`\\b${name.replace('.', '\\.')}(?:\\(|\\b)`, 'g')
    const after = places.get(file) ?? source.lastIndexOf('\nimport ')
    place.lastIndex = after
    const found = place.exec(source)
    expect(found, `${file}: ${name} after the step before it`).not.toBeNull()
    places.set(file, found!.index)
  }
})

const api = reference()

/** A request that fails at the step; or the test that shows the status, and why it is not here. */
type Example = (() => Promise<number>) | { readonly test: string; readonly because: string }

const SLOW = { test: 'test/raw-sockets.slow.test.ts', because: 'the server waits ten seconds or more for a client' }

const asked = async (method: string, path: string, wire: Wire = {}) => (await send(api.url, method, path, wire)).status
const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const nobody = 'usr_01h455vb4pex5vsknk084sn02q'
const noOrder = 'ord_01h455vb4pex5vsknk084sn02q'

function raw(text: string): Promise<number> {
  const { hostname, port } = new URL(api.url)
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write(text))
    socket.on('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(String(data))?.[1]))
    })
  })
}

/** A user of their own with an order, for each question. */
async function withOrder() {
  const ann = await api.user()
  const product = await api.product()
  const body = { items: [{ productId: product.id, quantity: 1 }] }
  const order = (await api.ask('POST', `/users/${ann.id}/orders`, { token: ann.token, body })).body
  return { ann, product, body, order, place: `/users/${ann.id}/orders` }
}

const AT_THE_GATEWAY: Record<string, Record<number, Example>> = {
  'http/server': {
    400: () => raw('NONSENSE\r\n\r\n'),
    408: SLOW,
    431: () => asked('GET', '/products', { headers: { 'x-long': 'x'.repeat(20_000) } }),
  },
  checkFraming: { 400: () => raw('GET /products HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n') },
  answerOptions: {
    400: () => asked('OPTIONS', '/v9/products'),
    404: () => asked('OPTIONS', '/nothing'),
    429: () => limited(({ ask }) => ask('OPTIONS', '/things')),
  },
  locate: { 400: () => asked('GET', '/products//x'), 414: () => asked('GET', `/products?q=${'x'.repeat(9_000)}`) },
  answerBuiltIn: {
    400: () => asked('GET', '/v9/nothing'),
    404: () => asked('GET', '/nothing'),
    405: () => asked('POST', '/health'),
  },
  chooseVersion: { 400: () => asked('GET', '/v9/products') },
  chooseOperation: { 405: () => asked('PATCH', '/products') },
  'shedder.check': { 503: async () => (await crowded()).later },
  identify: {
    401: () => asked('GET', '/products', { headers: bearer('nonsense') }),
    429: () => limited(({ ask, token }) => ask('GET', '/things', { headers: token })),
    503: () =>
      behindGateway(({ ask, token }) => ask('GET', '/things', { headers: token }), { jwks: 'http://127.0.0.1:9/keys' }),
  },
  'limiter.count': { 429: () => limited(({ ask }) => ask('GET', '/things')) },
  refuseLookalike: { 400: () => behindGateway(({ ask }) => ask('GET', '/things/new;x')) },
  requireAccess: {
    401: () => behindGateway(({ ask }) => ask('GET', '/things/7')),
    403: () => behindGateway(({ ask, token }) => ask('GET', '/things/new', { headers: token })),
  },
  'remote.forward': {
    413: () => behindGateway(({ ask }) => ask('POST', '/things', { body: 'x'.repeat(101) })),
    502: () => behindGateway(({ ask }) => ask('POST', '/breaks')),
    503: () => behindGateway(({ ask }) => ask('GET', '/away')),
    504: () => behindGateway(({ ask }) => ask('GET', '/hangs')),
  },
  'routes.serve': {
    400: () => asked('GET', '/auth/password-resets/any', { headers: form, body: 'password=a' }),
    413: () => asked('POST', '/auth/password-resets/any', { headers: form, body: 'x'.repeat(5_000) }),
    415: () => asked('POST', '/auth/password-resets/any', { headers: json, body: '{}' }),
  },
  reachOf: { 401: () => asked('GET', '/users') },
  takeBody: {
    400: () => asked('GET', '/products', { body: '{}' }),
    408: SLOW,
    413: () => asked('POST', '/users', { headers: json, body: 'x'.repeat(1024 * 1024 + 1) }),
    415: () => asked('POST', '/users', { headers: { ...json, 'content-encoding': 'gzip' }, body: '{}' }),
  },
  'shedder.enter': { 503: async () => (await crowded()).earlier },
  'exchange.begin': { 504: () => steps(({ ask }) => ask('PUT', '/hurries', { headers: json, body: '{}' })) },
}

const IN_THE_SERVICE: Record<string, Record<number, Example>> = {
  locate: { 404: () => asked('GET', '/products/prd_5') },
  assertExists: {
    403: async () =>
      asked('DELETE', `/products/${(await api.product()).id}`, { headers: bearer((await api.user()).token) }),
    404: async () =>
      asked('DELETE', '/products/prd_01h455vb4pex5vsknk084sn02q', { headers: bearer((await api.user()).token) }),
  },
  assertOwner: {
    403: async () => {
      const { order } = await withOrder()
      return asked('GET', `/orders/${order.id}`, { headers: bearer((await api.user()).token) })
    },
    404: async () => asked('GET', `/orders/${noOrder}`, { headers: bearer((await api.user()).token) }),
    503: () => withoutDatabase(({ ask }) => ask('GET', `/boards/${BOARD}/cards`)),
  },
  list: {
    400: () => asked('GET', '/products?limit=0'),
    503: () => withoutDatabase(({ ask }) => ask('GET', '/cards')),
  },
  get: {
    400: async () => asked('GET', `/products/${(await api.product()).id}?fields=nothing`),
    404: () => asked('GET', '/products/prd_01h455vb4pex5vsknk084sn02q'),
    412: async () => asked('GET', `/products/${(await api.product()).id}`, { headers: { 'if-match': '"999"' } }),
  },
  serveRoute: {
    400: () => asked('POST', '/auth/password-resets/any', { headers: form, body: new Uint8Array([0xff]) }),
    404: () => asked('POST', '/auth/email-verifications/any'),
  },
  ask: { 400: () => asked('GET', '/.well-known/jwks.json?x=1') },
  write: {
    400: async () => {
      const { ann, place } = await withOrder()
      return asked('POST', place, { headers: { ...json, ...bearer(ann.token) }, body: '{"items":5}' })
    },
    403: async () => {
      const { ann } = await withOrder()
      const headers = { ...json, ...bearer(ann.token) }
      return asked('PATCH', `/users/${ann.id}`, { headers, body: '{"role":"admin"}' })
    },
    404: async () =>
      asked('PATCH', `/users/${nobody}`, { headers: { ...json, ...bearer(api.admin.token) }, body: '{"name":"Ann"}' }),
    409: async () => {
      const product = await api.product()
      const headers = { ...json, ...bearer(api.admin.token) }
      return asked('PATCH', `/products/${product.id}`, { headers, body: '{"stock":5,"version":999}' })
    },
    412: async () => {
      const product = await api.product()
      const headers = { ...json, ...bearer(api.admin.token), 'if-match': '"999"' }
      return asked('PATCH', `/products/${product.id}`, { headers, body: '{"stock":5}' })
    },
    415: async () => {
      const { ann, place } = await withOrder()
      return asked('POST', place, { headers: { 'content-type': 'text/plain', ...bearer(ann.token) }, body: '{}' })
    },
    422: async () => {
      const { ann, place } = await withOrder()
      const body = JSON.stringify({ items: [{ productId: 'prd_01h455vb4pex5vsknk084sn02q', quantity: 1 }] })
      return asked('POST', place, { headers: { ...json, ...bearer(ann.token) }, body })
    },
    428: () => steps(({ ask }) => ask('PATCH', `/boards/${BOARD}`, { headers: json, body: '{"name":"Done"}' })),
  },
}

describeExamples('at the gateway', gateway, AT_THE_GATEWAY)
describeExamples('in the service', service, IN_THE_SERVICE)

function describeExamples(where: string, part: string, examples: Record<string, Record<number, Example>>) {
  for (const { name, fails } of stepsOf(part))
    test(`${where} \`${name}\` may fail with ${fails.join(', ') || 'nothing'}`, async () => {
      const own = examples[name] ?? {}
      expect(Object.keys(own).map(Number)).toEqual(fails)
      for (const [status, example] of Object.entries(own))
        if (typeof example === 'function') expect(await example()).toBe(Number(status))
        else expect(read(example.test), `${example.test} shows ${status}: ${example.because}`).toContain(status)
    })
}
