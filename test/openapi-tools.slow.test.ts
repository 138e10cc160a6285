import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readJson, type Tools, tools } from './openapi-tools/tools.ts'
import { reference } from './reference.ts'
import { launcher } from './system-process.ts'

const api = reference()
const { launch } = launcher()
const file = (path: string) => fileURLToPath(new URL(`../contracts/openapi/${path}`, import.meta.url))
const FILES = ['v1.json', 'v2.json', 'users/v1.json', 'users/v2.json', 'orders/v1.json', 'orders/v2.json'].map(file)
const [whole, wholeV2] = FILES as [string, string]

let kit: Tools
beforeAll(async () => {
  kit = await tools()
  for (const [name, price] of [
    ['Chai', 18],
    ['Chang', 19.5],
  ] as const)
    await api.product({ name, price, stock: 100 })
}, 300_000)
afterAll(() => kit?.remove())

describe('R-P-2: the committed documents have no fault that others find', () => {
  test('Redocly, with its recommended rules', async () => {
    const said = await kit.run('redocly', 'lint', '--extends=recommended', '--max-problems=1000', ...FILES)
    expect(said).toContain('Your API descriptions are valid')
    expect(said).not.toMatch(/You have \d+ warning/)
  })

  test('Spectral, with its rules for OpenAPI', async () => {
    await writeFile(join(kit.folder, '.spectral.yaml'), 'extends: ["spectral:oas"]\n')
    // Slow, and what a service's own document says is all in these.
    const said = await kit.run('spectral', 'lint', '--fail-severity=hint', whole, wholeV2)
    expect(said).toContain("No results with a severity of 'hint' or higher found!")
  })

  test('Postman, whose collection has every operation, with the examples', async () => {
    const out = join(kit.folder, 'collection.json')
    const said = await kit.run('openapi2postmanv2', '-s', whole, '-o', out, '-O', 'parametersResolution=Example')
    expect(said).toContain('Conversion successful')
    const { paths } = await readJson(whole)
    const requests = requestsIn(await readJson(out))
    expect(requests.map(({ name }) => name).sort()).toEqual(
      Object.values<object>(paths)
        .flatMap((item) => Object.values<{ summary: string }>(item as never))
        .map(({ summary }) => summary)
        .sort(),
    )
    const create = requests.find(({ name }) => name === 'Create a product')!
    expect(JSON.parse(create.request.body!.raw)).toMatchObject({ name: 'Chai', category: 'Beverages', price: 18 })
  })
})

const CLIENTS = ['openapi-fetch', 'orval', 'hey-api']

describe('clients that others generate of the committed document', () => {
  beforeAll(async () => {
    const orval = {
      ...{ target: 'generated/orval.ts', client: 'fetch', mode: 'single' },
      override: { mutator: { path: './orval-fetch.ts', name: 'request' } },
    }
    const config = `module.exports = ${JSON.stringify({ api: { input: whole, output: orval } })}`
    await writeFile(join(kit.folder, 'orval.config.cjs'), config)
    await Promise.all([
      kit.run('openapi-typescript', whole, '--output', 'generated/openapi-typescript.ts'),
      kit.run('orval', '--config', 'orval.config.cjs'),
      kit.run('openapi-ts', '--input', whole, '--output', 'generated/hey-api'),
    ])
  }, 180_000)

  test('compile, strictly, and refuse what the contract refuses', async () => {
    expect(await kit.compile(...CLIENTS.map((name) => `${name}.ts`))).toBe('')
  })

  const seen = {
    names: ['Chang', 'Chai'],
    order: { status: 'pending', total: 39, firstLine: 'Chang' },
    conflict: { code: 'OUT_OF_STOCK', fields: ['items[0].productId'] },
  }

  test.each(CLIENTS)(
    '%s: list, register, log in, fill a cart, check out, and read a 409 as a typed error',
    async (name) => {
      expect(JSON.parse(await kit.program(`${name}.ts`, `${api.url}/v1`))).toEqual(seen)
    },
  )

  test('Prism between them and the system finds what they ask and are answered valid, and would tell', async () => {
    const prism = launch(kit.command('prism', 'proxy', whole, `${api.url}/v1`, '--errors', '--port', '0'))
    const [, url] = (await prism.line(/listening on (http\S+)/)) as unknown as [string, string]
    expect(JSON.parse(await kit.program('openapi-fetch.ts', url))).toEqual(seen)
    expect((await fetch(`${url}/products?sort=--name`)).status).toBe(422)
    // An answer with `fields` is a part of what the document describes, which is said in words alone: to Prism it is a fault.
    const part = await fetch(`${url}/products?fields=name`)
    expect([part.status, await part.text()]).toEqual([500, expect.stringContaining('#VIOLATIONS')])
  })
})

interface PostmanRequest {
  readonly name: string
  readonly request: { readonly body?: { readonly raw: string } }
}

/** Folders have items of their own. */
function requestsIn({ item }: { item: (PostmanRequest & { item?: [] })[] }): PostmanRequest[] {
  return item.flatMap((one) => (one.item ? requestsIn({ item: one.item }) : [one]))
}
