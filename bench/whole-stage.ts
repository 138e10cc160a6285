import pg from 'pg'
import { copyOf, type Databases, startDatabases } from './databases.ts'
import type { Options, Side } from './options.ts'
import { type Env, type ServerOptions, type ServerProcess, startServer } from './processes.ts'
import { type Stage, UNLIMITED } from './stage.ts'
import { type Cursors, depthOf, NEAR, planWorkloads, referenceCursors, signIn, walkCursors } from './workloads.ts'

/** W1, W2 and W3: the whole system against the hand-written one, on one PostgreSQL. */
export async function openWhole(options: Options, say: (line: string) => void): Promise<Stage> {
  const databases = await startDatabases(options.orders, say, options.fsync)
  const servers = new Map<Side, ServerProcess>()
  const stop = async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()))
    await databases.stop()
  }
  try {
    const copy = options.sides.includes('before') ? { ORDERS_DATABASE_URL: await copyOf(databases.url, 'orders') } : {}
    for (const side of options.sides) servers.set(side, await startSide(side, databases, copy, options))
    const people = await signIn(databases, options.connections)
    say('looking for the cursors')
    const walked = (side: Side) =>
      cursorsOf(options, (depth) => {
        const server = servers.get(side)
        return server ? walkCursors(server.url, people.admin, depth, options.connections) : []
      })
    const cursors = {
      reference: await cursorsOf(options, (depth) => referenceCursors(databases, depth, options.connections)),
      before: await walked('before'),
      lintel: await walked('lintel'),
    }
    const workloads = await planWorkloads(databases, people, cursors)
    return {
      servers,
      workloads,
      compared: 'answers',
      settle: () => checkpoint(databases.url),
      databaseCpu: databases.cpu,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function startSide(side: Side, databases: Databases, copy: Env, { profile, before }: Options): Promise<ServerProcess> {
  if (side === 'before') return startLintel(databases, { profile, checkout: before }, copy)
  if (side === 'lintel') return startLintel(databases, { profile })
  const env = { USERS_URL: databases.users, ORDERS_URL: databases.orders, RATE_LIMIT_MAX: UNLIMITED }
  return startServer(['dist/bench/reference/server.js'], env, { profile })
}

/** The reference system as it is built, with limits that refuse nobody. */
export function startLintel({ url }: Databases, options?: ServerOptions, env: Env = {}): Promise<ServerProcess> {
  return startServer(
    ['dist/src/cli/main.js', '--system', 'dist/system.js', 'start'],
    { DATABASE_URL: url, RATE_LIMIT_MAX: UNLIMITED, RATE_LIMIT_AUTH_MAX: UNLIMITED, ...env },
    options,
  )
}

async function cursorsOf(options: Options, find: (depth: number) => Promise<string[]> | string[]): Promise<Cursors> {
  const wanted = (name: string) => options.workloads.some((workload) => workload === name)
  return {
    near: wanted('W2 shallow') ? await find(NEAR) : [],
    deep: wanted('W2 deep') ? await find(depthOf(options.orders)) : [],
  }
}

async function checkpoint(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('checkpoint')
  await client.end()
}
