import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Operation } from '../src/contract/operation.ts'
import { readTarget } from '../src/gateway/path.ts'
import { createRouter } from '../src/gateway/router.ts'
import type { Description } from '../src/proxy/foreign/description.ts'
import { readRoutes } from '../src/proxy/read-routes.ts'
import { launcher } from './system-process.ts'
import { send } from './wire.ts'

/** Public documents of 13 publishers: test/openapi-corpus/LICENSES.md says whose they are. */
const CORPUS = fileURLToPath(new URL('openapi-corpus/', import.meta.url))
const LICENSES = readFileSync(join(CORPUS, 'LICENSES.md'), 'utf8')
const documents = readdirSync(CORPUS)
  .filter((name) => name.endsWith('.gz'))
  .map((name) => name.slice(0, -'.gz'.length))

/** What is wrong with those that are refused. */
const REFUSED: Record<string, string> = {
  'openapi-glue-paths.json':
    'GET /v2/operationSecurity security asks for "failing", which is not in components.securitySchemes, and so do 2 more: write it there',
  'mojaloop-several-files.yaml':
    'paths /fxQuotes has the $ref "paths/fxQuotes.yaml", which is in another file, which is not read: bundle the document into one file',
  'readme-parameters.json': 'paths is "/cookies#formNonExploded": write it without "#"',
  'readme-responses.json':
    'GET /cache security asks for "api_key", which is not in components.securitySchemes, and so do 2 more: write it there',
  // Names where the standard has a list of objects.
  'signalk-security.json':
    'PUT /signalk/v1/auth/logout security is ["cookieAuth","bearerAuth"]: give a list of security requirements',
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-corpus-'))
  for (const name of documents)
    await writeFile(join(folder, name), gunzipSync(readFileSync(join(CORPUS, `${name}.gz`))))
})
afterAll(async () => {
  console.log(summary())
  await rm(folder, { recursive: true })
})

/** For the summary. */
const loads: { readonly name: string; readonly operations: number; readonly took: number }[] = []
const starts: string[] = []

const { launch } = launcher()
const random = seeded(20_261_129)

async function load(name: string): Promise<Description> {
  const openapi = [{ upstream: 'up', file: join(folder, name) }]
  const [description] = await readRoutes({ routes: undefined, openapi, unchecked: 'public' }, ['up'], () => {})
  return description!
}

describe('public OpenAPI documents', () => {
  test('there are 30 at least, of 10 publishers, in under 10 MB, each with its licence', () => {
    expect(documents.length).toBeGreaterThanOrEqual(30)
    const rows = [...LICENSES.matchAll(/^\| `(.+?)\.gz` \| (.+?) \| `.+?` \| `.+?` \| (MIT|ISC|Apache-2\.0) \|$/gm)]
    expect(rows.map(([, name]) => name).sort()).toEqual([...documents].sort())
    expect(new Set(rows.map(([, , publisher]) => publisher)).size).toBeGreaterThanOrEqual(10)
    const bytes = documents.reduce((sum, name) => sum + statSync(join(CORPUS, `${name}.gz`)).size, 0)
    expect(bytes).toBeLessThan(10_000_000)
  })

  test.each(Object.entries(REFUSED))('%s is refused, and the place is named', async (name, reason) => {
    await expect(load(name)).rejects.toThrow(`${join(folder, name)}: ${reason}`)
  })

  test.each(documents.filter((name) => !(name in REFUSED)))(
    '%s loads, and its operations are routed to',
    async (name) => {
      const began = performance.now()
      const { contract } = await load(name)
      const took = performance.now() - began
      const { served } = contract
      loads.push({ name, operations: served.length, took })
      if (name.endsWith('.json')) expect(served.length).toBe(operationsIn(name))
      const upstream = {
        name: 'up',
        forward: () => Promise.reject(),
        health: () => Promise.reject(),
        replicas: () => [],
        close: () => Promise.resolve(),
      }
      const router = createRouter([{ contract, upstream }])
      for (const operation of sample(served, 60)) {
        const { path, values } = concrete(operation)
        const found = router.route(readTarget(path, false).segments)
        expect(found?.place.routes[operation.method]?.operation, `${operation.method} ${path}`).toBe(operation)
        expect(found?.params).toEqual(values)
        // A 405 for whatever else the document does not have there.
        const here = served.filter((other) => templateOf(other) === templateOf(operation)).map(({ method }) => method)
        const allowed = new Set([...here, ...(here.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])
        expect(new Set(found!.place.allow.split(', '))).toEqual(allowed)
        expect(Object.keys(found!.place.routes).sort()).toEqual([...here].sort())
      }
    },
  )
})

describe('in front of an upstream', () => {
  const upstream = createServer((req, res) => res.end(`${req.method} ${req.url}`))
  let address: string
  beforeAll(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  })
  afterAll(() => {
    upstream.closeAllConnections()
    upstream.close()
  })

  test.each(['signalk-apps.json', 'blockfrost.yaml', 'github.json'])('%s is served', async (name) => {
    const { served } = (await load(name)).contract
    const began = performance.now()
    const gateway = launch('lintel', {
      args: ['gateway', '--upstream', `up=${address}`, '--openapi', name, '--unchecked-security', 'public'],
      cwd: folder,
    })
    const url = await gateway.url()
    const took = performance.now() - began
    starts.push(`${name}: started in ${took.toFixed(0)} ms, at most ${peakMib(gateway.pid)} MiB of memory`)
    for (const operation of sample(served, 15)) {
      const { path } = concrete(operation)
      const answer = await send(url, operation.method, path)
      expect([path, answer.status, answer.text]).toEqual([path, 200, `${operation.method} ${path}`])
    }
    const reading = served.find(
      (one) => one.method === 'GET' && !served.some((other) => other.path === one.path && other.method === 'DELETE'),
    )!
    expect((await send(url, 'DELETE', concrete(reading).path)).status).toBe(405)
    expect((await send(url, 'GET', '/nothing/of/this/name/is/there/at/all/x')).status).toBe(404)
  })
})

/** A path of the operation's, with values that stand in no template. */
function concrete({ path: template }: Operation): { path: string; values: string[] } {
  const values: string[] = []
  const path = template.replace(/\{[^{}]+\}/g, () => {
    const value = `v${Math.floor(random() * 1e9).toString(36)}`
    values.push(value)
    return value
  })
  return { path, values }
}

function templateOf({ path }: Operation): string {
  return path.replace(/\{[^{}]+\}/g, '{}')
}

function sample<T>(all: readonly T[], count: number): T[] {
  const left = [...all]
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(Math.floor(random() * left.length), 1)[0]!,
  )
}

/** mulberry32: the same operations and values at each run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Counted without our own reader. */
function operationsIn(name: string): number {
  const text = readFileSync(join(folder, name), 'utf8').replace(/^\ufeff/, '')
  const { paths = {}, components } = JSON.parse(text) as {
    paths?: Record<string, { $ref?: string }>
    components?: { pathItems?: Record<string, object> }
  }
  const shared = Object.fromEntries(
    Object.entries({ ...paths, ...components?.pathItems }).map(([key, item]) => [key.replaceAll('/', '~1'), item]),
  )
  const methods = ['get', 'head', 'post', 'put', 'patch', 'delete']
  return Object.values(paths)
    .map((item) => (item.$ref === undefined ? item : shared[item.$ref.split('/').at(-1)!]!))
    .flatMap((item) => Object.keys(item).filter((key) => methods.includes(key))).length
}

/** One text for the whole run: a line for what was loaded, and one for each gateway that was started. */
function summary(): string {
  const sum = (of: (load: (typeof loads)[number]) => number) => loads.reduce((all, one) => all + of(one), 0)
  const mib = sum(({ name }) => statSync(join(folder, name)).size) / 2 ** 20
  const ms = sum(({ took }) => took)
  const slowest = Math.max(...loads.map(({ took }) => took))
  const loaded =
    `${loads.length} documents of ${mib.toFixed(1)} MiB with ${sum(({ operations }) => operations)} operations: loaded in ` +
    `${ms.toFixed(0)} ms, the slowest in ${slowest.toFixed(0)}`
  return [loaded, ...starts].join('\n')
}

function peakMib(pid: number): number | string {
  const status = `/proc/${pid}/status`
  if (!existsSync(status)) return 'an unknown number of'
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))![1]) / 1024)
}
