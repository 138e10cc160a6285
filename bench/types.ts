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

const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const FOLDER = join(ROOT, '.lintel', 'bench-types')
const RESOURCES = 25
const VERBS = 4

const IMPORTS = `import { type Client, client, http } from 'lintel/client'
import { event, resource, service, t } from 'lintel/contract'
import { change, type HandlerOf, implement, insert, newId, readRow } from 'lintel/service'
`

/** So that the imports are used. */
const EXPORTS =
  'export { change, type Client, client, event, type HandlerOf, http, implement, insert, newId, readRow, resource, service, t }'

const resourceText = (n: number) => `
export const Thing${n} = resource('thing${letter(n)}', {
  id: 'th${letter(n)}',
  fields: {
    ownerId: t.id('usr').server(),
    name: t.text({ min: 1, max: 255 }),
    state: t.oneOf('draft${n}', 'open${n}', 'closed${n}').server(),
    amount: t.integer({ min: 0 }).default(0),
    price: t.money(),
    currency: t.currency().default('USD'),
    dueAt: t.time().optional(),
    parts: t.list(t.object({ label${n}: t.text(), quantity: t.integer(), price: t.money() })),
  },
  owner: 'ownerId',
  list: { filter: ['name', 'price'], sort: ['name', 'createdAt'] },
  access: { list: 'owner | admin', get: 'owner | admin', create: 'authenticated', update: 'owner | admin' },
  custom: ['create', 'update'],
})
`

const contractText = (all: number[]) => `
export const shop = service('shop', {
  resources: { ${all.map((n) => `things${n}: Thing${n}`).join(', ')} },
  events: { ${all.map((n) => `'thing${letter(n)}.created': event(Thing${n})`).join(', ')} },
})
`

const handlersText = (all: number[]) => `
${all
  .map(
    (
      n,
    ) => `const update${n}: HandlerOf<typeof shop, 'things${n}', 'update'> = async ({ params, body, expected }, { tx }) =>
  change(tx, Thing${n}, params.id, body, expected)`,
  )
  .join('\n')}

export default implement(shop, {
${all
  .map(
    (n) => `  things${n}: {
    create: async ({ body }, { tx, emit }) => {
      const row = await insert(tx, Thing${n}, { ...body, ownerId: newId('usr'), state: 'draft${n}' })
      emit('thing${letter(n)}.created', row)
      const label: string | undefined = readRow(row).parts[0]?.label${n}
      return label === undefined ? row : row
    },
    update: update${n},
  },`,
  )
  .join('\n')}
}, { migrations: new URL('./migrations/', import.meta.url) })
`

const callsText = (all: number[]) => `
export async function callAll(api: Client<typeof shop>): Promise<string[]> {
  const names: string[] = []
${all
  .map(
    (n) => `  const made${n} = await api.things${n}.create({ body: { name: 'a', price: 1, parts: [] } })
  names.push(made${n}.name, made${n}.state satisfies 'draft${n}' | 'open${n}' | 'closed${n}')
  for (const one of (await api.things${n}.list()).data) names.push(one.parts[0]?.label${n} ?? one.name)
  names.push((await api.things${n}.get({ id: made${n}.id })).currency)
  names.push((await api.things${n}.update({ id: made${n}.id, body: { amount: 2 } })).name)`,
  )
  .join('\n')}
  return names
}
export const api = client(shop, http('http://127.0.0.1:3000'))
`

/** Resources are named by letters: a noun has no digits. */
function letter(n: number): string {
  return String.fromCharCode(97 + n)
}

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
  const all = Array.from({ length: RESOURCES }, (_, n) => n)
  const shop = [IMPORTS, ...all.map(resourceText), contractText(all), handlersText(all), callsText(all)].join('')
  const without: Check[] = []
  const whole: Check[] = []
  for (let run = 0; run < Number(values.runs); run++) {
    without.push(await check('without', `${IMPORTS}${EXPORTS}`))
    whole.push(await check('whole', shop))
  }
  await rm(FOLDER, { recursive: true, force: true })
  const [base, full] = [fastest(without), fastest(whole)]
  const operations = RESOURCES * VERBS
  if (values.json) return console.log(JSON.stringify({ operations, without: base, with: full }, null, 2))
  console.log(`A contract of ${operations} operations, its handlers and calls; the fastest of ${values.runs} runs:`)
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
