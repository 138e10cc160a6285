import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { ANONYMOUS, type Caller, serviceCaller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Call, Context, Port } from '../call/call.ts'
import { CALL_HEADER, type CallHead, PROOF_HEADER, writeCallHead } from '../call/call-head.ts'
import { OwnContext } from '../call/context.ts'
import { guard } from '../call/guard.ts'
import type { ServiceHealth } from '../call/health.ts'
import { createProofs, digestOf } from '../call/proof.ts'
import type { Contract } from '../contract/contract.ts'
import { inProgress } from '../data/idempotency.ts'
import { createHttpServer } from '../http/server.ts'
import { policyOf, type RateLimitResult } from '../limits/headers.ts'
import { createSecurityLog } from '../observe/security-log.ts'
import { createDoor } from './door.ts'
import { type FarServiceOptions, openFarService } from './far-service.ts'
import { servedContract } from './greeting.ts'

const [KEY, OTHER] = ['k'.repeat(32), 'o'.repeat(32)]
const proofs = createProofs([KEY])
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const USER: Caller = {
  kind: 'user',
  id: 'usr_01h455vb4pex5vsknk084sn02q',
  email: 'jürgen@example.com',
  roles: ['member'],
  sid: 'ses_1',
  issuedAtMs: 0,
  expiresAtMs: 1,
}

async function doorOf(
  port: Port,
  {
    contract = orders as Contract,
    keys = [KEY],
    system = 'shop',
    health = async (): Promise<ServiceHealth> => ({ status: 'healthy', checks: { database: { status: 'up' } } }),
  } = {},
) {
  const lines: object[] = []
  const keep = { info: (about: object) => lines.push(about), warn: (about: object) => lines.push(about) }
  const services = [{ name: contract.name, contract, port, health }]
  const security = createSecurityLog(keep)
  const door = createDoor({ system, services, proofs: createProofs(keys), log: SILENT, security })
  const server = createHttpServer(door.handle, { upgrade: door.upgrade })
  const { port: at } = await server.listen({ host: '127.0.0.1', port: 0 })
  const stop = () => server.close({ timeoutMs: 0 })
  onTestFinished(async () => void (await stop()))
  return { url: new URL(`http://127.0.0.1:${at}`), lines, door, stop }
}

async function far(urls: readonly URL[], options: Partial<FarServiceOptions> = {}, contract: Contract = orders) {
  const opened = await openFarService(contract, { system: 'shop', urls, proofs, log: SILENT, ...options })
  onTestFinished(() => opened.close())
  return opened
}

const HEALTHY: ServiceHealth = { status: 'healthy', checks: {} }

function contextOf(caller: Caller, signal?: AbortSignal, rateLimits?: RateLimitResult[]): Context {
  const { requestId, trace, deadline, log, signal: own } = new OwnContext(signal)
  return { requestId, trace, deadline, log, signal: own, caller, rateLimits }
}

function callOf(context: Context, more: Partial<Call> = {}): Call {
  return {
    operation: 'orders.orders.get',
    method: 'GET',
    version: 1,
    params: ['ord_1'],
    query: [['fields', 'ä']],
    path: '/v1/orders/ord_1',
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context,
    ...more,
  }
}

const ok: Port = async () => ({ status: 200, headers: {}, body: '{}' })

test.each([
  ['orders', orders as Contract],
  ['users', users as Contract],
])(
  'R-GW-2: of %s every operation, internal ones too, refuses a call without a proof, and with a forged, altered, old or presumptuous one',
  async (name, contract) => {
    const port = vi.fn(ok)
    const { url, lines } = await doorOf(port, { contract })
    let firstId: string | undefined
    const body = new TextEncoder().encode('{"a":1}')
    const passage = { to: `shop/${name}`, from: 'gateway', contract: servedContract(contract).hash }
    const send = async (head: string | undefined, proof: string | undefined, sent: Uint8Array = body) => {
      const headers = { ...(head && { [CALL_HEADER]: head }), ...(proof && { [PROOF_HEADER]: proof }) }
      const answer = await fetch(new URL('/call', url), { method: 'POST', headers, body: sent as never })
      return { status: answer.status, text: await answer.text() }
    }
    for (const { id: operation, method, params } of contract.served) {
      const call = callOf(contextOf(USER), { operation, method, params: params.map(() => 'ord_1') })
      const head = writeCallHead(call, passage, digestOf(body))
      const edited = (more: Partial<CallHead>) => JSON.stringify({ ...JSON.parse(head), ...more })
      const proven = (text: string) => [text, proofs.sign(text)] as const
      const refused = [
        await send(undefined, undefined),
        await send(head, undefined),
        await send(head, 'AAAA'),
        await send(head, createProofs([OTHER]).sign(head)),
        await send(edited({ operation: 'orders.orders.list' }), proofs.sign(head)),
        await send(edited({ caller: { ...USER, roles: ['admin'] } as Caller }), proofs.sign(head)),
        await send(...proven(head), new TextEncoder().encode('{"a":2}')),
        await send(...proven(edited({ atMs: Date.now() - 31_000 }))),
        await send(...proven(edited({ atMs: Date.now() + 31_000 }))),
        await send(...proven(edited({ from: 'orders' }))),
        await send(...proven(edited({ from: 'orders', caller: serviceCaller('users') }))),
        await send(...proven(edited({ caller: serviceCaller('orders') }))),
      ]
      for (const { status, text } of refused) {
        expect([operation, status]).toEqual([operation, 401])
        expect(JSON.parse(text)).toMatchObject({
          error: { code: 'UNAUTHENTICATED', requestId: expect.stringMatching(/^req_\w+$/) },
        })
      }
      firstId ??= JSON.parse(refused[0]!.text).error.requestId
      expect((await send(...proven(edited({ to: 'shop/payments' })))).status).toBe(421)
      expect(port).not.toHaveBeenCalled()
      expect((await send(...proven(head))).status).toBe(200)
      expect(port).toHaveBeenCalledOnce()
      port.mockClear()
    }
    expect(lines).toContainEqual(expect.objectContaining({ security: 'call.rejected', reason: 'it has no proof' }))
    expect(lines).toContainEqual(expect.objectContaining({ requestId: firstId }))
    expect(lines).toContainEqual(
      expect.objectContaining({ security: 'call.rejected', reason: expect.stringContaining('orders may not call as') }),
    )
    for (const age of ['its proof is 31 s old', 'its proof is 31 s ahead of the clock here'])
      expect(lines).toContainEqual(expect.objectContaining({ reason: expect.stringContaining(age) }))
  },
  60_000,
)

/** Sends a head that is proven, with these members instead of what a call of a GET has. */
async function sendHead(url: URL, more: object | string) {
  const passage = { to: 'shop/orders', from: 'gateway' }
  const good: CallHead = JSON.parse(writeCallHead(callOf(contextOf(USER)), passage, undefined))
  const head = typeof more === 'string' ? more : JSON.stringify({ ...good, ...more })
  const answer = await fetch(new URL('/call', url), {
    method: 'POST',
    headers: { [CALL_HEADER]: head, [PROOF_HEADER]: proofs.sign(head) },
  })
  return { status: answer.status, problem: await answer.json() }
}

test('R-CALL-1: a proven head with a wrong member is a 400 that names the member, and nothing is called', async () => {
  const port = vi.fn(ok)
  const { url, lines } = await doorOf(port)
  const user = (more: object) => ({ caller: { ...USER, ...more } })
  const wrong: Record<string, unknown[]> = {
    query: [[5], [['a']], [['a', 5]], [['a', 'b', 'c']], [['a', 'b', [5]]], [['a', 'b', [], 'd']], 'a=b', null, {}],
    version: [0, -1, 1.5, '1', null, 1e300],
    params: [[], [5], 'ord_1', null, [null]],
    method: ['TRACE', 'get', '', 5, null],
    path: [5, null],
    operation: [5, null, {}],
    to: [5, null],
    from: [5, null],
    requestId: [5, null, '', 'a"b', 'a b', 'x'.repeat(65)],
    caller: [5, null, 'usr', [], {}, { kind: 'root' }, { kind: 'service' }, { kind: 'service', name: 5 }],
    remainingMs: ['x', null, {}, '5'],
    atMs: ['x', null, {}],
    noCache: [1, 'true', null],
  }
  for (const name of [
    'ifNoneMatch',
    'ifMatch',
    'contentType',
    'idempotencyKey',
    'contract',
    'digest',
    'actor',
    'address',
  ])
    wrong[name] = [{}, 5, null, ['a']]
  for (const name of ['traceparent', 'tracestate']) wrong[name] = [{}, 5, null]
  const cases = Object.entries(wrong).flatMap(([name, all]) => all.map((one) => [name, { [name]: one }] as const))
  cases.push(
    ...[{ id: 5 }, { roles: 'admin' }, { roles: [5] }, { sid: null }, { email: {} }].map(
      (one) => ['caller', user(one)] as const,
    ),
  )
  cases.push(...[{ issuedAtMs: '0' }, { expiresAtMs: null }].map((one) => ['caller', user(one)] as const))
  for (const [field, more] of cases)
    expect([more, await sendHead(url, more)]).toMatchObject([
      more,
      { status: 400, problem: { error: { code: 'VALIDATION_ERROR', details: [{ field }] } } },
    ])
  for (const line of ['{', '[]', 'null', '5', '"a"'])
    expect(await sendHead(url, line)).toMatchObject({
      status: 400,
      problem: { error: { details: [{ field: CALL_HEADER }] } },
    })
  expect(port).not.toHaveBeenCalled()
  expect(lines).toContainEqual(
    expect.objectContaining({ security: 'call.rejected', reason: 'version of its head must be a whole number from 1' }),
  )
  for (const good of [
    {},
    { method: 'HEAD' },
    { caller: undefined },
    { caller: { kind: 'anonymous' } },
    { remainingMs: 500.5 },
    { version: 99 },
    { query: [['id', 'a,b', ['a', 'b']]] },
  ])
    expect((await sendHead(url, good)).status).toBe(200)
})

test('R-P-7: a call that arrives with no time left is a 504, and not begun', async () => {
  const port = vi.fn(ok)
  const { url } = await doorOf(port)
  for (const remainingMs of [0, -5])
    for (const operation of ['orders.orders.get', 'orders.orders.update'])
      expect(
        await sendHead(url, { remainingMs, operation, ...(operation.endsWith('update') && { method: 'PATCH' }) }),
      ).toMatchObject({
        status: 504,
        problem: { code: 'GATEWAY_TIMEOUT' },
      })
  expect(port).not.toHaveBeenCalled()
})

test('R-GW-2: with two keys at once the first makes proofs and both are accepted, so that a key is replaced without a failure', async () => {
  const { url } = await doorOf(ok, { keys: [OTHER, KEY] })
  for (const keys of [[KEY], [OTHER], [OTHER, KEY]])
    expect(await (await far([url], { proofs: createProofs(keys) })).port(callOf(contextOf(USER)))).toMatchObject({
      status: 200,
    })
  const stranger = (await far([url], { proofs: createProofs(['s'.repeat(32)]) })).port(callOf(contextOf(USER)))
  await expect(stranger).rejects.toThrow(/LINTEL_INTERNAL_KEY must be the same there/)
})

test('R-GW-1: beside calls the door shows only whether it is well, and that without its checks', async () => {
  const { url, door } = await doorOf(ok)
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(new URL(path, url), { method })
    return [answer.status, await answer.json()]
  }
  expect(await get('/health')).toEqual([200, { status: 'healthy' }])
  expect(await get('/health/live')).toEqual([200, { status: 'live' }])
  expect(await get('/health/ready')).toEqual([200, { status: 'ready' }])
  door.drain()
  expect(await get('/health/ready')).toEqual([503, { status: 'draining' }])
  expect((await fetch(new URL('/health/live', url), { method: 'HEAD' })).status).toBe(200)
  for (const path of [
    '/',
    '/v1/orders',
    '/metrics',
    '/openapi.json',
    '/dev/mails',
    '/call',
    '/checks',
    '/health/database',
  ])
    expect(await get(path)).toMatchObject([404, { error: { code: 'NOT_FOUND' } }])
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
    expect((await get('/v1/orders', method))[0]).toBe(404)
  expect((await get('/checks', 'POST'))[0]).toBe(401)
  expect(await (await far([url])).health()).toMatchObject({ status: 'healthy', checks: { database: { status: 'up' } } })
})

test('R-OPS-1: a storm of probes at the door is one look at what its services need', async () => {
  const health = vi.fn(async (): Promise<ServiceHealth> => ({ status: 'unhealthy', checks: {} }))
  const { url } = await doorOf(ok, { health })
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
  onTestFinished(() => now.mockRestore())
  const probe = async (path: string) => (await fetch(new URL(path, url))).status
  const paths = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? '/health' : '/health/ready'))
  expect(new Set(await Promise.all(paths.map(probe)))).toEqual(new Set([503]))
  expect(health).toHaveBeenCalledOnce()
})

test('R-OPS-1: a service whose health hangs or cannot be told is unhealthy, in time, and is not asked again while it hangs', async () => {
  const now = vi.spyOn(performance, 'now')
  onTestFinished(() => now.mockRestore())
  const hangs = vi.fn(() => new Promise<ServiceHealth>(() => {}))
  const breaks = vi.fn(() => Promise.reject<ServiceHealth>(new Error('it broke')))
  const doors = [await doorOf(ok, { health: hangs }), await doorOf(ok, { health: breaks })]
  const ready = async ({ url }: { url: URL }) => {
    const answer = await fetch(new URL('/health/ready', url))
    return [answer.status, await answer.json()]
  }
  for (let i = 0; i < 2; i++) {
    for (const one of doors) expect(await ready(one)).toEqual([503, { status: 'unhealthy' }])
    now.mockReturnValue(performance.now() + 1_001)
  }
  expect(hangs).toHaveBeenCalledOnce()
  expect(breaks).toHaveBeenCalledTimes(2)
})

test('R-CALL-1: what a service is given and returns is the same as in one process: context, body, reply, limits', async () => {
  let seen: Call | undefined
  const bucket: RateLimitResult = {
    policy: policyOf('orders.x', 5, 60_000),
    cost: 1,
    taken: { allowed: true, remaining: 4, fullInMs: 12_000, retryInMs: 0 },
  }
  const { url } = await doorOf(async (call) => {
    seen = call
    call.context.rateLimits!.push(bucket)
    return { status: 201, headers: { location: '/v1/orders/ord_1', etag: '"1"' }, body: '{"name":"Ähre"}' }
  })
  const taken: RateLimitResult[] = []
  const call = callOf(contextOf(USER, undefined, taken), {
    method: 'POST',
    body: new TextEncoder().encode('{"ü":1}'),
    contentType: 'application/json',
    idempotencyKey: 'key "1"',
    ifMatch: '"3"',
  })
  const reply = await (await far([url])).port(call)
  expect({ ...reply, body: Buffer.from(reply.body as Uint8Array).toString() }).toEqual({
    status: 201,
    headers: { location: '/v1/orders/ord_1', etag: '"1"' },
    body: '{"name":"Ähre"}',
  })
  const { context, body, ...members } = seen!
  const { context: _, body: sent, ...expected } = call
  expect(members).toEqual(expected)
  expect(Buffer.from(body as Uint8Array)).toEqual(Buffer.from(sent as Uint8Array))
  expect(context).toMatchObject({ requestId: call.context.requestId, caller: USER })
  expect(taken).toEqual([bucket])
})

test('R-CALL-1 R-P-8: a problem comes back as it was thrown; what the contract does not declare is an INTERNAL_ERROR', async () => {
  const errors = [
    new Problem('OUT_OF_STOCK', 'Only two are left', {
      details: [{ field: 'items[0]', message: 'ist knäpp' }],
      retryAfterS: 3,
    }),
    new Problem('UNSUPPORTED_MEDIA_TYPE', undefined, { headers: { accept: 'application/json' } }),
    new Problem('TOP_SECRET', 'hunter22'),
    new TypeError('hunter22'),
  ]
  const { url } = await doorOf(async () => {
    throw errors.shift()
  })
  const { port } = await far([url])
  const told = async () => {
    const error = await port(callOf(contextOf(USER))).then(undefined, (reason) => reason)
    expect(JSON.stringify(error) + error.message).not.toContain('hunter22')
    return error
  }
  expect(await told()).toMatchObject({
    code: 'OUT_OF_STOCK',
    status: 409,
    message: 'Only two are left',
    details: [{ field: 'items[0]', message: 'ist knäpp' }],
    retryAfterS: 3,
    stage: 'answered',
  })
  expect(await told()).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE', headers: { accept: 'application/json' } })
  expect(await told()).toMatchObject({ code: 'INTERNAL_ERROR', status: 500 })
  expect(await told()).toMatchObject({ code: 'INTERNAL_ERROR', status: 500 })
})

test('R-P-7: a reader who leaves ends the work over there; a writer’s leaving does not', async () => {
  const signals: AbortSignal[] = []
  const { url } = await doorOf((call) => {
    signals.push(call.context.signal)
    return new Promise(() => {})
  })
  const { port } = await far([url])
  for (const method of ['GET', 'POST']) {
    const gone = new AbortController()
    const asked = port(callOf(contextOf(USER, gone.signal), { method }))
    await expect.poll(() => signals.length).toBe(method === 'GET' ? 1 : 2)
    gone.abort()
    await expect(asked).rejects.toMatchObject({ stage: 'lost' })
    if (method === 'GET') await expect.poll(() => signals[0]!.aborted).toBe(true)
  }
  // The watch looks every 50 ms; the reader's signal has shown that it does.
  expect(signals[1]!.aborted).toBe(false)
})

test('R-GW-3: a replica that is away is skipped, and one that dies under a call is followed by another, where the call may be repeated', async () => {
  const served: string[] = []
  const dies = createServer((req) => req.socket.destroy()).listen(0, '127.0.0.1')
  onTestFinished(() => void dies.close())
  await expect.poll(() => dies.listening).toBe(true)
  const away = await doorOf(ok)
  await away.stop()
  const lives = await doorOf(async ({ operation }) => {
    served.push(operation)
    return { status: 200, headers: {}, body: '{}' }
  })
  const dying = new URL(`http://127.0.0.1:${(dies.address() as AddressInfo).port}`)
  const { port } = await far([dying, away.url, lives.url])
  const guarded = guard(port, { timeoutMs: false, retryOn: 'loss', breaker: false })
  for (let i = 0; i < 20; i++) {
    const keyed = i % 2 ? { method: 'POST', idempotencyKey: `${i}` } : {}
    expect(await guarded(callOf(contextOf(USER), keyed))).toMatchObject({ status: 200 })
  }
  expect(served).toHaveLength(20)
})

test('R-GW-3: a call that was lost with its process may hold its Idempotency-Key for a moment, which is waited for; whoever finds the key of another is told at once', async () => {
  const dies = createServer((req) => req.socket.destroy())
  let asked = 0
  const lives = await doorOf(async () => {
    if (++asked < 3) throw inProgress()
    return { status: 201, headers: {}, body: '{}' }
  })
  const { port } = await far([await urlOf(dies), lives.url])
  onTestFinished(() => void dies.close())
  const place = () => port(callOf(contextOf(USER), { method: 'POST', idempotencyKey: 'k' })).catch(({ code }) => code)
  const answers: unknown[] = []
  while (asked < 3) answers.push(await place())
  // Which of the two is asked first is nobody's: one call may have lost nothing.
  expect(answers.filter((one) => one === 'IDEMPOTENCY_IN_PROGRESS').length).toBeLessThan(2)
  expect(answers.at(-1)).toMatchObject({ status: 201 })
  asked = -1_000
  const alone = await far([lives.url])
  const found = alone.port(callOf(contextOf(USER), { method: 'POST', idempotencyKey: 'k' }))
  await expect(found).rejects.toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' })
  expect(asked).toBe(-999)
})

test('a URL that leads to no door, another system or another service stops the start, and both are named', async () => {
  const web = createServer((_, res) => res.end('hello')).listen(0, '127.0.0.1')
  onTestFinished(() => void web.close())
  await expect.poll(() => web.listening).toBe(true)
  const strange = new URL(`http://127.0.0.1:${(web.address() as AddressInfo).port}`)
  const faultOf = async (url: URL) =>
    (await far([url])).greet().then(undefined, ({ code, message }) => `${code} ${message}`)
  expect(await faultOf(strange)).toMatch(
    /^WRONG_SERVICE .* is no internal door of the orders service: it answered with status 200/,
  )
  expect(await faultOf((await doorOf(ok, { system: 'zoo' })).url)).toMatch(
    /is the orders service of the system "zoo", not the orders service of "shop"/,
  )
  expect(await faultOf((await doorOf(ok, { contract: users })).url)).toMatch(
    /is the users service of the system "shop", not the orders service of "shop"/,
  )
  const away = await doorOf(ok)
  await away.stop()
  expect(await faultOf(away.url)).toBeUndefined()
  expect(await faultOf((await doorOf(ok)).url)).toBeUndefined()
})

test('a replica that refuses the proof stops the start only where no other takes calls; a URL that leads elsewhere does in any case', async () => {
  const refuses = await doorOf(ok, { keys: [OTHER] })
  const takes = await doorOf(ok)
  const away = await doorOf(ok)
  await away.stop()
  const zoo = await doorOf(ok, { system: 'zoo' })
  const refused = `${refuses.url.origin} refused the proof: LINTEL_INTERNAL_KEY must be the same there, and the clocks no more than 30 s apart`
  expect(await greeted(refuses.url, takes.url)).toEqual({
    fault: undefined,
    warnings: [`the orders service at ${refused.replace(' ', ' takes no calls: it ')}`],
  })
  expect((await greeted(refuses.url)).fault).toBe(`WRONG_SERVICE ${refused}`)
  expect((await greeted(refuses.url, away.url)).fault).toBe(`WRONG_SERVICE ${refused}`)
  expect((await greeted(refuses.url, takes.url, zoo.url)).fault).toBe(
    `WRONG_SERVICE ${zoo.url.origin} is the orders service of the system "zoo", not the orders service of "shop"`,
  )
})

test('R-P-8: a call that was sent and lost says so, and not that its replica could not be reached', async () => {
  const dies = createServer((req) => void req.socket.destroy())
  const { port } = await far([await urlOf(dies)])
  const failed = (method: string) =>
    port(callOf(contextOf(USER), { method })).catch(({ stage, message }) => [stage, message])
  expect(await failed('POST')).toEqual([
    'lost',
    expect.stringMatching(/^orders\.orders\.get was sent to http:.*, and whether it has had its effect is not known: /),
  ])
  dies.close()
  dies.closeAllConnections()
  await expect
    .poll(() => failed('POST'))
    .toEqual(['unsent', expect.stringMatching(/^orders\.orders\.get (could not be reached at http:|was not called: )/)])
})

/** The fault of greeting what is there, and what the log was warned of. */
async function greeted(...urls: URL[]) {
  const warn = vi.fn()
  const { greet } = await far(urls, { log: { ...SILENT, warn } })
  const fault = await greet().then(undefined, ({ code, message }) => `${code} ${message}`)
  return { fault, warnings: warn.mock.calls.map(([, text]) => text) }
}

async function urlOf(server: Server, scheme = 'http'): Promise<URL> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await expect.poll(() => server.listening).toBe(true)
  return new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

test('a URL whose TLS does not go together, or whose server does not speak HTTP, stops the start', async () => {
  const { url } = await doorOf(ok)
  const secure = new URL(url.href.replace('http:', 'https:'))
  expect(await greeted(secure)).toEqual({
    fault: expect.stringMatching(/^WRONG_SERVICE https:.* does not speak TLS, as https:\/\/ in its URL means/),
    warnings: [],
  })
  // Redis ends a connection on which it sees a request.
  const likeRedis = createTcpServer((socket) =>
    socket.once('data', (data) => (String(data).startsWith('POST') ? socket.destroy() : socket.end('+PONG\r\n'))),
  )
  const likeNats = createTcpServer((socket) => socket.on('error', () => {}).write('INFO {}\r\n'))
  for (const server of [likeRedis, likeNats])
    expect(await greeted(await urlOf(server))).toEqual({
      fault: expect.stringMatching(/^WRONG_SERVICE http:.* does not speak HTTP/),
      warnings: [],
    })
  // A balancer with nothing behind it: what is behind may come yet.
  expect(await greeted(await urlOf(createTcpServer((socket) => socket.destroy())))).toEqual({
    fault: undefined,
    warnings: [expect.stringMatching(/the orders service at http:.* cannot be reached/)],
  })
})

test('R-OPS-1: a replica that refuses the proof is named in the log once, with the reason, and in the health, without its address', async () => {
  const refuses = await doorOf(ok, { keys: [OTHER] })
  const takes = await doorOf(ok)
  const [warn, info] = [vi.fn(), vi.fn()]
  const { port, health } = await far([refuses.url, takes.url], { log: { ...SILENT, warn, info } })
  for (let i = 0; i < 10; i++) expect(await port(callOf(contextOf(USER)))).toMatchObject({ status: 200 })
  expect(warn.mock.calls.map(([, text]) => text)).toEqual([
    expect.stringContaining(`${refuses.url.origin} takes no calls: it refused the proof: LINTEL_INTERNAL_KEY must be`),
  ])
  expect(info).not.toHaveBeenCalled()
  const { status, checks } = await health()
  expect([status, checks.orders!.status]).toEqual(['degraded', 'up'])
  expect(checks.orders!.message).toMatch(/^1 of 2 replicas are up: 1 refused the proof: LINTEL_INTERNAL_KEY/)
  expect(JSON.stringify(checks)).not.toMatch(/127\.0\.0\.1|http|kkkk|oooo/)
})

test('R-OPS-1: a replica that comes back is named again, and one that is away is in the health', async () => {
  const now = vi.spyOn(performance, 'now')
  onTestFinished(() => now.mockRestore())
  const web = createServer((_, res) => void res.writeHead(502).end())
  const url = await urlOf(web)
  const [warn, info] = [vi.fn(), vi.fn()]
  const { health } = await far([url], { log: { ...SILENT, warn, info } })
  expect(await health()).toMatchObject({
    status: 'unhealthy',
    checks: {
      orders: {
        message: '0 of 1 replicas are up: 1 is no internal door of the orders service: it answered with status 502',
      },
    },
  })
  expect(warn).toHaveBeenCalledOnce()
  web.removeAllListeners('request')
  const behind = {
    name: 'orders',
    contract: orders,
    port: ok,
    health: async () => HEALTHY,
  }
  const security = createSecurityLog({ info() {}, warn() {} })
  web.on('request', createDoor({ system: 'shop', services: [behind], proofs, log: SILENT, security }).handle)
  now.mockReturnValue(performance.now() + 1_001)
  expect(await health()).toMatchObject({ status: 'healthy', checks: { orders: { status: 'up' } } })
  expect(info.mock.calls.map(([, text]) => text)).toEqual([`the orders service at ${url.origin} takes calls`])
  web.close()
  web.closeAllConnections()
  now.mockReturnValue(performance.now() + 1_001)
  // The first may find its connection cut; what became of a call is then unknown.
  await health()
  expect((await health()).checks.orders!.message).toBe('0 of 1 replicas are up: 1 cannot be reached')
  expect(warn.mock.lastCall![1]).toMatch(/takes no calls: it cannot be reached/)
})

test('R-GW-3: once health says that a replica is there, it is called, though it could not be reached a moment ago', async () => {
  const early = createServer()
  const url = await urlOf(early)
  await new Promise((resolve) => early.close(resolve))
  const { port, health } = await far([url], { breaker: { openMs: 60_000, maxOpenMs: 60_000 } })
  const call = () => port(callOf(contextOf(ANONYMOUS)))
  await expect(call()).rejects.toThrow(/could not be reached/)
  await expect(call()).rejects.toThrow(/circuit breakers of all replicas are open/)
  const services = [{ name: 'orders', contract: orders, port: ok, health: async () => HEALTHY }]
  const security = createSecurityLog({ info() {}, warn() {} })
  const late = createServer(createDoor({ system: 'shop', services, proofs, log: SILENT, security }).handle)
  late.listen(Number(url.port), '127.0.0.1')
  onTestFinished(() => void late.close())
  expect(await health()).toMatchObject({ status: 'healthy', checks: { orders: { breaker: 'closed' } } })
  expect(await call()).toMatchObject({ status: 200 })
})

test('R-P-3: another build of the contract is called as far as the two go together; the rest is refused, naming both', async () => {
  const older: Contract = { ...orders, served: orders.served.filter(({ id }) => id !== 'orders.orders.update') }
  const port = vi.fn(ok)
  const { url } = await doorOf(port, { contract: older })
  const warn = vi.fn()
  const called = await far([url], { log: { ...SILENT, warn } })
  for (const one of [called.port, called.as(serviceCaller('users'))]) {
    expect(await one(callOf(contextOf(ANONYMOUS)))).toMatchObject({ status: 200 })
    await expect(one(callOf(contextOf(ANONYMOUS), { operation: 'orders.orders.update' }))).rejects.toThrow(
      /orders\.orders\.update is missing at http.*, which serves the contract \S{16}; this process knows \S{16}/,
    )
  }
  expect(port).toHaveBeenCalledTimes(2)
  expect(warn).toHaveBeenCalledOnce()
  expect(warn.mock.calls[0]![0]).toMatchObject({ unusable: ['orders.orders.update is missing'] })
})
