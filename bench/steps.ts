/**
 * `npm run bench:steps`: what each step from one process to many costs, in Markdown for docs/guide/deploy.md: the time of a read
 * and of a write, CPU, memory, connections to PostgreSQL, and a restart. NATS and Redis have to be on PATH.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { CALL_TRANSPORTS, type CallTransport } from '../src/door/far-service.ts'
import { testNats } from '../src/testing/nats.ts'
import { testRedis } from '../src/testing/redis.ts'
import { type Databases, startDatabases } from './databases.ts'
import type { Visitor } from './load-job.ts'
import { type Loader, startLoader } from './loader.ts'
import { whole } from './options.ts'
import { type ServerProcess, startServer } from './processes.ts'
import { say } from './progress.ts'
import { spreadOf } from './report.ts'
import { UNLIMITED } from './stage.ts'
import { planWorkloads, signIn } from './workloads.ts'

/** While it is warmed up. Measured is one request at a time: its time is its own, and nobody else makes it wait. */
const CONNECTIONS = 16
/** Requests until most code that they run is compiled. */
const WARM = { read: 10_000, write: 2_000 }

type Env = Readonly<Record<string, string>>
type Kind = keyof typeof WARM

interface Step {
  readonly name: string
  readonly env: Env
  /** Undefined: all in one process. */
  readonly parts?: CallTransport
}

interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMs: number
}

/** What a step was measured at in one round. */
interface Measured extends Readonly<Record<Kind, Figures>> {
  /** Of each process, by its name: idle, and after all. */
  readonly megabytes: Readonly<Record<string, readonly [number, number]>>
  readonly connections: number
  /** From SIGTERM to the end of the process that clients know, and from its start to its first answer. */
  readonly endedMs: number
  readonly startedMs: number
}

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seconds: { type: 'string' } } })
const rounds = whole('rounds', values.rounds, 3, 1)
const seconds = whole('seconds', values.seconds, 3, 1)

const databases = await startDatabases(20_000, say)
const [nats, redis] = [await testNats(), await testRedis()]
const loader = startLoader()
try {
  if (nats === undefined || redis === undefined) throw new Error('nats-server and redis-server are not on PATH')
  const withRedis = { REDIS_URL: redis.url }
  const withBoth = { ...withRedis, NATS_URL: nats.url }
  const steps: readonly Step[] = [
    { name: 'one process', env: {} },
    { name: 'with Redis', env: withRedis },
    { name: 'with NATS too', env: withBoth },
    ...CALL_TRANSPORTS.map((parts) => ({ name: `in parts, over ${parts}`, env: withBoth, parts })),
  ]
  const people = await signIn(databases, CONNECTIONS)
  const none = { near: [], deep: [] }
  const planned = await planWorkloads(databases, people, { reference: none, before: none, lintel: none })
  const visitors = { read: planned.W1!.lintel, write: planned.W3!.lintel }
  const results = new Map(steps.map((step) => [step, [] as Measured[]]))
  for (let round = 1; round <= rounds; round++)
    for (const step of round % 2 === 1 ? steps : steps.toReversed()) {
      say(`round ${round} of ${rounds}: ${step.name}`)
      results.get(step)!.push(await measure(step, visitors))
    }
  say('')
  print(results)
} finally {
  loader.stop()
  await nats?.stop()
  await redis?.stop()
  await databases.stop()
}

async function measure(step: Step, visitors: Readonly<Record<Kind, readonly Visitor[]>>): Promise<Measured> {
  const { processes, restart } = await startStep(step, databases)
  const all = () => Object.values(processes)
  const sum = async () => (await Promise.all(all().map((one) => one.cpu()))).reduce((total, used) => total + used, 0)
  const ask = async (kind: Kind, clients: number): Promise<Figures & { readonly answers: number }> => {
    const before = await sum()
    const asking = visitors[kind].slice(0, clients)
    const { answers, failures, p50Ms, p99Ms } = await run(loader, processes.gateway!.url, asking)
    if (Object.keys(failures).length > 0) throw new Error(`${step.name}, ${kind}: ${JSON.stringify(failures)}`)
    return { answers, p50Ms, p99Ms, cpuMs: (((await sum()) - before) / answers) * 1000 }
  }
  const asked = async (kind: Kind) => {
    for (let done = 0; done < WARM[kind]; ) done += (await ask(kind, CONNECTIONS)).answers
    return ask(kind, 1)
  }
  try {
    const idle = await memory(processes)
    const [read, write] = [await asked('read'), await asked('write')]
    const after = await memory(processes)
    const connections = await connectionsOf(databases)
    const megabytes = Object.fromEntries(
      Object.keys(processes).map((name) => [name, [idle[name]!, after[name]!] as const]),
    )
    return { read, write, megabytes, connections, ...(await restart()) }
  } finally {
    await Promise.all(all().map((one) => one.stop()))
  }
}

function run(by: Loader, url: string, visitors: readonly Visitor[]) {
  return by.run({ url, seconds, visitors, lean: true })
}

async function memory(processes: Readonly<Record<string, ServerProcess>>): Promise<Record<string, number>> {
  return Object.fromEntries(
    await Promise.all(Object.entries(processes).map(async ([name, one]) => [name, await one.megabytes()] as const)),
  )
}

/** Those of the services' own roles, which are all that Lintel has. */
async function connectionsOf({ url }: Databases): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ count: number }>(
      "select count(*)::int as count from pg_stat_activity where starts_with(usename, 'lintel_')",
    )
    return rows[0]!.count
  } finally {
    await client.end()
  }
}

/** `gateway` is the process that clients know; in one process it is the only one. */
async function startStep({ env, parts }: Step, { url: DATABASE_URL }: Databases) {
  const processes: Record<string, ServerProcess> = {}
  const all = { RATE_LIMIT_MAX: UNLIMITED, RATE_LIMIT_AUTH_MAX: UNLIMITED, ...env }
  const start = (part: readonly string[], more: Env) =>
    startServer(['dist/src/cli/main.js', '--system', 'dist/system.js', 'start', ...part], { ...all, ...more })
  let startEntry = () => start([], { DATABASE_URL })
  if (parts !== undefined) {
    const shared = { LINTEL_INTERNAL_KEY: randomBytes(32).toString('base64'), LINTEL_CALL_TRANSPORT: parts }
    processes.users = await start(['users'], { ...shared, DATABASE_URL })
    const urls = { ...shared, USERS_URL: processes.users.url }
    processes.orders = await start(['orders'], { ...urls, DATABASE_URL })
    const ORDERS_URL = processes.orders.url
    startEntry = () => start(['gateway'], { ...urls, ORDERS_URL })
  }
  processes.gateway = await startEntry()
  return {
    processes,
    async restart() {
      const beganMs = performance.now()
      await processes.gateway!.stop()
      const endedMs = performance.now() - beganMs
      processes.gateway = await startEntry()
      return { endedMs, startedMs: performance.now() - beganMs - endedMs }
    },
  }
}

function print(results: ReadonlyMap<Step, readonly Measured[]>): void {
  const columns = [...results]
  const row = (what: string, of: (measured: Measured) => number, digits: number) => {
    const cells = columns.map(([, all]) => {
      const { median, min, max } = spreadOf(all.map(of))
      return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
    })
    console.log(`| ${[what, ...cells].join(' | ')} |`)
  }
  console.log(
    `${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds of ${seconds} s: median (min–max)\n`,
  )
  console.log(`| | ${columns.map(([{ name }]) => name).join(' | ')} |`)
  console.log(`|---${'|---'.repeat(columns.length)}|`)
  for (const kind of ['read', 'write'] as const) {
    const what = kind === 'read' ? '`GET /orders/{id}`' : '`POST /users/{id}/orders`'
    row(`${what}, p50, ms`, (one) => one[kind].p50Ms, 1)
    row('p99, ms', (one) => one[kind].p99Ms, 1)
    row('CPU of all processes, ms', (one) => one[kind].cpuMs, 2)
  }
  row('connections to PostgreSQL after it', (one) => one.connections, 0)
  row('SIGTERM until the entry has ended, s', (one) => one.endedMs / 1000, 1)
  row('its start until it answers, s', (one) => one.startedMs / 1000, 1)
  const memoryOf = ([, all]: (typeof columns)[number]) =>
    Object.keys(all[0]!.megabytes)
      .map((name) => {
        const [idle, after] = [0, 1].map((i) => spreadOf(all.map((one) => one.megabytes[name]![i]!)).median)
        return `${name === 'gateway' && all[0]!.megabytes.users === undefined ? '' : `${name} `}${idle!.toFixed(0)}, ${after!.toFixed(0)}`
      })
      .join('; ')
  console.log(`| memory (RSS), idle and after it, MB | ${columns.map(memoryOf).join(' | ')} |`)
}
