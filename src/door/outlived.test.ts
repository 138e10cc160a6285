import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { ANONYMOUS, serviceCaller } from '../auth/caller.ts'
import type { Call, Context, Port } from '../call/call.ts'
import { OwnContext } from '../call/context.ts'
import { guard } from '../call/guard.ts'
import { createProofs } from '../call/proof.ts'
import { createHttpServer } from '../http/server.ts'
import { createSecurityLog } from '../observe/security-log.ts'
import { Deadline } from '../resilience/deadline.ts'
import type { Bound } from '../resilience/watch.ts'
import { createDoor } from './door.ts'
import { openFarService } from './far-service.ts'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const proofs = createProofs(['k'.repeat(32)])

async function doorOf(port: Port) {
  const health = async () => ({ status: 'healthy', checks: {} }) as const
  const services = [{ name: orders.name, contract: orders, port, health }]
  const security = createSecurityLog(SILENT)
  const door = createDoor({ system: 'shop', services, proofs, log: SILENT, security })
  const upgrade = vi.fn(door.upgrade)
  const server = createHttpServer(door.handle, { upgrade })
  const { port: at } = await server.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => void (await server.close({ timeoutMs: 0 })))
  return { url: new URL(`http://127.0.0.1:${at}`), door, server, upgrade }
}

/** As a process that is stopped (SIGSTOP): its kernel goes on accepting what it will never read. */
async function frozen(): Promise<URL> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
}

async function far(...urls: URL[]) {
  const opened = await openFarService(orders, { system: 'shop', urls, proofs, log: SILENT })
  onTestFinished(() => opened.close())
  return opened
}

/** Like a request at the gateway: it gives a write that may be committing over there a second more (R-P-7). */
function requestOf(deadline: Deadline): Context & { readonly bound: Bound } {
  const { requestId, trace, log, signal } = new OwnContext()
  const endMs = performance.now() + deadline.remainingMs()
  const bound = {
    committing: false,
    get isOver() {
      return performance.now() >= endMs + (this.committing ? 1_000 : 0)
    },
  }
  return { requestId, trace, log, signal, deadline, caller: ANONYMOUS, bound }
}

function callOf(method: 'GET' | 'PUT', deadline: Deadline): Call {
  return {
    operation: 'orders.orders.get',
    method,
    version: 1,
    params: ['ord_1'],
    query: [],
    path: '/v1/orders/ord_1',
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: requestOf(deadline),
  }
}

const ok: Port = async () => ({ status: 200, headers: {}, body: '{}' })

test('R-GW-3: a replica that is frozen costs the calls that it had, each within its deadline, and then gets none', {
  timeout: 60_000,
}, async () => {
  const [sound, stopped] = [await doorOf(ok), await frozen()]
  const { port, replicas } = await far(sound.url, stopped)
  const ask = () => port(callOf('GET', Deadline.after(1_200)))
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, ask))
  const late = outcomes.filter((one) => one.status === 'rejected')
  for (const { reason } of late) expect(reason).toMatchObject({ status: 504, stage: 'lost' })
  // Whoever was sent to it first shows it; least in flight spares the rest.
  expect(late.length).toBeGreaterThan(0)
  expect(late.length).toBeLessThanOrEqual(10)
  const at = (url: URL) => replicas().find((one) => one.url === url.href)!
  expect([at(sound.url).breaker, at(stopped).breaker]).toEqual(['closed', 'open'])
})

test('R-CALL-3: a service that hangs costs a caller a second, then nothing until one call has shown that it is back', async () => {
  let thaw = () => {}
  const hung = new Promise<void>((resolve) => {
    thaw = resolve
  })
  const hangs: Port = async (call) => {
    await hung
    return ok(call)
  }
  const hanging = await doorOf(hangs)
  const { as, breaker } = await far(hanging.url)
  const port = guard(as(serviceCaller('users')), { breaker })
  const ask = () => port(callOf('GET', Deadline.after(10_000)))
  const first = await Promise.allSettled(Array.from({ length: 8 }, ask))
  for (const one of first) expect(one).toMatchObject({ reason: { code: 'GATEWAY_TIMEOUT' } })
  await expect.poll(() => port.state().breaker).toBe('open')
  // One of them may be the call that is to find out.
  await expect(Promise.race([ask(), ask()])).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', stage: 'unsent' })

  thaw()
  await expect.poll(() => ask().catch(() => undefined), { timeout: 20_000 }).toMatchObject({ status: 200 })
  expect(port.state().breaker).toBe('closed')
})

test('R-GW-3: to the gateway a service that answers some calls too late and others in time is slow, and not away', async () => {
  const slow: Port = (call) => (call.params[0] === 'slow' ? new Promise(() => {}) : ok(call))
  const { url } = await doorOf(slow)
  const { port, breaker } = await far(url)
  const ask = (id: string) => port({ ...callOf('GET', Deadline.after(1_000)), params: [id] })
  const late = Array.from({ length: 8 }, () => ask('slow'))
  await ask('quick')
  for (const one of await Promise.allSettled(late)) expect(one).toMatchObject({ reason: { status: 504 } })
  expect(breaker()).toBe('closed')
})

test('R-P-7: a COMMIT in a far process that outlives the deadline by less than a second is answered as it ended, any other work with 504', async () => {
  const { url } = await doorOf(async ({ method, context }) => {
    if (method === 'PUT') context.bound!.committing = true
    await new Promise((resolve) => setTimeout(resolve, 700))
    return { status: 200, headers: {}, body: '{}' }
  })
  const { port } = await far(url)
  const begunMs = performance.now()
  expect(await port(callOf('PUT', Deadline.after(300)))).toMatchObject({ status: 200 })
  expect(performance.now() - begunMs).toBeGreaterThanOrEqual(690)
  await expect(port(callOf('GET', Deadline.after(300)))).rejects.toMatchObject({ status: 504 })
})

test('R-OPS-2: a door that ends says that it is not ready, takes calls a while longer, and finishes those under way', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let calls = 0
  const { url, door, server } = await doorOf(async (call) => {
    if (++calls === 1) await held
    return ok(call)
  })
  const { port } = await far(url)
  const ask = () => port(callOf('GET', Deadline.after(20_000)))
  const underWay = ask()
  await expect.poll(() => calls).toBe(1)
  door.drain()
  const cut = server.close({ lameDuckMs: 500, timeoutMs: 10_000 })
  const ready = await fetch(new URL('/health/ready', url))
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'draining' }])
  expect(await ask()).toMatchObject({ status: 200 })
  release()
  expect(await underWay).toMatchObject({ status: 200 })
  expect(await cut).toBe(0)
  await expect(ask()).rejects.toMatchObject({ status: 503, stage: 'unsent' })
})

test('R-OPS-2: while one replica ends, and the call that finds out whether the other is back is under way, calls wait for that', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const probed = vi.fn(async (call: Call) => {
    await held
    return ok(call)
  })
  const [back, ending] = [await doorOf(probed), await doorOf(ok)]
  const restarting = await restartingBefore(back.url)
  const { port, replicas } = await far(restarting.url, ending.url)
  const ask = (method: 'GET' | 'PUT' = 'GET') => port(callOf(method, Deadline.after(20_000)))
  const breakerOf = (url: URL) => replicas().find((one) => one.url === url.href)!.breaker
  await expect
    .poll(async () => {
      await ask()
      return [breakerOf(restarting.url), ending.upgrade.mock.calls.length > 0]
    })
    .toEqual(['open', true])
  restarting.isBack = true
  ending.door.drain()
  const asked: Promise<unknown>[] = []
  await expect
    .poll(() => {
      asked.push(ask())
      return probed.mock.calls.length
    })
    .toBe(1)
  expect(await ending.server.close({ timeoutMs: 10_000 })).toBe(0)
  asked.push(ask(), ask('PUT'), ask())
  while (breakerOf(ending.url) !== 'open') await turn()
  release()
  for (const one of await Promise.all(asked)) expect(one).toMatchObject({ status: 200 })
})

/** An address where every connection is cut until what serves behind it is back. */
async function restartingBefore(door: URL) {
  const restarting = { isBack: false, url: door }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (!restarting.isBack) return void socket.destroy()
    const behind = connect(Number(door.port), door.hostname)
    behind.on('error', () => socket.destroy())
    socket.pipe(behind).pipe(socket)
    socket.once('close', () => behind.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  restarting.url = new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  return restarting
}
