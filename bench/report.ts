import { availableParallelism } from 'node:os'
import type { Figures, Results } from './measure.ts'
import type { Options, Side, WorkloadName } from './options.ts'
import { depthOf } from './workloads.ts'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

interface Summary {
  readonly rate: Spread
  readonly cpu: Spread
  /** Of PostgreSQL, where it is measured; else 0. */
  readonly databaseCpu: Spread
  /** Of the process that asks. */
  readonly loaderCpu: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failures: Readonly<Record<string, number>>
}

/** Below 1, Lintel answers fewer requests, or uses less CPU. */
interface Ratio {
  readonly rate: Spread
  readonly cpu: Spread
  readonly databaseCpu: Spread | undefined
}

export interface Report {
  readonly machine: { readonly cores: number; readonly node: string; readonly platform: string }
  readonly orders: number
  readonly depth: number
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  readonly loader: 'autocannon' | 'bare sockets'
  readonly workloads: Partial<Record<WorkloadName, Partial<Record<Side, Summary>>>>
  /** Lintel against each other side, within a round. */
  readonly ratios: Partial<Record<WorkloadName, Partial<Record<Side, Ratio>>>>
  /** Lintel's requests per second deep down by those near the start. */
  readonly deepByShallow: Spread | undefined
  readonly failed: boolean
}

export function reportOf(results: Results, options: Options): Report {
  const { orders, rounds, seconds, connections } = options
  const workloads: Report['workloads'] = {}
  const ratios: Report['ratios'] = {}
  for (const [name, sides] of results) {
    workloads[name] = Object.fromEntries([...sides].map(([side, figures]) => [side, summaryOf(figures)]))
    const ours = sides.get('lintel')
    if (!ours) continue
    const others = [...sides].filter(([side]) => side !== 'lintel')
    ratios[name] = Object.fromEntries(
      others.map(([side, theirs]): [Side, Ratio] => [
        side,
        {
          rate: ratioOf(ours, theirs, (one) => one.rate),
          cpu: ratioOf(ours, theirs, (one) => one.cpu),
          databaseCpu: ours[0]!.databaseCpu > 0 ? ratioOf(ours, theirs, (one) => one.databaseCpu) : undefined,
        },
      ]),
    )
  }
  const [deep, shallow] = [results.get('W2 deep')?.get('lintel'), results.get('W2 shallow')?.get('lintel')]
  return {
    machine: { cores: availableParallelism(), node: process.version, platform: `${process.platform} ${process.arch}` },
    orders,
    depth: depthOf(orders),
    rounds,
    seconds,
    connections,
    loader: options.lean ? 'bare sockets' : 'autocannon',
    workloads,
    ratios,
    deepByShallow: deep && shallow && ratioOf(deep, shallow, (one) => one.rate),
    failed: Object.values(workloads).some((sides) =>
      Object.values(sides).some(({ failures }) => Object.keys(failures).length > 0),
    ),
  }
}

const COLUMNS = [12, 10, 22, 9, 9, 16, 16, 9]

export function tableOf(report: Report): string {
  const { machine, orders, rounds, seconds, connections, loader } = report
  const lines = [
    `${number(orders)} orders, ${rounds} × ${seconds} s, ${connections} connections by ${loader}; ${machine.cores} cores, Node ${machine.node}, ${machine.platform}`,
    '',
    row(['', '', 'req/s (min–max)', 'p50 ms', 'p99 ms', 'CPU-s per 1,000', 'of PostgreSQL', 'loader’s']),
  ]
  for (const [name, sides] of Object.entries(report.workloads)) {
    for (const [side, { rate, cpu, databaseCpu, loaderCpu, p50Ms, p99Ms, failures }] of Object.entries(sides)) {
      const range = `${number(rate.median)} (${number(rate.min)}–${number(rate.max)})`
      lines.push(
        row([
          ...[name, side, range, p50Ms.toFixed(1), p99Ms.toFixed(1), cpu.median.toFixed(4)],
          ...[databaseCpu.median > 0 ? databaseCpu.median.toFixed(4) : '', loaderCpu.toFixed(4)],
        ]) + failuresOf(failures),
      )
    }
    for (const [side, { rate, cpu, databaseCpu }] of Object.entries(report.ratios[name as WorkloadName] ?? {}))
      lines.push(row([name, `: ${side}`, spread(rate), '', '', spread(cpu), databaseCpu ? spread(databaseCpu) : '']))
  }
  if (report.deepByShallow)
    lines.push(
      '',
      `W2 at depth ${number(report.depth)} against depth 10: ${spread(report.deepByShallow)} of the requests per second`,
    )
  if (report.failed) lines.push('', 'FAILED: some answers were no 2xx')
  return lines.join('\n')
}

function summaryOf(figures: readonly Figures[]): Summary {
  const failures: Record<string, number> = {}
  for (const one of figures)
    for (const [what, count] of Object.entries(one.failures)) failures[what] = (failures[what] ?? 0) + count
  return {
    rate: spreadOf(figures.map((one) => one.rate)),
    cpu: spreadOf(figures.map((one) => one.cpu)),
    databaseCpu: spreadOf(figures.map((one) => one.databaseCpu)),
    loaderCpu: spreadOf(figures.map((one) => one.ownCpu)).median,
    p50Ms: spreadOf(figures.map((one) => one.p50Ms)).median,
    p99Ms: spreadOf(figures.map((one) => one.p99Ms)).median,
    failures,
  }
}

/** Within each round: what slows the machine for a while slows both. */
function ratioOf(ours: readonly Figures[], theirs: readonly Figures[], of: (one: Figures) => number): Spread {
  return spreadOf(ours.map((one, round) => of(one) / of(theirs[round]!)))
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i < 2 ? cell.padEnd(COLUMNS[i]!) : cell.padStart(COLUMNS[i]!))).join(' ')
}

const number = (value: number) => Math.round(value).toLocaleString('en')
const spread = ({ median, min, max }: Spread) => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`

function failuresOf(failures: Readonly<Record<string, number>>): string {
  const all = Object.entries(failures).map(([what, count]) => `${number(count)} × ${what}`)
  return all.length > 0 ? `  FAILED: ${all.join(', ')}` : ''
}
