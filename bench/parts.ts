/**
 * `npm run bench:parts`: what it costs to run a system in parts. The same requests go to one process, and to a gateway with orders
 * and users in processes of their own, over HTTP and over gRPC; CPU is that of all processes of Lintel together.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { CALL_TRANSPORTS } from '../src/door/far-service.ts'
import { type Databases, startDatabases } from './databases.ts'
import type { Visitor } from './load-job.ts'
import { type Loader, startLoader } from './loader.ts'
import { whole } from './options.ts'
import { type ServerProcess, startServer } from './processes.ts'
import { say } from './progress.ts'
import { type Spread, spreadOf } from './report.ts'
import { UNLIMITED } from './stage.ts'
import { planWorkloads, signIn } from './workloads.ts'

const HELP = `npm run bench:parts -- [options]

GET /orders/{id} and POST /users/{id}/orders, through one process and through gateway, orders and users in one each. Every round
starts them anew, warms them up with 20,000 GETs and 3,000 POSTs, and measures. Prints CPU-seconds per 1,000 answers, and their ratio to one process, in Markdown.

  --orders <n>       orders in the database (100000)
  --connections <n>  connections (64); a quarter of them for POST
  --rounds <n>       rounds (4)
  --seconds <n>      seconds of each measurement (3)
  --only <sides>     with commas: ${['one', ...CALL_TRANSPORTS].join(', ')}
  --profile <dir>    write a CPU profile of each process to a folder
  --help             print this`

const SIDES = ['one', ...CALL_TRANSPORTS] as const
type Side = (typeof SIDES)[number]
type Method = 'GET' | 'POST'
/** Requests until all code that they run is compiled. */
const WARM: Readonly<Record<Method, number>> = { GET: 20_000, POST: 3_000 }

interface Options {
  readonly orders: number
  readonly connections: number
  readonly rounds: number
  readonly seconds: number
  readonly sides: readonly Side[]
  readonly profile: string | undefined
}

interface Figures {
  readonly rate: number
  readonly cpu: number
}

type Round = Readonly<Record<Method, Figures>>

async function main(options: Options): Promise<void> {
  const { orders, connections, rounds, sides } = options
  const databases = await startDatabases(orders, say)
  const loader = startLoader()
  try {
    const people = await signIn(databases, connections)
    const none = { near: [], deep: [] }
    const planned = await planWorkloads(databases, people, { reference: none, before: none, lintel: none })
    // A transaction holds a connection of a small pool: as many writers as readers would mostly wait.
    const visitors = { GET: planned.W1!.lintel, POST: planned.W3!.lintel.slice(0, Math.ceil(connections / 4)) }
    const results = new Map<Side, Round[]>(sides.map((side) => [side, []]))
    for (let round = 1; round <= rounds; round++)
      for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
        say(`round ${round} of ${rounds}: ${side}`)
        results.get(side)!.push(await measure(side, { databases, loader, visitors, options }))
      }
    say('')
    print(results, options)
  } finally {
    loader.stop()
    await databases.stop()
  }
}

interface Setup {
  readonly databases: Databases
  readonly loader: Loader
  readonly visitors: Readonly<Record<Method, readonly Visitor[]>>
  readonly options: Options
}

async function measure(side: Side, { databases, loader, visitors, options }: Setup): Promise<Round> {
  const { entry, all } = await startSide(side, databases, options)
  const cpu = async () => (await Promise.all(all.map((one) => one.cpu()))).reduce((sum, seconds) => sum + seconds, 0)
  const load = async (method: Method): Promise<Figures & { readonly answers: number }> => {
    const before = await cpu()
    const { seconds } = options
    const outcome = await loader.run({ url: entry.url, seconds, visitors: visitors[method], lean: true })
    const { rate, answers, failures } = outcome
    // A machine that does other things makes the limit of what is in flight refuse some; they cost next to nothing.
    const { 503: refused = 0, ...others } = failures
    if (Object.keys(others).length > 0) throw new Error(`${method}s failed: ${JSON.stringify(failures)}`)
    if (refused > 0) say(`${refused} of ${answers} ${method}s were refused with 503`)
    return { rate, answers, cpu: (((await cpu()) - before) / (answers - refused)) * 1000 }
  }
  // By their number, not by time: a process that has answered a thousand requests takes three times the CPU for the next.
  const warmUp = async (method: Method) => {
    for (let done = 0; done < WARM[method]; ) done += (await load(method)).answers
  }
  try {
    await warmUp('GET')
    const got = await load('GET')
    await warmUp('POST')
    return { GET: got, POST: await load('POST') }
  } finally {
    await Promise.all(all.map((one) => one.stop()))
  }
}

/** `entry` is the process that clients know. */
async function startSide(
  side: Side,
  { url }: Databases,
  { profile }: Options,
): Promise<{ entry: ServerProcess; all: ServerProcess[] }> {
  const open = { RATE_LIMIT_MAX: UNLIMITED, RATE_LIMIT_AUTH_MAX: UNLIMITED }
  const startParts = (parts: readonly string[], env: Readonly<Record<string, string>>) =>
    startServer(
      ['dist/src/cli/main.js', '--system', 'dist/system.js', 'start', ...parts],
      { ...open, ...env },
      { profile },
    )
  if (side === 'one') {
    const entry = await startParts([], { DATABASE_URL: url })
    return { entry, all: [entry] }
  }
  const env = { LINTEL_INTERNAL_KEY: randomBytes(32).toString('base64'), LINTEL_CALL_TRANSPORT: side }
  const users = await startParts(['users'], { ...env, DATABASE_URL: url })
  const urls = { ...env, USERS_URL: users.url }
  const orders = await startParts(['orders'], { ...urls, DATABASE_URL: url })
  const entry = await startParts(['gateway'], { ...urls, ORDERS_URL: orders.url })
  return { entry, all: [entry, orders, users] }
}

function print(results: ReadonlyMap<Side, readonly Round[]>, options: Options): void {
  const { profile: _, ...shown } = options
  console.log(`${availableParallelism()} cores, Node ${process.version}; ${JSON.stringify(shown)}\n`)
  console.log('| | requests per second (min–max) | CPU-s per 1,000 (min–max) | CPU to one process, at most 2 |')
  console.log('| --- | --- | --- | --- |')
  const alone = results.get('one')
  for (const method of ['GET', 'POST'] as const)
    for (const [side, rounds] of results) {
      const rate = spreadOf(rounds.map((round) => round[method].rate))
      const cpu = spreadOf(rounds.map((round) => round[method].cpu))
      const ratio = alone && spreadOf(rounds.map((round, i) => round[method].cpu / alone[i]![method].cpu))
      const cells = [spread(rate, 0), spread(cpu, 4), ratio ? spread(ratio, 2) : '']
      console.log(`| ${method}, ${side === 'one' ? 'one process' : `over ${side}`} | ${cells.join(' | ')} |`)
    }
}

function spread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    orders: text,
    connections: text,
    rounds: text,
    seconds: text,
    only: text,
    profile: text,
    help: { type: 'boolean', default: false },
  },
})
const wanted = values.only?.split(',')
const sides = SIDES.filter((side) => wanted === undefined || wanted.includes(side))
if (values.help) console.log(HELP)
else if (sides.length === 0) throw new Error(`--only is "${values.only}": give some of ${SIDES.join(', ')}`)
else
  await main({
    orders: whole('orders', values.orders, 100_000, 20_000),
    connections: whole('connections', values.connections, 64, 1),
    rounds: whole('rounds', values.rounds, 4, 1),
    seconds: whole('seconds', values.seconds, 3, 1),
    sides,
    profile: values.profile,
  })
