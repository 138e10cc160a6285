/**
 * `npm run bench:overload`: what a system does beyond its capacity (R-OPS-5): how much of it is still served, how soon the rest
 * is rejected, and when all is normal again. Writes nothing.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { startDatabases } from './databases.ts'
import type { Outcome } from './load-job.ts'
import { type Loader, startLoader } from './loader.ts'
import { whole } from './options.ts'
import { ROOT, run, type ServerProcess, startServer } from './processes.ts'
import { say } from './progress.ts'
import { type Spread, spreadOf } from './report.ts'
import { UNLIMITED } from './stage.ts'
import { startLintel } from './whole-stage.ts'
import { get } from './workloads.ts'

const HELP = `npm run bench:overload -- [options]

Clients that ask at 1, 3 and 5 times the capacity, whether they are answered or not; then at half of it.

  fixed  20 ms of sleep on a pool of ten behind the gateway: 500 a second, on 1,000 connections
  parts  the same, with gateway and service in processes of their own, calls over HTTP
  reads  GET /products?limit=20 of the whole system, on 2,000 connections; its capacity is measured first

  --only <name>    fixed, parts or reads
  --rounds <n>     rounds (3)
  --seconds <n>    seconds of overload; half of them after it at half of the capacity (8)
  --help           print this

The data of reads is that of npm run bench -- --quick, in .lintel/bench-20000.`

interface Options {
  readonly rounds: number
  readonly seconds: number
}

interface Target {
  readonly url: string
  readonly path: string
  readonly connections: number
  /** Of requests a second; measured where it is not known. */
  readonly capacity: number | undefined
}

const TIMES = [1, 3, 5]

async function measure({ url, path, connections, capacity }: Target, options: Options): Promise<string[]> {
  const { rounds, seconds } = options
  const [loader, probe] = [startLoader(), startLoader()]
  const job = { url, lean: true, sinceSent: true }
  const visitors = (count: number) => Array.from({ length: count }, () => ({ requests: [get(path)] }))
  const ask = (by: Loader, perSecond: number, seconds: number) =>
    by.run({ ...job, seconds, visitors: visitors(connections), everyMs: (connections / perSecond) * 1000 })
  const lines: string[] = []
  try {
    say(`${path}: warming up`)
    await loader.run({ ...job, seconds: 3, visitors: visitors(64) })
    const known = capacity ?? (await loader.run({ ...job, seconds: 4, visitors: visitors(64) })).rate
    lines.push(`${path}: ${Math.round(known)} a second, ${connections} connections`, '')
    for (const times of TIMES) {
      const overloads: Outcome[] = []
      const afters: Outcome[] = []
      for (let round = 1; round <= rounds; round++) {
        say(`${path}: ${times} times the capacity, round ${round} of ${rounds}`)
        overloads.push(await ask(loader, known * times, seconds))
        // By a process of its own: the other one may still be closing its connections.
        afters.push(await ask(probe, known / 2, seconds / 2))
      }
      lines.push(...linesOf(times, known, overloads, afters))
    }
    return lines
  } finally {
    loader.stop()
    probe.stop()
  }
}

function linesOf(times: number, capacity: number, overloads: readonly Outcome[], afters: readonly Outcome[]): string[] {
  const of = (status: number, what: 'answers' | 'p50Ms' | 'p99Ms' | 'maxMs') =>
    spreadOf(overloads.map(({ byStatus }) => byStatus[status]?.[what] ?? 0))
  const goodput = spreadOf(
    overloads.map(({ byStatus, rate, answers }) => (((byStatus[200]?.answers ?? 0) / answers) * rate) / capacity),
  )
  const rejected = spreadOf(overloads.map(({ byStatus, answers }) => (100 * (byStatus[503]?.answers ?? 0)) / answers))
  const others = overloads.reduce((sum, { failures }) => sum + failed(failures) - (failures[503] ?? 0), 0)
  const normal = spreadOf(afters.map(({ lastFailureMs }) => lastFailureMs / 1000))
  const lines = [
    `${times}×  served ${text(goodput, 2)} of the capacity, rejected ${text(rejected, 0)} %`,
    `    served: p50 ${text(of(200, 'p50Ms'))} ms, p99 ${text(of(200, 'p99Ms'))} ms, longest ${text(of(200, 'maxMs'))} ms`,
    `    503: p50 ${text(of(503, 'p50Ms'), 1)} ms, p99 ${text(of(503, 'p99Ms'), 1)} ms`,
    `    at half of the capacity, the last request that failed: after ${text(normal, 2)} s`,
  ]
  if (others > 0) lines.push(`    FAILED: ${others} answers were neither 200 nor 503`)
  return lines
}

function failed(failures: Outcome['failures']): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0)
}

function text({ median, min, max }: Spread, digits = 0): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

async function fixed(options: Options): Promise<string[]> {
  const server = await startServer(['dist/bench/fixed/gateway.js'], {})
  try {
    return await measure({ url: server.url, path: '/works', connections: 1_000, capacity: 500 }, options)
  } finally {
    await server.stop()
  }
}

async function parts(options: Options): Promise<string[]> {
  const lintel = ['dist/src/cli/main.js', '--system', 'dist/bench/fixed/system.js']
  const postgres = await startEmbeddedPostgres({ dataDir: join(ROOT, '.lintel', 'bench-fixed'), log: say })
  const started: ServerProcess[] = []
  try {
    await run([...lintel, 'migrate'], { DATABASE_URL: postgres.url })
    const env = {
      LINTEL_INTERNAL_KEY: randomBytes(32).toString('base64'),
      ACCESS_LOG: 'off',
      RATE_LIMIT_MAX: UNLIMITED,
    }
    const service = await startServer([...lintel, 'start', 'works'], { ...env, DATABASE_URL: postgres.url })
    started.push(service)
    const gateway = await startServer([...lintel, 'start', 'gateway'], { ...env, WORKS_URL: service.url })
    started.push(gateway)
    return await measure({ url: gateway.url, path: '/works', connections: 1_000, capacity: 500 }, options)
  } finally {
    await Promise.all(started.map((one) => one.stop()))
    await postgres.stop()
  }
}

async function reads(options: Options): Promise<string[]> {
  const databases = await startDatabases(20_000, say)
  try {
    const server = await startLintel(databases)
    try {
      const target = { url: server.url, path: '/products?limit=20', connections: 2_000, capacity: undefined }
      return await measure(target, options)
    } finally {
      await server.stop()
    }
  } finally {
    await databases.stop()
  }
}

try {
  const option = { type: 'string' } as const
  const { values } = parseArgs({
    options: { only: option, rounds: option, seconds: option, help: { type: 'boolean', default: false } },
  })
  const { only } = values
  const targets = { fixed, parts, reads }
  if (only !== undefined && !Object.hasOwn(targets, only))
    throw new Error(`--only is "${only}": give ${Object.keys(targets).join(', ')}`)
  const options = { rounds: whole('rounds', values.rounds, 3, 1), seconds: whole('seconds', values.seconds, 8, 2) }
  if (values.help) console.log(HELP)
  else
    for (const [name, target] of Object.entries(targets)) {
      if (only !== undefined && only !== name) continue
      const lines = await target(options)
      say('')
      console.log([...lines, ''].join('\n'))
    }
  if (!values.help) console.log(`${availableParallelism()} cores, Node ${process.version}; median (min–max)`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
