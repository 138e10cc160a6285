/**
 * `npm run bench:workers`: CPU for each request of W1 with two workers over that with one, in one run. On Linux; pin it by
 * `taskset -c 0,1 npm run bench:workers`, so that both have the same cores.
 *
 * On 192 connections: of 32 two workers are half idle, and what is written and read together in one turn of an event loop is
 * less the shorter its queue is, which is a matter of idleness and not of workers: 1.2 to 1.4 there, 0.92 where both are busy.
 */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../src/testing/free-port.ts'
import { type Databases, startDatabases } from './databases.ts'
import { startLoader } from './loader.ts'
import { whole } from './options.ts'
import { start } from './processes.ts'
import { say } from './progress.ts'
import { spreadOf } from './report.ts'
import { UNLIMITED } from './stage.ts'
import { type Cursors, planWorkloads, signIn } from './workloads.ts'

/** Of /proc/pid/stat, as Linux counts for programs whatever the kernel does. */
const TICKS_PER_SECOND = 100
/** Requests of each worker until all code that they run is compiled: two workers have half of the requests each. */
const WARM = 20_000
const NO_CURSORS: Cursors = { near: [''], deep: [''] }

const { values } = parseArgs({
  options: {
    orders: { type: 'string' },
    connections: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
})
const orders = whole('orders', values.orders, 10_000, 1_000)
const connections = whole('connections', values.connections, 192, 1)
const rounds = whole('rounds', values.rounds, 5, 1)
const seconds = whole('seconds', values.seconds, 3, 1)

const databases = await startDatabases(orders, say)
const loader = startLoader()
const servers = new Map<number, Server>()
try {
  for (const workers of [1, 2]) servers.set(workers, await startLintel(databases, workers))
  const people = await signIn(databases, connections)
  const cursors = { reference: NO_CURSORS, before: NO_CURSORS, lintel: NO_CURSORS }
  // Of few orders not everybody has one.
  const visitors = (await planWorkloads(databases, people, cursors)).W1!.lintel.filter(
    ({ requests }) => requests.length > 0,
  )
  const cpu = new Map<number, number[]>([1, 2].map((workers) => [workers, []]))
  for (const [workers, { url }] of servers) {
    say(`warming up: ${workers} workers`)
    for (let done = 0; done < WARM * workers; )
      done += (await loader.run({ url, seconds, visitors, lean: true })).answers
  }
  for (let round = 1; round <= rounds; round++)
    for (const workers of round % 2 === 1 ? [1, 2] : [2, 1]) {
      say(`round ${round} of ${rounds}: ${workers} workers`)
      const { url, pid } = servers.get(workers)!
      const before = cpuOfGroup(pid)
      const { answers, failures, rate } = await loader.run({ url, seconds, visitors, lean: true })
      const each = ((cpuOfGroup(pid) - before) / answers) * 1000
      cpu.get(workers)!.push(each)
      console.log(
        `${workers} workers: ${rate.toFixed(0)} req/s, ${each.toFixed(3)} ms CPU each ${JSON.stringify(failures)}`,
      )
    }
  const { median, min, max } = spreadOf(cpu.get(2)!.map((two, i) => two / cpu.get(1)![i]!))
  console.log(`CPU of two over one: ${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`)
} finally {
  loader.stop()
  for (const server of servers.values()) await server.stop()
  await databases.stop()
}

interface Server {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

async function startLintel({ url: databaseUrl }: Databases, workers: number): Promise<Server> {
  const port = await freePort()
  const child = start(['dist/src/cli/main.js', '--system', 'dist/system.js', 'start'], {
    DATABASE_URL: databaseUrl,
    PORT: `${port}`,
    LINTEL_WORKERS: `${workers}`,
    ACCESS_LOG: 'off',
    RATE_LIMIT_MAX: UNLIMITED,
    RATE_LIMIT_AUTH_MAX: UNLIMITED,
  })
  child.stderr!.pipe(process.stderr)
  const exit = once(child, 'exit')
  const serves = new Promise<void>((resolve) => {
    let text = ''
    child.stdout!.on('data', (chunk) => {
      text += chunk
      if (text.includes(workers === 1 ? 'listens on' : 'workers serve')) resolve()
    })
  })
  const ended = exit.then(() => {
    throw new Error('lintel ended before it served')
  })
  await Promise.race([serves, ended])
  ended.catch(() => {})
  await delay(200)
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM')
      await exit
    },
  }
}

/** CPU-seconds of a process and of its children. */
function cpuOfGroup(pid: number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children].reduce((sum, one) => sum + cpuOf(one), 0)
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
