import { parseArgs } from 'node:util'
import { pointsOf } from './points.ts'
import { type StormResult, storm } from './storm.ts'

const HELP = `npm run test:faults -- [options]

While clients order, users come and go, and events of 1,000 other aggregates are committed, processes of two replicas of the
system, PostgreSQL and NATS are killed (kill -9), at named points and at random, and replicas are paused for longer than
their leases. When everything has come to rest, each order is to be acknowledged, stored, published and handled by each of
three consumers exactly once, and the effects of each aggregate in the order of its events. Exit code 1 if not.

  --kills <n>       kills on each carrier (55; or FAULTS_KILLS)
  --minutes <n>     on each carrier: after so long it fails for want of kills (5; or FAULTS_MINUTES)
  --carrier <name>  postgres or nats alone
  --clients <n>     how many order at once (20)
  --aggregates <n>  with events of their own (1000)
  --help            print this

NATS needs nats-server on PATH.`

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: process.env.FAULTS_KILLS ?? '55' },
    minutes: { type: 'string', default: process.env.FAULTS_MINUTES ?? '5' },
    carrier: { type: 'string' },
    clients: { type: 'string', default: '20' },
    aggregates: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
})

function whole(name: 'kills' | 'minutes' | 'clients' | 'aggregates', min: number): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= min) return value
  throw new Error(`--${name} is "${values[name]}": give a whole number from ${min}`)
}

function carriers(): ('postgres' | 'nats')[] {
  const all = (['postgres', 'nats'] as const).filter((name) => values.carrier === undefined || values.carrier === name)
  if (all.length > 0) return [...all]
  throw new Error(`--carrier is "${values.carrier}": give postgres or nats`)
}

async function main(): Promise<void> {
  const options = {
    kills: whole('kills', 1),
    timeoutMs: whole('minutes', 1) * 60_000,
    clients: whole('clients', 1),
    aggregates: whole('aggregates', 0),
  }
  const began = performance.now()
  const say = (line: string) =>
    console.error(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  for (const carrier of carriers()) {
    const result = await storm({
      ...options,
      carrier,
      pauseMs: 400,
      points: pointsOf(carrier),
      outside: ['replica', 'carrier', 'replica', 'postgres', 'replica', 'carrier', 'replica', 'pause'],
      everyOrders: 20,
      say,
    })
    if (!report(carrier, result, options.kills)) process.exitCode = 1
  }
}

/** Prints the figures; whether they are as they have to be. */
function report(carrier: string, { by, ...result }: StormResult, kills: number): boolean {
  const { lost, doubled, inversions, wrong } = result
  console.log(
    `${carrier}: ${result.kills} kills (${Object.entries(by)
      .map(([of, count]) => `${count} ${of}`)
      .join(', ')})`,
  )
  console.log(
    `${carrier}: ${result.acknowledged} orders acknowledged, ${result.events} events of orders and others, ` +
      `${result.effects} effects; ${lost.length} lost, ${doubled.length} doubled, ${inversions.length} inversions, ` +
      `${wrong.length} wrong answers`,
  )
  for (const [what, all] of Object.entries({ lost, doubled, inversions, wrong }))
    for (const one of all.slice(0, 10)) console.log(`  ${what}: ${one}`)
  if (result.kills < kills) console.log(`${carrier}: only ${result.kills} of ${kills} kills were done in time`)
  return [lost, doubled, inversions, wrong].every((all) => all.length === 0) && result.kills >= kills
}

if (values.help) console.log(HELP)
else
  await main().catch((error) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
