/** What a call to another process costs, over HTTP and over gRPC: CPU on both sides, in one run. `npm run bench:calls [rounds]`. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { orders } from '../services/orders/contract.ts'
import { ANONYMOUS } from '../src/auth/caller.ts'
import type { Call, Port } from '../src/call/call.ts'
import { CalledContext, OwnContext } from '../src/call/context.ts'
import { createProofs } from '../src/call/proof.ts'
import { CALL_TRANSPORTS, type CallTransport, openFarService } from '../src/door/far-service.ts'
import { createLog } from '../src/observe/log.ts'
import { Deadline } from '../src/resilience/deadline.ts'

const KEY = 'a key that is long enough for a bench'
const CALLS = 10_000
const AT_ONCE = 16
const rounds = Number(process.argv[2] ?? 4)

interface Cost {
  /** Microseconds of CPU for each call. */
  readonly client: number
  readonly server: number
  readonly perSecond: number
}

const log = await createLog('warn')
const costs = new Map<CallTransport, Cost[]>(CALL_TRANSPORTS.map((transport) => [transport, []]))
for (let round = 0; round < rounds; round++)
  for (const transport of round % 2 === 0 ? CALL_TRANSPORTS : CALL_TRANSPORTS.toReversed())
    costs.get(transport)!.push(await measure(transport))
for (const [transport, all] of costs)
  console.log(
    `${transport}: server ${range(all, 'server')} µs, client ${range(all, 'client')} µs, ${range(all, 'perSecond')} calls/s`,
  )
const ratios = costs.get('grpc')!.map((one, i) => {
  const other = costs.get('http')![i]!
  return (one.client + one.server) / (other.client + other.server)
})
console.log(`CPU over gRPC to HTTP: ${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`)

async function measure(transport: CallTransport): Promise<Cost> {
  const door = fork(new URL('./calls-door.js', import.meta.url), { env: { ...process.env, LINTEL_INTERNAL_KEY: KEY } })
  const [{ port }] = (await once(door, 'message')) as [{ port: number }]
  const far = await openFarService(orders, {
    system: 'bench',
    urls: [new URL(`http://127.0.0.1:${port}`)],
    proofs: createProofs([KEY]),
    transport,
    log,
  })
  try {
    await run(far.port, CALLS / 2)
    const before = { door: await cpuOf(door), own: process.cpuUsage(), atMs: performance.now() }
    await run(far.port, CALLS)
    const own = process.cpuUsage(before.own)
    const tookS = (performance.now() - before.atMs) / 1000
    const server = ((await cpuOf(door)) - before.door) / CALLS
    return { server, client: (own.user + own.system) / CALLS, perSecond: CALLS / tookS }
  } finally {
    await far.close()
    door.disconnect()
    await once(door, 'exit')
  }
}

async function run(port: Port, count: number): Promise<void> {
  let left = count
  const visitor = async () => {
    while (left-- > 0) await port(callNow())
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
}

function callNow(): Call {
  const id = 'prd_01h455vb4pex5vsknk084sn02q'
  return {
    operation: 'orders.products.get',
    method: 'GET',
    version: 1,
    params: [id],
    query: [],
    path: `/v1/products/${id}`,
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: new CalledContext(new OwnContext(), { caller: ANONYMOUS, deadline: Deadline.after(10_000) }),
  }
}

async function cpuOf(door: ChildProcess): Promise<number> {
  door.send('cpu')
  const [{ cpu }] = (await once(door, 'message')) as [{ cpu: NodeJS.CpuUsage }]
  return cpu.user + cpu.system
}

function range(all: readonly Cost[], of: keyof Cost): string {
  const values = all.map((one) => Math.round(one[of]))
  return `${Math.min(...values)}-${Math.max(...values)}`
}
