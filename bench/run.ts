import { confirmAlike } from './alike.ts'
import { type Databases, startDatabases } from './databases.ts'
import { measure } from './measure.ts'
import { type Options, readOptions, type Side } from './options.ts'
import { type ServerProcess, startServer } from './processes.ts'
import { reportOf, tableOf } from './report.ts'
import { type Cursors, depthOf, NEAR, planWorkloads, referenceCursors, signIn, walkCursors } from './workloads.ts'

const UNLIMITED = '1000000000'

async function main(options: Options): Promise<void> {
  const databases = await startDatabases(options.orders, say)
  const servers = new Map<Side, ServerProcess>()
  try {
    for (const side of options.sides) servers.set(side, await startSide(side, databases, options.profile))
    const people = await signIn(databases, options.connections)
    const cursors = {
      reference: await cursorsOf(options, (depth) => referenceCursors(databases, depth, options.connections)),
      lintel: await cursorsOf(options, (depth) => {
        const server = servers.get('lintel')
        return server ? walkCursors(server.url, people.admin, depth, options.connections) : []
      }),
    }
    const workloads = await planWorkloads(databases, people, cursors)
    await confirmAlike(servers, workloads)
    const results = await measure({ options, servers, workloads, databaseUrl: databases.url, say })
    const report = reportOf(results, options)
    say('')
    console.log(options.json ? JSON.stringify(report, null, 2) : tableOf(report))
    if (report.failed) process.exitCode = 1
  } finally {
    say('')
    await Promise.all([...servers.values()].map((server) => server.stop()))
    await databases.stop()
  }
}

function startSide(side: Side, { url, users, orders }: Databases, profile: string | undefined): Promise<ServerProcess> {
  return side === 'lintel'
    ? startServer(
        ['dist/src/cli/main.js', '--system', 'dist/system.js', 'start'],
        { DATABASE_URL: url, RATE_LIMIT_MAX: UNLIMITED },
        profile,
      )
    : startServer(
        ['dist/bench/reference/server.js'],
        { USERS_URL: users, ORDERS_URL: orders, RATE_LIMIT_MAX: UNLIMITED },
        profile,
      )
}

async function cursorsOf(options: Options, find: (depth: number) => Promise<string[]> | string[]): Promise<Cursors> {
  const wanted = (name: string) => options.workloads.some((workload) => workload === name)
  say('looking for the cursors')
  return {
    near: wanted('W2 shallow') ? await find(NEAR) : [],
    deep: wanted('W2 deep') ? await find(depthOf(options.orders)) : [],
  }
}

/** What is going on, in one line of the terminal; nothing where nobody looks. */
function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options) await main(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
