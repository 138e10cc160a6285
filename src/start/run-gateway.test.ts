import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayOptions, gateway } from './run-gateway.ts'

let folder: string
let routes: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-gateway-'))
  routes = join(folder, 'routes.json')
  await writeFile(routes, JSON.stringify({ routes: [{ method: 'GET', path: '/products', access: 'public' }] }))
})
afterAll(() => rm(folder, { recursive: true }))

test('a gateway of `lintel/gateway` serves what its route file names, and nothing else', async () => {
  const shop = createServer((req, res) => res.end(`shop has ${req.url}`)).listen(0, '127.0.0.1')
  await once(shop, 'listening')
  const address = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`
  const running = await gateway({ upstreams: { shop: address }, routes }, { PORT: '0', LOG_LEVEL: 'silent' })
  try {
    expect(await (await fetch(`${running.url}/products`)).text()).toBe('shop has /products')
    expect((await fetch(`${running.url}/orders`)).status).toBe(404)
  } finally {
    await running.stop()
    shop.close()
  }
})

test.each<[object, string]>([
  [{ upstreams: {}, routes: 'x' }, 'has no `upstreams`: name one'],
  [{ upstreams: { shop: 'http://a' } }, 'has neither `routes` nor `openapi`'],
  [{ upstreams: { shop: 'ftp://a' }, routes: 'x' }, 'has "ftp://a" as an address of "shop"'],
  [{ upstreams: { Shop: 'http://a' }, routes: 'x' }, 'has an upstream named "Shop"'],
  [
    { upstreams: { shop: 'http://a' }, openapi: { crm: 'x' } },
    'has openapi of "crm", which is not among its upstreams',
  ],
  [
    { upstreams: { shop: 'http://a' }, routes: 'x', timeoutMs: 0 },
    'has 0 as timeoutMs: give a whole number from 1 to 3600000',
  ],
  [
    { upstreams: { shop: 'http://a' }, routes: 'x', passHeaders: ['x-request-id'] },
    'has "x-request-id" among passHeaders',
  ],
  [
    { upstreams: { shop: 'http://a' }, routes: 'x', tokens: { jwks: 'https://a' } },
    'tokens.issuer is undefined: give what',
  ],
  [{ upstreams: { shop: 'http://a' }, route: 'x' }, 'has the unknown member "route": did you mean "routes"?'],
])('%j is refused', async (options, message) => {
  const run = async () => gateway(options as GatewayOptions, { LOG_LEVEL: 'silent' })
  await expect(run()).rejects.toMatchObject({ code: 'WRONG_ARGUMENT', message: expect.stringContaining(message) })
})
