import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  /** Orders in the database. */
  readonly orders: number
  readonly rounds: number
  /** Of one measurement: one workload, one side, one round. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  readonly workloads: readonly WorkloadName[]
  readonly sides: readonly Side[]
  /** Folder of another checkout of Lintel, built, that is measured in the same run; or undefined. */
  readonly before: string | undefined
  readonly json: boolean
  /** Load over bare sockets rather than by autocannon. */
  readonly lean: boolean
  /** PostgreSQL waits for the disk, as it should. */
  readonly fsync: boolean
  /** Folder for a CPU profile of each server, or undefined. */
  readonly profile: string | undefined
}

/** `before` is Lintel as another checkout has it. */
export const SIDES = ['reference', 'before', 'lintel'] as const
export type Side = (typeof SIDES)[number]
export const WORKLOADS = ['W1', 'W2 shallow', 'W2 deep', 'W3', 'W3b', 'W4', 'W4 remote'] as const
export type WorkloadName = (typeof WORKLOADS)[number]

/** Those that write. */
export const isWriting = (name: WorkloadName) => name === 'W3' || name === 'W3b'

/** Of the gateway alone: it takes no database. */
export const isOfGateway = (name: WorkloadName) => name.startsWith('W4')

const HELP = `npm run bench -- [options]

Lintel and a hand-written reference (bench/reference), on one PostgreSQL and the same data, in turns.

  W1          GET /orders/{id}: each connection is a user who reads orders of their own
  W2 shallow  GET /orders?status=pending&sort=-createdAt&limit=20 by cursor, from the 10th row on, as an admin
  W2 deep     the same 500,000 rows deep (half of --orders, if that is less)
  W3          POST /users/{id}/orders: each connection is a user who orders 1 to 3 products
  W3b         POST /receipts: three lines are checked, one row and one event are written, and the event is consumed
  W4          the gateway alone (verify, limit, route), in one process with a service that answers at once; no database
  W4 remote   lintel gateway in front of a process that answers at once, against a proxy of node:http and undici

  --quick           a small run to see that all works: 20,000 orders, 1 round of 2 s
  --orders <n>      orders in the database, and receipts in that of W3b (1000000)
  --rounds <n>      rounds (3)
  --seconds <n>     seconds of one measurement (6)
  --only <names>    workloads by how they begin, with commas: W1,W2,W3,W4
  --side <name>     lintel, reference or before alone
  --before <dir>    measure another checkout of Lintel in the same run, built by npm run build there
  --lean            load over bare sockets: autocannon costs more CPU than it measures
  --profile <dir>   write a CPU profile of each server to a folder
  --no-fsync        PostgreSQL does not wait for the disk: what the code costs, whatever the disk does
  --json            print JSON instead of a table
  --help            print this

The data is kept in .lintel/bench-<orders>, and filled anew when a migration or the filling itself has changed.`

/** Reads the command line; undefined where it only asked for help, which is printed. */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      orders: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      side: { type: 'string' },
      before: { type: 'string' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      'no-fsync': { type: 'boolean', default: false },
      lean: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return undefined
  }
  const { quick, only, side, before } = values
  const wanted = only?.split(',') ?? ['W']
  const workloads = WORKLOADS.filter((name) => wanted.some((start) => name.startsWith(start)))
  const sides = SIDES.filter((name) => (side === undefined || name === side) && (name !== 'before' || before))
  if (workloads.length === 0) throw new Error(`--only is "${only}": give some of ${WORKLOADS.join(', ')}`)
  if (sides.length === 0) throw new Error(`--side is "${side}": give lintel, reference, or before with --before`)
  if (before !== undefined && !existsSync(join(before, 'dist', 'src', 'cli', 'main.js')))
    throw new Error(`--before is "${before}": give the folder of another checkout, after npm run build there`)
  return {
    orders: whole('orders', values.orders, quick ? 20_000 : 1_000_000, 20_000),
    rounds: whole('rounds', values.rounds, quick ? 1 : 3, 1),
    seconds: whole('seconds', values.seconds, quick ? 2 : 6, 1),
    warmUpSeconds: quick ? 1 : 4,
    connections: 64,
    workloads,
    sides,
    before,
    json: values.json,
    lean: values.lean,
    fsync: !values['no-fsync'],
    profile: values.profile,
  }
}

/** Reads a whole number; throws what names the option and says what was expected. */
export function whole(name: string, text: string | undefined, unset: number, min: number): number {
  if (text === undefined) return unset
  const value = Number(text)
  if (Number.isInteger(value) && value >= min) return value
  throw new Error(`--${name} is "${text}": give a whole number from ${min}`)
}
