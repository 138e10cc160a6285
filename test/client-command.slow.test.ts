import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM, chromium } from './chromium.ts'
import { script } from './client-module.ts'
import { PASSWORD, reference } from './reference.ts'

const root = new URL('..', import.meta.url).pathname
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lintel-client-command-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function client(...args: string[]) {
  const options = ['--conditions=lintel-source', '--import', 'tsx', 'src/cli/main.ts', 'client']
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, ...args], { cwd: root, encoding: 'utf8' })
  return { status, said: (stdout + stderr).trimEnd() }
}

describe('lintel client', () => {
  test('writes the client of a system, and its check fails once the file is not what the contracts say', () => {
    const out = join(folder, 'desk', 'client.ts')
    const args = ['--system', 'examples/helpdesk/system.ts', '--out', out]
    expect(client(...args, '--check')).toEqual({
      status: 1,
      said: expect.stringContaining('not what the contract says'),
    })
    expect(client(...args)).toEqual({ status: 0, said: expect.stringMatching(/client\.ts: written$/) })
    expect(readFileSync(out, 'utf8')).toContain('export interface TicketCalls {')
    expect(client(...args, '--check')).toEqual({ status: 0, said: 'up to date' })
    writeFileSync(out, `${readFileSync(out, 'utf8')}\n`)
    expect(client(...args, '--check')).toEqual({
      status: 1,
      said: expect.stringContaining(`Run \`lintel client --out ${out}\` and commit what it writes.`),
    })
  })

  test('writes an older version, or the table alone', () => {
    const out = join(folder, 'table.json')
    expect(client('--api-version', '1', '--out', out).status).toBe(0)
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ users: { get: 'GET /v1/users/{id}' } })
  })

  test.each([
    [['--out', 'client.js'], '--out is "client.js": give a file that ends in .ts, .mts or .json'],
    [['--api-version', '3'], '--api-version is "3": give a version of this API, 1 to 2'],
    [['--api-version', 'two'], '--api-version is "two": give a version of this API, 1 to 2'],
  ])('says what was meant: %j', (args, said) => {
    expect(client(...args)).toEqual({ status: 2, said: expect.stringContaining(said) })
  })
})

/** Where a page has its client from. */
const CLIENTS = {
  'the file that lintel client has written': `
import { client as connect, isProblem } from './client.ts'
`,
  'the client of lintel/client, with the table that lintel client has written,': `
import { client, type ClientOptions, isProblem } from 'lintel/client'
import type { orders } from '${root}services/orders/contract.ts'
import type { users } from '${root}services/users/contract.ts'
import table from './table.json'
const connect = (options: ClientOptions) => client<[typeof users, typeof orders]>(table, options)
`,
}

/** What a page does; it tells of it when it is done. */
const PAGE = `
declare const URL_OF_API: string, EMAIL: string, PASSWORD: string, PRODUCT: \`prd_\${string}\`

async function run() {
  let refreshes = 0
  const api = connect({
    url: URL_OF_API,
    tokens: {
      get: () => JSON.parse(sessionStorage.getItem('tokens') ?? 'null') ?? undefined,
      set: (tokens) => sessionStorage.setItem('tokens', JSON.stringify(tokens ?? null)),
    },
    fetch: (url, init) => {
      if (url.endsWith('/auth/refresh')) refreshes++
      return fetch(url, init)
    },
  })
  await api.login({ body: { email: EMAIL, password: PASSWORD } })
  const { name, version } = await api.users.get({ id: 'me', query: { fields: ['name', 'version'] } })
  const renamed = await api.users.update({ id: 'me', body: { name: name + 'e' }, ifMatch: version })
  for (let i = 0; i < 3; i++)
    await api.orders.create({ userId: 'me', body: { items: [{ productId: PRODUCT, quantity: 1 }] } })
  sessionStorage.setItem('tokens', sessionStorage.getItem('tokens')!.replace(/"accessToken":"/, '$&x'))
  const totals: number[] = []
  const walk = async () => {
    for await (const { total } of api.orders.eachAll({ query: { limit: 2, fields: ['total'] } })) totals.push(total)
  }
  await Promise.all([walk(), walk()])
  const code = await api.orders
    .create({ userId: 'me', body: { items: [{ productId: PRODUCT, quantity: 1000 }] } })
    .catch((error: unknown) => (isProblem(error) ? error.code : String(error)))
  await api.logout()
  const after = await api.users.get({ id: 'me' }).catch((error: unknown) => isProblem(error, 'UNAUTHENTICATED'))
  return { name: renamed.name, totals, code, refreshes, after, kept: sessionStorage.getItem('tokens') }
}
run().then(
  (result) => { document.body.dataset.result = JSON.stringify(result) },
  (error) => { document.body.dataset.result = String(error.stack) },
)
`

describe.runIf(CHROMIUM)('R-GW-5: in a page of another origin', () => {
  let page = ''
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page))
  const origin = new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
  afterAll(() => server.close())
  const api = reference(async () => ({ CORS_ORIGINS: await origin }))
  const browser = chromium()

  test.each(Object.entries(CLIENTS))('%s signs in, orders, walks, refreshes and signs out', async (_, head) => {
    for (const name of ['client.ts', 'table.json']) expect(client('--out', join(folder, name)).status).toBe(0)
    const { email } = await api.user()
    const product = await api.product({ stock: 10 })
    const define = { URL_OF_API: api.url, EMAIL: email, PASSWORD, PRODUCT: product.id }
    const text = script(head + PAGE, folder, {
      conditions: ['lintel-source'],
      alias: { 'lintel/client': `${root}src/client/index.ts` },
      minify: true,
      define: Object.fromEntries(Object.entries(define).map(([name, value]) => [name, JSON.stringify(value)])),
    })
    console.log(`page: ${gzipSync(text, { level: 9 }).length} bytes gzip, ${text.length} minified`)
    page = `<!doctype html><title>Shop</title><link rel="icon" href="data:,"><body><script type="module">${text}</script>`
    const opened = await browser.open()
    await opened.page.goto(await origin)
    const result = await opened.page.locator('body[data-result]').getAttribute('data-result')
    expect(JSON.parse(result!)).toEqual({
      name: 'Anne',
      totals: expect.arrayContaining([18, 18, 18, 18, 18, 18]),
      code: 'OUT_OF_STOCK',
      refreshes: 1,
      after: true,
      kept: 'null',
    })
    expect(opened.faults).toEqual([])
  })
})
