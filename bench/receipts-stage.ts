import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { generateSigningKey } from '../src/auth/keys.ts'
import { newId } from '../src/base/ids.ts'
import { urlFor } from '../src/data/connection.ts'
import { provision } from '../src/data/provision.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { copyOf } from './databases.ts'
import { REFERENCE_OUTBOX } from './fill.ts'
import type { Options, Side } from './options.ts'
import { postgresCpu } from './postgres-cpu.ts'
import { ROOT, run, type ServerProcess, startServer } from './processes.ts'
import { type Stage, UNLIMITED } from './stage.ts'
import { post, tokenOf } from './workloads.ts'

const SYSTEM = ['dist/src/cli/main.js', '--system', 'dist/bench/receipts/system.js']

/** W3b: a write that does nothing but what every write does, on a table of as many rows as there are orders elsewhere. */
export async function openReceipts(options: Options, say: (line: string) => void): Promise<Stage> {
  const { orders: count, sides, connections, profile, before } = options
  const dataDir = join(ROOT, '.lintel', `bench-receipts-${count}`)
  const mark = join(dataDir, 'filled')
  const checksum = await schemaChecksum()
  const filled = existsSync(mark) && (await readFile(mark, 'utf8')) === checksum
  if (!filled) await rm(dataDir, { recursive: true, force: true })
  const postgres = await startEmbeddedPostgres({ dataDir, durable: options.fsync, log: say })
  const servers = new Map<Side, ServerProcess>()
  const stop = async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()))
    await postgres.stop()
  }
  try {
    const own = urlFor(postgres.url, 'lintel_receipts')
    if (!filled) {
      await run([...SYSTEM, 'migrate'], { DATABASE_URL: postgres.url })
      say(`filling: ${count.toLocaleString('en')} receipts`)
      await query(own, FILL, [count])
      await writeFile(mark, checksum)
    }
    for (const text of [
      'truncate lintel.outbox',
      'update lintel.readers set position = 0, event_id = null',
      REFERENCE_OUTBOX,
      'delete from receipts where created_at > $1',
      'vacuum analyze',
    ])
      await query(own, text, text.includes('$1') ? [NEWEST] : [])
    const key = await generateSigningKey()
    const users = urlFor(postgres.url, 'lintel_users')
    await query(users, 'truncate signing_keys')
    await query(users, 'insert into signing_keys (kid, key) values ($1, $2)', [key.kid, JSON.stringify(key)])
    const env = { DATABASE_URL: postgres.url, RATE_LIMIT_MAX: UNLIMITED, RATE_LIMIT_AUTH_MAX: UNLIMITED }
    const copy = sides.includes('before') ? { RECEIPTS_DATABASE_URL: await copyOf(postgres.url, 'receipts') } : {}
    const start: Record<Side, () => Promise<ServerProcess>> = {
      reference: async () => {
        const urls = {
          USERS_URL: await provision(postgres.url, 'users'),
          RECEIPTS_URL: await provision(postgres.url, 'receipts'),
        }
        return startServer(['dist/bench/reference/receipts.js'], { ...urls, RATE_LIMIT_MAX: UNLIMITED }, { profile })
      },
      before: () => startServer([...SYSTEM, 'start'], { ...env, ...copy }, { profile, checkout: before }),
      lintel: () => startServer([...SYSTEM, 'start'], env, { profile }),
    }
    for (const side of sides) servers.set(side, await start[side]())
    const visitors = await Promise.all(
      Array.from({ length: connections }, async () => {
        const user = { id: newId('usr'), email: 'visitor@bench.example', roles: ['member'], sid: newId('ses') }
        return { token: await tokenOf(key, user), requests: Array.from({ length: 100 }, receipt) }
      }),
    )
    return {
      servers,
      workloads: { W3b: { reference: visitors, before: visitors, lintel: visitors } },
      compared: 'answers',
      settle: () => query(own, 'checkpoint'),
      databaseCpu: () => postgresCpu(join(dataDir, 'postgres')),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Three lines each. */
function receipt() {
  const upTo = (n: number) => Math.floor(Math.random() * n)
  const lines = Array.from({ length: 3 }, () => ({
    sku: `SKU-${String(upTo(100_000)).padStart(5, '0')}`,
    quantity: 1 + upTo(9),
    price: (1 + upTo(20_000)) / 100,
  }))
  const total = Math.round(lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0) * 100) / 100
  return post('/receipts', { customer: `Customer ${upTo(5_000)}`, lines, total, currency: 'USD' })
}

const NEWEST = '2025-06-30T12:00:00Z'

const FILL = `insert into receipts (id, customer, lines, total, currency, created_at, updated_at)
select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
  'Customer ' || n % 5000, format('[{"sku":"SKU-%s","quantity":1,"price":9.5}]', n % 100000)::json, 9.5, 'USD', at, at
from generate_series(1, $1::bigint) n cross join lateral (
  select timestamptz '${NEWEST}' - interval '730 days' * (1 - n::float8 / $1::float8) as at) as times`

async function query(url: string, text: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text, values)
  } finally {
    await client.end()
  }
}

async function schemaChecksum(): Promise<string> {
  const hash = createHash('sha256').update(FILL)
  for (const folder of ['src/data', 'src/users', 'bench/receipts']) {
    const migrations = join(ROOT, folder, 'migrations')
    for (const file of (await readdir(migrations)).sort())
      hash.update(file).update(await readFile(join(migrations, file)))
  }
  return hash.digest('hex')
}
