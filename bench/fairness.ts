/**
 * `npm run bench:fairness`: whether a user's lists notice that one anonymous address searches without a pause (FC-91). The
 * whole system, over HTTP, with limits that refuse nobody.
 */
import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { urlFor } from '../src/data/connection.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { whole } from './options.ts'
import { run, startServer } from './processes.ts'
import { say } from './progress.ts'
import { type Spread, spreadOf } from './report.ts'
import { UNLIMITED } from './stage.ts'

const HELP = `npm run bench:fairness -- [options]

A user's lists of products, one after the other, alone and while an anonymous address sends searches, all at once, and again when
the last of them has ended. Prints a table in Markdown.

  --products <n>  rows of the table (100000)
  --searches <n>  searches at once (100)
  --lists <n>     lists of the user, alone and meanwhile, in each round (200)
  --rounds <n>    rounds (5)
  --help          print this`

const SEARCHES: Readonly<Record<string, string>> = {
  'q=zzzz': '/products?q=zzzz',
  'q=zzzz, count=exact': '/products?q=zzzz&count=exact',
  'q=%%%…, count=none': `/products?count=none&q=${'%25'.repeat(250)}`,
}

const FILL = `insert into products (id, sku, name, description, category, price, currency, stock)
select gen_random_uuid(), 'SKU-' || n, 'Product number ' || n, 'What there is to say about product number ' || n,
  'category-' || n % 20, n % 200 + 1, 'USD', 10 from generate_series(1, $1::integer) n`

interface Options {
  readonly products: number
  readonly searches: number
  readonly lists: number
  readonly rounds: number
}

async function main(options: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lintel-bench-fairness-'))
  const server = await startEmbeddedPostgres({ dataDir, durable: false, log: () => {} })
  try {
    const env = { DATABASE_URL: server.url }
    await run(['dist/src/cli/main.js', '--system', 'dist/system.js', 'migrate'], env)
    say(`filling ${options.products.toLocaleString('en')} products`)
    await fill(urlFor(server.url, 'lintel_orders'), options.products)
    const lintel = await startServer(['dist/src/cli/main.js', '--system', 'dist/system.js', 'start'], {
      ...env,
      ACCESS_LOG: 'off',
      RATE_LIMIT_MAX: UNLIMITED,
      RATE_LIMIT_AUTH_MAX: UNLIMITED,
    })
    try {
      await compare(lintel.url, options)
    } finally {
      await lintel.stop()
    }
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function fill(url: string, products: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(FILL, [products])
  await client.query('vacuum analyze products')
  await client.end()
}

async function compare(url: string, options: Options): Promise<void> {
  const token = await tokenOf(url)
  await lists(url, token, 50)
  console.log(`${availableParallelism()} cores, Node ${process.version}; ${JSON.stringify(options)}\n`)
  console.log('| a user’s list | p50 ms (min–max) | p95 ms (min–max) | searches ended, by status |')
  console.log('| --- | --- | --- | --- |')
  const alone: number[][] = []
  for (let round = 0; round < options.rounds; round++) alone.push(await lists(url, token, options.lists))
  print('alone', alone, new Map())
  for (const [name, path] of Object.entries(SEARCHES)) {
    const ended = new Map<string, number>()
    const meanwhile: number[][] = []
    for (let round = 1; round <= options.rounds; round++) {
      say(`round ${round} of ${options.rounds}: ${name}`)
      const stop = search(url + path, options.searches, ended)
      meanwhile.push(await lists(url, token, options.lists))
      await stop()
    }
    say('')
    print(`while ${options.searches} search at once: ${name}`, meanwhile, ended)
  }
}

/** Sends so many searches at once, and again when the last of them has ended; what it returns ends them. */
function search(url: string, parallel: number, ended: Map<string, number>): () => Promise<void> {
  let stopped = false
  let leaving = new AbortController()
  const one = async ({ signal }: AbortController) => {
    const outcome = await fetch(url, { signal }).then(
      async (response) => {
        await response.arrayBuffer()
        return String(response.status)
      },
      () => (stopped ? 'left' : 'failed'),
    )
    ended.set(outcome, (ended.get(outcome) ?? 0) + 1)
  }
  const all = (async () => {
    while (!stopped) {
      leaving = new AbortController()
      setMaxListeners(0, leaving.signal)
      await Promise.allSettled(Array.from({ length: parallel }, () => one(leaving)))
    }
  })()
  return async () => {
    stopped = true
    leaving.abort()
    await all
  }
}

/** Milliseconds of lists, one after the other. */
async function lists(url: string, token: string, count: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const startMs = performance.now()
    const response = await fetch(`${url}/products?limit=20`, { headers: { authorization: `Bearer ${token}` } })
    await response.text()
    if (response.status !== 200) throw new Error(`a list was answered with ${response.status}`)
    times.push(performance.now() - startMs)
  }
  return times.sort((a, b) => a - b)
}

async function tokenOf(url: string): Promise<string> {
  const account = { email: 'fair@bench.example', password: 'a long enough password' }
  const post = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  await post('/users', { ...account, name: 'Fair' })
  const { accessToken } = (await (await post('/auth/login', account)).json()) as { accessToken: string }
  return accessToken
}

function print(name: string, rounds: readonly number[][], ended: ReadonlyMap<string, number>): void {
  const at = (share: number) => spreadOf(rounds.map((times) => times[Math.floor(times.length * share)]!))
  const text = ({ median, min, max }: Spread) => `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`
  const statuses = [...ended].map(([status, count]) => `${count} × ${status}`).join(', ')
  console.log(`| ${name} | ${text(at(0.5))} | ${text(at(0.95))} | ${statuses} |`)
}

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { products: text, searches: text, lists: text, rounds: text, help: { type: 'boolean', default: false } },
})
if (values.help) console.log(HELP)
else
  await main({
    products: whole('products', values.products, 100_000, 1),
    searches: whole('searches', values.searches, 100, 1),
    lists: whole('lists', values.lists, 200, 20),
    rounds: whole('rounds', values.rounds, 5, 1),
  })
