/**
 * `npm run bench:cached`: W1c, GET of one product from the cache and, with `Cache-Control: no-cache`, from the database, in turns
 * by one server: on its embedded database with the cache in the process, and over Redis, which then counts limits too.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { testRedis } from '../src/testing/redis.ts'
import type { Request } from './load-job.ts'
import { startLoader } from './loader.ts'
import { whole } from './options.ts'
import { type ServerProcess, startServer } from './processes.ts'
import { say } from './progress.ts'
import { type Spread, spreadOf } from './report.ts'
import { UNLIMITED } from './stage.ts'

const HELP = `npm run bench:cached -- [options]

GET /products/{id} from the cache and from the database, in turns. Prints a table in Markdown.

  --products <n>     products that are asked for (200)
  --connections <n>  connections (64)
  --rounds <n>       rounds (5)
  --seconds <n>      seconds of each measurement (3)
  --help             print this`

interface Options {
  readonly products: number
  readonly connections: number
  readonly rounds: number
  readonly seconds: number
}

const ADMIN = { email: 'bench@bench.example', password: 'a long enough password' }
const PROGRAM = ['dist/src/cli/main.js', '--system', 'dist/system.js', 'start']

async function main(options: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lintel-bench-cached-'))
  const redis = await testRedis()
  const env = {
    LINTEL_DATA_DIR: dataDir,
    LINTEL_ADMIN_EMAIL: ADMIN.email,
    LINTEL_ADMIN_PASSWORD: ADMIN.password,
    ACCESS_LOG: 'off',
    RATE_LIMIT_MAX: UNLIMITED,
    RATE_LIMIT_AUTH_MAX: UNLIMITED,
  }
  try {
    console.log(`${availableParallelism()} cores, Node ${process.version}; ${JSON.stringify(options)}\n`)
    console.log(
      '| W1c: from the cache, to from the database | requests per second (min–max) | CPU of the server, at most 0.75 |',
    )
    console.log('| --- | --- | --- |')
    await compareOn('in the process', env, options)
    if (redis === undefined) say('without redis-server or valkey-server on PATH, not over Redis')
    else await compareOn('over Redis', { ...env, REDIS_URL: redis.url }, options)
  } finally {
    await redis?.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function compareOn(name: string, env: Readonly<Record<string, string>>, options: Options): Promise<void> {
  const server = await startServer(PROGRAM, env)
  try {
    const requests = await createProducts(server.url, options.products)
    await compare(name, server, requests, options)
  } finally {
    await server.stop()
  }
}

async function createProducts(url: string, count: number): Promise<Request[]> {
  const post = async (path: string, body: object, token?: string): Promise<Record<string, unknown>> => {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`POST ${path}: ${response.status}`)
    return (await response.json()) as Record<string, unknown>
  }
  const { accessToken } = await post('/auth/login', ADMIN)
  const requests: Request[] = []
  for (let i = 0; i < count; i++) {
    const name = `Product number ${i}`
    const values = {
      sku: crypto.randomUUID(),
      name,
      description: `What there is to say about ${name}`,
      category: 'c',
      price: 10,
    }
    const { id } = await post('/products', values, accessToken as string)
    requests.push({ method: 'GET', path: `/products/${id}` })
  }
  return requests
}

async function compare(
  name: string,
  server: ServerProcess,
  requests: readonly Request[],
  { connections, rounds, seconds }: Options,
): Promise<void> {
  const loader = startLoader()
  const load = async (noCache: boolean) => {
    const before = await server.cpu()
    const visitors = Array.from({ length: connections }, () => ({ requests, noCache }))
    const { rate, answers, failures } = await loader.run({ url: server.url, seconds, visitors, lean: true })
    if (Object.keys(failures).length > 0) throw new Error(`requests failed: ${JSON.stringify(failures)}`)
    return { rate, cpu: ((await server.cpu()) - before) / answers }
  }
  const rates: number[] = []
  const cpus: number[] = []
  try {
    for (const noCache of [true, false]) await load(noCache)
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}: ${name}`)
      const order = round % 2 === 1 ? [true, false] : [false, true]
      const sides = new Map<boolean, { rate: number; cpu: number }>()
      for (const noCache of order) sides.set(noCache, await load(noCache))
      rates.push(sides.get(false)!.rate / sides.get(true)!.rate)
      cpus.push(sides.get(false)!.cpu / sides.get(true)!.cpu)
    }
  } finally {
    loader.stop()
  }
  say('')
  const shown = ({ median, min, max }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
  console.log(`| ${name} | ${shown(spreadOf(rates))} | ${shown(spreadOf(cpus))} |`)
}

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    products: text,
    connections: text,
    rounds: text,
    seconds: text,
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(HELP)
else
  await main({
    products: whole('products', values.products, 200, 1),
    connections: whole('connections', values.connections, 64, 1),
    rounds: whole('rounds', values.rounds, 5, 1),
    seconds: whole('seconds', values.seconds, 3, 1),
  })
