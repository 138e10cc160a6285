import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { urlFor } from '../src/data/connection.ts'
import { provision } from '../src/data/provision.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { FILL_CHECKSUM, fill, tidy } from './fill.ts'
import { postgresCpu } from './postgres-cpu.ts'
import { ROOT, run } from './processes.ts'

export interface Databases {
  /** Of the server, as `DATABASE_URL`. */
  readonly url: string
  /** Of each service's own database and role, as Lintel itself uses them. */
  readonly users: string
  readonly orders: string
  /** As the superuser, for what the benchmark looks up. */
  readonly admin: { readonly users: string; readonly orders: string }
  /** CPU-seconds that PostgreSQL has used so far. */
  cpu(): Promise<number>
  stop(): Promise<void>
}

/** Starts PostgreSQL as users of Lintel get it, with databases that hold `count` orders: kept from last time, or filled. */
export async function startDatabases(count: number, say: (line: string) => void, durable = true): Promise<Databases> {
  const dataDir = join(ROOT, '.lintel', `bench-${count}`)
  const mark = join(dataDir, 'filled')
  const checksum = await schemaChecksum()
  const filled = existsSync(mark) && (await readFile(mark, 'utf8')) === checksum
  if (!filled) await rm(dataDir, { recursive: true, force: true })
  const server = await startEmbeddedPostgres({ dataDir, durable, log: say })
  try {
    const admin = { users: urlFor(server.url, 'lintel_users'), orders: urlFor(server.url, 'lintel_orders') }
    if (!filled) {
      await run(['dist/src/cli/main.js', '--system', 'dist/system.js', 'migrate'], { DATABASE_URL: server.url })
      await fill(admin, count, (done) =>
        say(`filling: ${done.toLocaleString('en')} of ${count.toLocaleString('en')} orders`),
      )
      await writeFile(mark, checksum)
    }
    await tidy(admin.orders)
    return {
      url: server.url,
      users: await provision(server.url, 'users'),
      orders: await provision(server.url, 'orders'),
      admin,
      cpu: () => postgresCpu(join(dataDir, 'postgres')),
      stop: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/**
 * A copy of a service's database as it stands, to which nobody is connected; answers its URL. Of two processes on one database a
 * single one has the lease of its consumers, and handles the events of both: the other would seem to cost less.
 */
export async function copyOf(serverUrl: string, service: string): Promise<string> {
  const url = await provision(serverUrl, service)
  const name = `lintel_${service}`
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(`drop database if exists ${name}_copy`)
    await client.query(`create database ${name}_copy owner ${name} template ${name}`)
  } finally {
    await client.end()
  }
  return urlFor(url, `${name}_copy`)
}

async function schemaChecksum(): Promise<string> {
  const hash = createHash('sha256').update(FILL_CHECKSUM)
  for (const folder of ['src/data', 'src/users', 'services/orders']) {
    const migrations = join(ROOT, folder, 'migrations')
    for (const file of (await readdir(migrations)).sort())
      hash.update(file).update(await readFile(join(migrations, file)))
  }
  return hash.digest('hex')
}
