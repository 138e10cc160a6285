/**
 * `npm run bench:lists`: what each declared list × sort × filter reads on small and on large tables, at its first and its
 * twentieth use and half-way through. What grows is to be what the contract says grows; else the exit code is 1.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { orders } from '../services/orders/contract.ts'
import { users } from '../services/users/contract.ts'
import { Problem } from '../src/base/errors.ts'
import { urlFor } from '../src/data/connection.ts'
import { openDatabase } from '../src/data/pool.ts'
import { provision } from '../src/data/provision.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { type ListCase, listCases, type Measured, measureCase, TIMED_OUT } from './list-cases.ts'
import { fillLists } from './list-fill.ts'
import { run } from './processes.ts'
import { say } from './progress.ts'

const HELP = `npm run bench:lists -- [options]

Every list that the reference services declare, by every sort and filter, through the code that serves it, on tables of
several sizes; each filled, measured and removed again. Prints a table in Markdown: blocks of 8 kB that a page looks at, which
no neighbour of the machine changes, and milliseconds of PostgreSQL beside them.

  --rows <list>    rows of each table, smallest first (10000,100000,1000000)
  --only <text>    only lists whose name contains it, such as "orders by userId"
  --summary        only how many there are, the dearest, and what grew
  --help           print this

A million rows of each take some 3 GB in the folder for temporary files (TMPDIR) and a quarter of an hour on two cores that do nothing else.`

/** More than so many times what it was on the smallest table has grown; a page is a few dozen blocks, and an index one level deeper. */
const GROWN = 4
const FEW_BLOCKS = 25
/** For the uses of one list. */
const PATIENCE_MS = 400

type Sizes = Map<number, Measured>
interface Line {
  readonly one: ListCase
  readonly sizes: Sizes
}

async function main(sizes: readonly number[], only: string, summary: boolean): Promise<boolean> {
  const lines = new Map<string, Line>()
  for (const rows of sizes) await measureOn(rows, only, lines)
  const all = [...lines.values()]
  if (!summary) console.log(tableOf(all, sizes))
  console.log(summaryOf(all, sizes))
  return all.every((line) => line.one.declared || growthOf(line, sizes) <= GROWN)
}

/** Measures every case on a server of its own, which is gone afterwards. */
async function measureOn(rows: number, only: string, lines: Map<string, Line>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lintel-bench-lists-'))
  const server = await startEmbeddedPostgres({
    dataDir,
    durable: false,
    settings: { max_wal_size: '4GB' },
    log: () => {},
  })
  try {
    await run(['dist/src/cli/main.js', '--system', 'dist/system.js', 'migrate'], { DATABASE_URL: server.url })
    say(`filling ${rows.toLocaleString('en')} rows of each table`)
    await fillLists({ users: urlFor(server.url, 'lintel_users'), orders: urlFor(server.url, 'lintel_orders') }, rows)
    for (const contract of [users, orders]) {
      // One connection for lists: PostgreSQL keeps plans by connection.
      const database = openDatabase(contract.name, await provision(server.url, contract.name), { listLanes: 1 })
      try {
        const cases = await listCases(database, contract)
        for (const [i, one] of cases.entries()) {
          const name = `${one.place} | ${one.sort} | ${one.filter}`
          if (!name.includes(only)) continue
          if (i % 20 === 0) say(`${rows.toLocaleString('en')} rows, ${contract.name}: ${i} of ${cases.length}`)
          const line = lines.get(name) ?? { one, sizes: new Map() }
          line.sizes.set(rows, await measureCase(database, one, rows / 20, PATIENCE_MS).catch(stopped))
          lines.set(name, line)
        }
      } finally {
        await database.close()
      }
    }
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** PostgreSQL stops a statement after 15 s, and the service answers 503. */
function stopped(error: unknown): Measured {
  if (error instanceof Problem && error.code === 'SERVICE_UNAVAILABLE') return TIMED_OUT
  throw error
}

function blocksOf({ first, twentieth, deep }: Measured): number {
  return Math.max(first.blocks, twentieth.blocks, deep?.blocks ?? 0)
}

/**
 * Blocks on the largest table to those on the smallest: the dearest use of each. Where the smallest has fewer rows to show, they
 * are compared per row shown; one that has none to show says nothing.
 */
function growthOf({ sizes }: Line, all: readonly number[]): number {
  const largest = sizes.get(all.at(-1)!)
  const smallest = all.map((rows) => sizes.get(rows)).find((measured) => measured && measured.shown > 0)
  if (!smallest || !largest) return 0
  const share = Math.max(1, largest.shown) / smallest.shown
  return blocksOf(largest) / Math.max(blocksOf(smallest) * Math.max(1, share), FEW_BLOCKS)
}

function tableOf(lines: readonly Line[], sizes: readonly number[]): string {
  const head = [
    'list',
    'sort',
    'filter',
    ...sizes.map((rows) => rows.toLocaleString('en')),
    'growth',
    'declared to grow',
  ]
  const rows = lines.map((line) => [
    line.one.place,
    line.one.sort,
    line.one.filter,
    ...sizes.map((rows) => cell(line.sizes.get(rows))),
    growthOf(line, sizes).toFixed(1),
    line.one.declared ? 'yes' : growthOf(line, sizes) > GROWN ? '**no**' : '',
  ])
  const legend =
    'Blocks at the first / the twentieth use / half-way through (where no growth is declared), and milliseconds at the twentieth.'
  return [legend, '', head, head.map(() => '---'), ...rows]
    .map((row) => (typeof row === 'string' ? row : `| ${row.join(' | ')} |`))
    .join('\n')
}

function cell(measured: Measured | undefined): string {
  if (!measured) return ''
  const { first, twentieth, deep } = measured
  return `${[first, twentieth, ...(deep ? [deep] : [])].map(({ blocks }) => blocks).join(' / ')}, ${twentieth.ms.toFixed(1)} ms`
}

function summaryOf(lines: readonly Line[], sizes: readonly number[]): string {
  const largest = sizes.at(-1)!
  const said = (declared: boolean) => {
    const some = lines.filter(({ one }) => one.declared === declared)
    const dearest = Math.max(0, ...some.map(({ sizes }) => (sizes.get(largest) ? blocksOf(sizes.get(largest)!) : 0)))
    const slowest = Math.max(0, ...some.map(({ sizes }) => sizes.get(largest)?.twentieth.ms ?? 0))
    const growth = Math.max(0, ...some.map((line) => growthOf(line, sizes)))
    return `${some.length} lists ${declared ? 'that are declared to grow' : 'with an index'}: at most ${dearest} blocks and ${slowest.toFixed(1)} ms on ${largest.toLocaleString('en')} rows, at most ${growth.toFixed(1)} times those of ${sizes[0]!.toLocaleString('en')} rows`
  }
  const grown = lines.filter((line) => !line.one.declared && growthOf(line, sizes) > GROWN)
  return [
    '',
    said(false),
    said(true),
    ...grown.map(({ one }) => `Undeclared growth: ${one.place}, sort ${one.sort}, filter ${one.filter}`),
  ].join('\n')
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000,100000,1000000' },
    only: { type: 'string', default: '' },
    summary: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const sizes = values.rows.split(',').map(Number)
if (values.help) console.log(HELP)
else if (sizes.some((rows) => !Number.isInteger(rows) || rows < 1000 || rows > 10_000_000)) {
  console.error(`--rows is ${values.rows}: expected whole numbers from 1000 to 10000000, with commas`)
  process.exitCode = 78
} else process.exitCode = (await main(sizes, values.only, values.summary)) ? 0 : 1
