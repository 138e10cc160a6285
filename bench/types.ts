/**
 * `npm run bench:types`: what a contract of 100 operations costs the type checker. A contract of 25 resources with 8 fields
 * and 4 verbs each, its handlers and its calls by a typed client are generated and checked, as a customer's project would
 * be: against the declarations in dist. The same project without them says what the library's own types cost.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from './processes.ts'
import { OPERATIONS, SHOP, WITHOUT } from './types-shop.ts'

const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const FOLDER = join(ROOT, '.lintel', 'bench-types')
interface Check {
  readonly checkS: number
  readonly totalS: number
  readonly instantiations: number
}

async function check(name: string, text: string): Promise<Check> {
  const folder = join(FOLDER, name)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'shop.ts'), text)
  const config = { extends: '../../../tsconfig.json', compilerOptions: { customConditions: [] }, include: ['shop.ts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { stdout, status } = spawnSync(process.execPath, [TSC, '-p', folder, '--noEmit', '--extendedDiagnostics'], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name} does not type-check:\n${stdout.slice(0, 4000)}`)
  const figure = (label: string) => Number(new RegExp(`^${label}:\\s+([\\d.]+)`, 'm').exec(stdout)?.[1])
  return { checkS: figure('Check time'), totalS: figure('Total time'), instantiations: figure('Instantiations') }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, runs: { type: 'string', default: '3' } },
  })
  const without: Check[] = []
  const whole: Check[] = []
  for (let run = 0; run < Number(values.runs); run++) {
    without.push(await check('without', WITHOUT))
    whole.push(await check('whole', SHOP))
  }
  await rm(FOLDER, { recursive: true, force: true })
  const [base, full] = [fastest(without), fastest(whole)]
  if (values.json) return console.log(JSON.stringify({ operations: OPERATIONS, without: base, with: full }, null, 2))
  console.log(`A contract of ${OPERATIONS} operations, its handlers and calls; the fastest of ${values.runs} runs:`)
  console.log(line('without', base))
  console.log(line('with', full))
  console.log(`The contract itself: ${(full.checkS - base.checkS).toFixed(2)} s of checking; the goal is under 2 s.`)
}

function line(name: string, { checkS, totalS, instantiations }: Check): string {
  return `  ${name.padEnd(8)} check ${checkS.toFixed(2)} s, total ${totalS.toFixed(2)} s, ${instantiations.toLocaleString('en')} instantiations`
}

function fastest(checks: readonly Check[]): Check {
  return checks.reduce((best, one) => (one.checkS < best.checkS ? one : best))
}

await main()
