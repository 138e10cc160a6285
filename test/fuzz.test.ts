import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { OpenApiDocument } from '../src/contract/documents/openapi-types.ts'
import { Callers } from './fuzz/callers.ts'
import { type Described, describedBy } from './fuzz/document.ts'
import { type Asked, fuzz, fuzzAtOnce, type Tally, unproven } from './fuzz/fuzz.ts'
import { Known } from './fuzz/known.ts'
import { brokenRules } from './fuzz/sane-data.ts'
import { PASSWORD, reference } from './reference.ts'

const api = reference()

/** Requests for each operation, on average: `FUZZ_RUNS=2000 FUZZ_SEED=7 npx vitest run test/fuzz.test.ts` takes a while. */
const runs = Number(process.env.FUZZ_RUNS ?? 40)
const SEED = 1
const seed = Number(process.env.FUZZ_SEED ?? SEED)
const timeout = 60_000 + runs * 5_000

async function documentOf(version: number): Promise<OpenApiDocument> {
  return (await api.ask('GET', `/v${version}/openapi.json`)).body
}

/** The system with something in it, so that there is more to find than 404. */
async function asked(): Promise<Asked> {
  const known = new Known()
  for (const name of ['password', 'currentPassword']) known.learn('', PASSWORD, name)
  const { token, id } = await api.user()
  const make = async (operation: string, path: string, body: object) => {
    known.learn('', JSON.stringify(body), operation)
    const made = (await api.ask('POST', path, { token, body })).body
    known.learn('', made)
    return made
  }
  for (let i = 0; i < 3; i++) {
    const product = await api.product({ stock: 1_000_000 })
    const cart = await make('orders.carts.create', `/users/${id}/carts`, {})
    const line = { productId: product.id, quantity: 2 }
    const item = await make('orders.cartItems.create', `/carts/${cart.id}/items`, line)
    await make('orders.orders.create', `/users/${id}/orders`, { items: [line] })
    known.learn('', `/carts/${cart.id}/items/${item.id}`, '/carts/{cartId}/items/{id}')
  }
  for (const token of await mailedTokens(6)) known.learn('', token, 'token')
  return { origin: api.url, known, callers: new Callers(api, known) }
}

/** Tokens that came by mail, to so many users: each has one for a password, and one for the address. */
async function mailedTokens(users: number): Promise<string[]> {
  const { token } = api.admin
  const emails = Array.from({ length: users }, () => `mailed.${crypto.randomUUID()}@fuzz.example`)
  for (const email of emails) {
    await api.ask('POST', '/users', { token, body: { email, name: 'Mia' } })
    await api.ask('POST', '/auth/email-verifications', { body: { email } })
  }
  for (;;) {
    const { body } = await api.ask('GET', '/dev/mails')
    const links: string[] = body
      .filter((mail: { to: string }) => emails.includes(mail.to))
      .flatMap((mail: any) => mail.links)
    if (links.length >= 2 * users) return links.map((link) => link.split('/').at(-1)!)
    await delay(20)
  }
}

async function fuzzInto(tally: Tally, described: Described, seed: number): Promise<void> {
  for (const [key, times] of await fuzz(described, await asked(), { seed, runs }))
    tally.set(key, (tally.get(key) ?? 0) + times)
}

const tally: Tally = new Map()
const operations = new Set<Described['operations'][number]>()

describe.each([1, 2])('R-P-2: the system, asked by its document of version %i', (version) => {
  test('answers as that says', { timeout }, async () => {
    const described = describedBy(await documentOf(version))
    for (const operation of described.operations) operations.add(operation)
    await fuzzInto(tally, described, seed + version)
  })

  test('answers as that says when it is asked several things at once', { timeout }, async () => {
    await fuzzAtOnce(describedBy(await documentOf(version)), await asked(), { seed: seed + version, runs })
  })

  test('R-REST-4: has no other methods at its paths', async () => {
    const { paths } = await documentOf(version)
    for (const [template, item] of Object.entries(paths)) {
      const path = `/v${version}${template.replace(/\{\w+\}/g, 'usr_01h455vb4pex5vsknk084sn02q')}`
      const methods = Object.keys(item).map((method) => method.toUpperCase())
      const offered = [...methods, ...(item.get ? ['HEAD'] : []), 'OPTIONS'].sort()
      const { headers } = await api.ask('OPTIONS', path)
      expect(headers.get('allow')?.split(', ').sort(), path).toEqual(offered)
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const { status, body } = await api.ask(method, path, { token: api.admin.token })
        if (methods.includes(method)) expect(status, `${method} ${path}`).not.toBe(405)
        else expect([status, body.error.code], `${method} ${path}`).toEqual([405, 'METHOD_NOT_ALLOWED'])
      }
    }
  })
})

/** How often what is rare is tried again, for what a run meets also depends on chance: ids are random, and some states are brief. */
const FURTHER_ROUNDS = 10

test('each operation was done, and each was refused', { timeout }, async () => {
  // With other seeds it takes more than the usual number of runs to be sure of it.
  const sure = runs >= 200 || (seed === SEED && runs >= 40)
  for (let round = 1; sure && round <= FURTHER_ROUNDS && unproven(tally, [...operations]).length > 0; round++)
    for (const version of [1, 2]) {
      const described = describedBy(await documentOf(version))
      const rare = described.operations.filter((operation) => unproven(tally, [operation]).length > 0)
      if (rare.length === 0) continue
      await fuzzInto(tally, { ...described, operations: rare }, seed + 10 * round + version)
    }
  if (process.env.FUZZ_TALLY) for (const [key, times] of [...tally].sort()) console.log(times, key)
  if (sure) expect(unproven(tally, [...operations])).toEqual([])
})

test.each(['users', 'orders'])('afterwards the data of %s is in order', async (service) => {
  expect(await brokenRules(service, api.system.databases[service]!)).toEqual([])
})

/** Each alters what the document says of some operations, so that it no longer tells the truth. */
const LIES: [string, RegExp, RegExp, (document: any) => void][] = [
  [
    'a price is text',
    /^orders\.products\.(get|list)$/,
    /body of 200: .*price must be string/,
    ({ components }) => {
      components.schemas.Product.properties.price = { type: 'string' }
    },
  ],
  [
    'nobody is refused a product',
    /^orders\.products\.update$/,
    /status 40\d \(\w+\) is not documented/,
    ({ paths }) => {
      for (const status of ['401', '403', '404']) delete paths['/products/{id}'].patch.responses[status]
    },
  ],
  [
    'any quantity will do',
    /^orders\.cartItems\.create$/,
    /status 400 \(VALIDATION_ERROR\) for what is valid by the document/,
    ({ components }) => {
      components.schemas.CartItemCreate.properties.quantity = { type: 'integer' }
    },
  ],
  [
    'names are short',
    /^orders\.products\.create$/,
    /status 201 for what is invalid by the document: body: \/name must NOT have more than 3 characters/,
    ({ components }) => {
      components.schemas.ProductCreate.properties.name.maxLength = 3
    },
  ],
  [
    'lists name the next page',
    /^orders\.products\.list$/,
    /the header X-Next is missing/,
    ({ paths, components }) => {
      components.headers.next = { required: true, schema: { type: 'string' } }
      for (const response of Object.values<any>(paths['/products'].get.responses)) {
        const { headers } = response.$ref ? components.responses[response.$ref.split('/').at(-1)] : response
        headers['X-Next'] = { $ref: '#/components/headers/next' }
      }
    },
  ],
]

test.each(LIES)('a document that says that %s is found out', async (_, lying, fault, alter) => {
  const document = await documentOf(1)
  alter(document)
  const described = describedBy(document)
  const operations = described.operations.filter(({ id }) => lying.test(id))
  const searching = fuzz({ ...described, operations }, await asked(), { seed, runs: 200, shrink: false })
  await expect(searching).rejects.toThrow(fault)
})
