/**
 * `npm run bench:logins`: whether reads notice that others log in (R-AUTH-5), and whether the time of a refused login tells
 * if somebody has the address (R-AUTH-1). The whole system, over HTTP, with limits that refuse nobody.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { encodeId } from '../src/base/ids.ts'
import { type Databases, startDatabases } from './databases.ts'
import type { Outcome, Visitor } from './load-job.ts'
import { startLoader } from './loader.ts'
import { compareRefusals, type Refusals } from './login-times.ts'
import { whole } from './options.ts'
import { say } from './progress.ts'
import { type Spread, spreadOf } from './report.ts'
import { startLintel } from './whole-stage.ts'
import { get, post } from './workloads.ts'

const HELP = `npm run bench:logins -- [options]

Reads of products at a steady pace, in turns alone and while others log in without a pause; then logins with a wrong
email and with a wrong password, in turns.

  --rounds <n>     rounds (5)
  --seconds <n>    seconds of one measurement; each round has two (3)
  --logins <n>     logins under way at any moment (20)
  --reads <n>      reads a second (500)
  --pairs <n>      refused logins of each kind; 0 for none (500)
  --profile <dir>  write a CPU profile of the server to a folder
  --json           print JSON instead of text
  --help           print this

The data is that of npm run bench -- --quick, in .lintel/bench-20000; UV_THREADPOOL_SIZE is handed on.`

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly logins: number
  readonly reads: number
  readonly pairs: number
}

/** Connections that read. */
const READERS = 32
const ORDERS = 20_000
const PASSWORD = 'a long enough password'
const emailOf = (n: number) => `login${n}@bench.example`

async function main(options: Options, profile: string | undefined, json: boolean): Promise<void> {
  const databases = await startDatabases(ORDERS, say)
  try {
    const server = await startLintel(databases, { profile })
    try {
      say('registering who will log in')
      for (let n = 0; n < options.logins; n++) await register(server.url, emailOf(n))
      const reading = await measureReads(server.url, await readersOf(databases), options)
      const refusals =
        options.pairs === 0
          ? undefined
          : await compareRefusals({ url: server.url, email: emailOf(0), pairs: options.pairs, say })
      say('')
      const machine = `${availableParallelism()} cores, Node ${process.version}`
      console.log(
        json
          ? JSON.stringify({ machine, options, reading, refusals }, null, 2)
          : textOf(machine, options, reading, refusals),
      )
      if (Object.keys(reading.failures).length > 0) process.exitCode = 1
    } finally {
      await server.stop()
    }
  } finally {
    say('')
    await databases.stop()
  }
}

interface Reading {
  readonly alone: Times
  readonly meanwhile: Times
  /** The 99th percentile meanwhile by that alone, within a round. */
  readonly p99Ratio: Spread
  /** Of the logins, and how long they took. */
  readonly logins: Times & { readonly perSecond: Spread }
  readonly failures: Readonly<Record<string, number>>
}

interface Times {
  readonly p50Ms: Spread
  readonly p99Ms: Spread
}

async function measureReads(url: string, readers: readonly Visitor[], options: Options): Promise<Reading> {
  const { rounds, seconds } = options
  // Two processes: what waits for a login must not keep a read's time from being taken.
  const [reads, logins] = [startLoader(), startLoader()]
  const everyMs = (READERS / options.reads) * 1000
  const read = () => reads.run({ url, seconds, visitors: readers, lean: true, everyMs })
  const logIn = () => logins.run({ url, seconds, visitors: loginsOf(options.logins), lean: true })
  const [alone, meanwhile, loggedIn]: [Outcome[], Outcome[], Outcome[]] = [[], [], []]
  const together = async () => {
    const [reading, loggingIn] = await Promise.all([read(), logIn()])
    meanwhile.push(reading)
    loggedIn.push(loggingIn)
  }
  const apart = async () => alone.push(await read())
  try {
    say('warming up')
    const warmUp = await Promise.all([read(), logIn()])
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`)
      for (const measurement of round % 2 === 1 ? [apart, together] : [together, apart]) await measurement()
    }
    const failures: Record<string, number> = {}
    for (const outcome of [...warmUp, ...alone, ...meanwhile, ...loggedIn])
      for (const [what, count] of Object.entries(outcome.failures)) failures[what] = (failures[what] ?? 0) + count
    return {
      alone: timesOf(alone),
      meanwhile: timesOf(meanwhile),
      p99Ratio: spreadOf(meanwhile.map((one, i) => one.p99Ms / alone[i]!.p99Ms)),
      logins: { ...timesOf(loggedIn), perSecond: spreadOf(loggedIn.map((one) => one.rate)) },
      failures,
    }
  } finally {
    reads.stop()
    logins.stop()
  }
}

function timesOf(outcomes: readonly Outcome[]): Times {
  return { p50Ms: spreadOf(outcomes.map((one) => one.p50Ms)), p99Ms: spreadOf(outcomes.map((one) => one.p99Ms)) }
}

async function readersOf({ admin }: Databases): Promise<Visitor[]> {
  const ended = new pg.Client({ connectionString: admin.users })
  const client = new pg.Client({ connectionString: admin.orders })
  await Promise.all([ended.connect(), client.connect()])
  try {
    // Of former runs.
    await ended.query('delete from sessions')
    const { rows } = await client.query<{ id: string }>('select id from products')
    const requests = rows.map(({ id }) => get(`/products/${encodeId('prd', id)}`))
    return Array.from({ length: READERS }, (_, i) => ({ requests: [...requests.slice(i), ...requests.slice(0, i)] }))
  } finally {
    await Promise.all([ended.end(), client.end()])
  }
}

function loginsOf(count: number): Visitor[] {
  return Array.from({ length: count }, (_, n) => ({
    requests: [post('/auth/login', { email: emailOf(n), password: PASSWORD })],
  }))
}

/** Once and for all: the next run finds them. */
async function register(url: string, email: string): Promise<void> {
  const response = await fetch(`${url}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, name: 'Somebody', password: PASSWORD }),
  })
  if (response.status !== 201 && response.status !== 409)
    throw new Error(`${email} could not be registered: ${response.status} ${await response.text()}`)
}

function textOf(machine: string, options: Options, reading: Reading, refusals: Refusals | undefined): string {
  const { rounds, seconds, reads, logins } = options
  const lines = [
    `${rounds} rounds of ${seconds} s each way, ${reads} reads/s; ${machine}`,
    '',
    line('reads alone', reading.alone),
    line(`while ${logins} log in`, reading.meanwhile),
    `p99 meanwhile against alone: ${spread(reading.p99Ratio)}`,
    '',
    `${line('logins', reading.logins)}, ${spread(reading.logins.perSecond, 0)} a second`,
  ]
  if (refusals) {
    const { pairs, wrongEmail, wrongPassword, difference, noise } = refusals
    lines.push(
      '',
      `${pairs} refused logins of each kind, in turns; ms, median (5th to 95th of a hundred)`,
      `wrong email     ${spread(wrongEmail)}`,
      `wrong password  ${spread(wrongPassword)}`,
      `difference of the medians ${spread(difference, 3)} (95 % of resamplings)`,
      `the same between two halves of one kind: ${noise.toFixed(3)}`,
    )
  }
  const failed = Object.entries(reading.failures).map(([what, count]) => `${count} × ${what}`)
  if (failed.length > 0) lines.push('', `FAILED: some answers were no 2xx: ${failed.join(', ')}`)
  return lines.join('\n')
}

function line(name: string, { p50Ms, p99Ms }: Times): string {
  return `${name.padEnd(18)} p50 ${spread(p50Ms)} ms, p99 ${spread(p99Ms)} ms`
}

function spread({ median, min, max }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

function readOptions(args: string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args,
    options: {
      rounds: text,
      seconds: text,
      logins: text,
      reads: text,
      pairs: text,
      profile: text,
      json: flag,
      help: flag,
    },
  })
  const options: Options = {
    rounds: whole('rounds', values.rounds, 5, 1),
    seconds: whole('seconds', values.seconds, 3, 1),
    logins: whole('logins', values.logins, 20, 1),
    reads: whole('reads', values.reads, 500, 1),
    pairs: whole('pairs', values.pairs, 500, 0),
  }
  return { options, profile: values.profile, json: values.json, help: values.help }
}

try {
  const { options, profile, json, help } = readOptions(process.argv.slice(2))
  if (help) console.log(HELP)
  else await main(options, profile, json)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
