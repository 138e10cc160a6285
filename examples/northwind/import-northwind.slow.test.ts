import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { ImportError } from './import-error.ts'
import { importNorthwind } from './import-northwind.ts'
import { ADMIN, type StandIn, standIn } from './stand-in.ts'

let system: StandIn
afterEach(async () => {
  await system?.close()
})

const credentials = { LINTEL_ADMIN_EMAIL: ADMIN.email, LINTEL_ADMIN_PASSWORD: ADMIN.password }

async function run(args: string[] = [], options: { env?: Record<string, string>; stop?: AbortSignal } = {}) {
  let out = ''
  let err = ''
  const exitCode = await importNorthwind({
    args: [...(system ? ['--url', system.url] : []), ...args],
    env: options.env ?? credentials,
    stop: options.stop ?? new AbortController().signal,
    out: { write: (text) => (out += text) },
    err: { write: (text) => (err += text) },
  })
  return { exitCode, out, err }
}

function figures() {
  return { users: system.users.size, products: system.products.size, orders: system.orders.size }
}
const WHOLE = { users: 91, products: 77, orders: 830 }
const writes = () => [...system.counts].filter(([place]) => place.startsWith('POST') && !place.includes('login'))

test('Northwind is loaded, read back, and found to be whole', async () => {
  system = await standIn()
  const { exitCode, out, err } = await run()
  // On a busy machine it also tells how far it is in between.
  const finished = err.replace(/^\w+ +(\d+) of (\d+)\n/gm, (line, count, all) => (count === all ? line : ''))
  expect(finished).toBe('users    91 of 91\nproducts 77 of 77\norders   830 of 830\n')
  expect(out.split('\n')).toEqual([
    '                  expected         found',
    'users                   91            91',
    'products                77            77',
    'orders                 830           830',
    'order lines          2,155         2,155',
    'total in USD  1,265,793.29  1,265,793.29',
    'All of Northwind is there.',
    '',
  ])
  expect(exitCode).toBe(0)
  expect(figures()).toEqual(WHOLE)
})

test('FC-21: nobody who is imported is mailed an invitation', async () => {
  system = await standIn()
  await run()
  expect([...system.users.values()].map(({ invite }) => invite)).toEqual(Array(91).fill(false))
})

test('a second run finds everything there, and writes nothing', async () => {
  system = await standIn()
  await run()
  system.forgetKeys()
  system.counts.clear()
  const { exitCode, err } = await run()
  expect(exitCode).toBe(0)
  expect(err).toContain('orders   830 of 830, all from before')
  expect(writes()).toEqual([])
})

test('after kill -9 of the server in the middle the figures are the same (R-IDEM-1)', async () => {
  system = await standIn()
  let restarted: Promise<void> | undefined
  system.before = (place, count) => {
    if (count === 300 && place === 'POST /v1/users/{}/orders') {
      // What is in flight is done, or not, and nobody hears of it.
      restarted = system
        .kill()
        .then(() => new Promise<void>((resolve) => setTimeout(resolve, 300)))
        .then(system.restart)
    }
    return undefined
  }
  const { exitCode, err } = await run()
  await restarted
  expect(exitCode).toBe(0)
  expect(err).toMatch(/could not be reached at .*Trying for 60 s\.\nThe system answers again\./s)
  expect(figures()).toEqual(WHOLE)
})

test('answers that are lost do not make anything twice', async () => {
  system = await standIn()
  system.before = (place, count) => (place.startsWith('POST') && count % 7 === 0 ? { kind: 'lose' } : undefined)
  const { exitCode } = await run()
  expect(exitCode).toBe(0)
  expect(figures()).toEqual(WHOLE)
})

test('a run that was stopped goes on the next day, when no key is kept any more', async () => {
  system = await standIn()
  const stop = new AbortController()
  system.before = (place, count) => {
    if (count === 200 && place === 'POST /v1/users/{}/orders') stop.abort(new ImportError('Stopped.', 130))
    return undefined
  }
  const first = await run([], { stop: stop.signal })
  expect(first.exitCode).toBe(130)
  expect(first.err).toMatch(/orders {3}2\d\d of 830\nStopped\.\n$/)
  const before = system.orders.size
  expect(before).toBeGreaterThanOrEqual(200)
  expect(before).toBeLessThan(210)

  system.forgetKeys()
  const second = await run()
  expect(second.exitCode).toBe(0)
  expect(second.err).toContain(`orders   830 of 830, ${before} from before`)
  expect(figures()).toEqual(WHOLE)
})

test('what somebody else adds between the look and the write is taken as it is', async () => {
  system = await standIn()
  const body = { email: 'alfki@example.com', name: 'Somebody' }
  system.before = (place, count) => {
    if (place === 'POST /v2/users' && count === 1) system.users.set('usr_0', { id: 'usr_0', ...body })
    if (place === 'POST /v1/products' && count === 1)
      system.products.set('prd_0', { id: 'prd_0', sku: 'NW-1', name: 'Chai' })
    return undefined
  }
  const { exitCode } = await run(['--concurrency', '1'])
  expect(exitCode).toBe(0)
  expect(figures()).toEqual(WHOLE)
  expect([...system.orders.values()].some(({ userId }) => userId === 'usr_0')).toBe(true)
})

test("other people's users, products and orders are none of its business", async () => {
  system = await standIn()
  system.users.set('usr_0', { id: 'usr_0', email: 'ada@example.com' })
  system.products.set('prd_0', { id: 'prd_0', sku: 'X-NW-1', name: 'Tea' })
  system.orders.set('ord_0', {
    id: 'ord_0',
    userId: 'usr_0',
    placedAt: '1997-01-01T00:00:00.000Z',
    items: [],
    total: 5,
  })
  const { exitCode } = await run()
  expect(exitCode).toBe(0)
  expect(figures()).toEqual({ users: 92, products: 78, orders: 831 })
})

test('what differs is named, and the exit code is 1', async () => {
  system = await standIn()
  await run()
  const [first, second] = [...system.orders.values()].sort((a, b) => (a.placedAt < b.placedAt ? -1 : 1))
  const restore = system.before
  system.before = (place) => {
    // After the look, so that nothing of it is repaired.
    if (place === 'GET /v1/orders' && system.counts.get('GET /v2/users')! > 3) {
      system.orders.delete(first!.id)
      second!.total += 1
      system.orders.set('ord_copy', { ...[...system.orders.values()].at(-1)!, id: 'ord_copy' })
      system.before = restore
    }
    return undefined
  }
  const { exitCode, out, err } = await run()
  expect(exitCode).toBe(1)
  expect(out).toContain('1,265,793.29')
  expect(err).toMatch(/order 10248 of vinet@example\.com, 1996-07-04, is missing/)
  expect(err).toMatch(/order 10249 \(ord_\d+\) adds up to 1864\.40, not 1863\.40/)
  expect(err).toMatch(/order ord_\w+ is one too many/)
  expect(err).toMatch(/total in USD: [\d,.]+ instead of 1,265,793\.29/)
})

test('a token that is refused is renewed, by one login for all requests in flight', async () => {
  system = await standIn()
  system.before = (place, count) => {
    if (count === 100 && place === 'POST /v1/users/{}/orders') system.expireTokens()
    return undefined
  }
  expect((await run()).exitCode).toBe(0)
  expect(system.counts.get('POST /v2/auth/login')).toBe(2)
  expect(figures()).toEqual(WHOLE)
})

test('a limit is waited out, and said once (R-RATE-2)', async () => {
  system = await standIn()
  system.before = (place, count) =>
    count % 100 === 0 && place.includes('orders')
      ? { kind: 'answer', status: 429, code: 'RATE_LIMITED', headers: { 'retry-after': '0' } }
      : undefined
  const { exitCode, err } = await run()
  expect(exitCode).toBe(0)
  expect(err.match(/RATE_LIMIT_MAX/g)).toHaveLength(1)
  expect(figures()).toEqual(WHOLE)
})

test('a limit does not try its patience: it answers, and says when it will do what is asked (R-RATE-2)', async () => {
  system = await standIn()
  let refusals = 0
  system.before = (place) =>
    place === 'POST /v1/products' && ++refusals < 40
      ? { kind: 'answer', status: 429, code: 'RATE_LIMITED', headers: { 'retry-after': '0' } }
      : undefined
  const { exitCode } = await run(['--patience', '0'])
  expect(exitCode).toBe(0)
  expect(figures()).toEqual(WHOLE)
})

test.each([
  ['503', 'SERVICE_UNAVAILABLE'],
  ['504', 'GATEWAY_TIMEOUT'],
  ['409', 'IDEMPOTENCY_IN_PROGRESS'],
  ['500', 'INTERNAL_ERROR'],
])('an answer %s %s now and then does not end it', async (status, code) => {
  system = await standIn()
  system.before = (place, count) =>
    count % 50 === 0 && place.startsWith('POST') ? { kind: 'answer', status: Number(status), code } : undefined
  expect((await run()).exitCode).toBe(0)
  expect(figures()).toEqual(WHOLE)
})

test('a system that stays away ends it in time, and says what to do', async () => {
  system = await standIn()
  await system.kill()
  const { exitCode, err } = await run(['--patience', '1'])
  expect(exitCode).toBe(1)
  expect(err).toMatch(/ECONNREFUSED/)
  expect(err).toMatch(
    /has not answered for 1 s: start it \(npm start\), then run this again\. What is in stays in\.\n$/,
  )
})

test('an answer that will not change ends it at once', async () => {
  system = await standIn()
  system.before = (place) =>
    place === 'POST /v1/users/{}/orders' ? { kind: 'answer', status: 422, code: 'UNPROCESSABLE' } : undefined
  const { exitCode, err } = await run()
  expect(exitCode).toBe(1)
  expect(err).toContain('orders.orders.create failed with UNPROCESSABLE: It is UNPROCESSABLE (request r-1)')
  expect(system.counts.get('POST /v1/users/{}/orders')).toBeLessThanOrEqual(8)
})

test('an admin is needed, and every way not to be one is told apart (78)', async () => {
  system = await standIn()
  expect(await run([], { env: {} })).toMatchObject({
    exitCode: 78,
    err: expect.stringContaining('LINTEL_ADMIN_EMAIL and LINTEL_ADMIN_PASSWORD are not set'),
  })
  expect(await run([], { env: { ...credentials, LINTEL_ADMIN_PASSWORD: 'wrong' } })).toMatchObject({
    exitCode: 78,
    err: expect.stringContaining('refuses LINTEL_ADMIN_EMAIL with LINTEL_ADMIN_PASSWORD: one is wrong'),
  })
  await system.close()
  system = await standIn({ admin: false })
  expect(await run()).toMatchObject({ exitCode: 78, err: expect.stringContaining('is no admin of this system') })
})

test('a secret may stand in a file', async () => {
  system = await standIn()
  const file = join(mkdtempSync(join(tmpdir(), 'northwind-')), 'password')
  writeFileSync(file, `${ADMIN.password}\n`)
  const env = { LINTEL_ADMIN_EMAIL: ADMIN.email, LINTEL_ADMIN_PASSWORD_FILE: file }
  expect((await run([], { env })).exitCode).toBe(0)
  expect(await run([], { env: { ...env, LINTEL_ADMIN_PASSWORD_FILE: '/nowhere' } })).toMatchObject({
    exitCode: 78,
    err: 'LINTEL_ADMIN_PASSWORD_FILE names /nowhere, which is not there\n',
  })
})

test.each([
  [['--url', 'localhost:3000'], 'is no address'],
  [['--concurrency', '0'], 'is not a whole number from 1 to 64'],
  [['--patience', 'long'], 'is not a whole number from 0 to 3600'],
  [['--speed', '9'], '--speed'],
])('%j is refused (78)', async (args, message) => {
  system = await standIn()
  expect(await run(args)).toMatchObject({ exitCode: 78, err: expect.stringContaining(message) })
  expect(system.counts.size).toBe(0)
})

test('from the command line: help, and an exit code', async () => {
  const node = ['--conditions=lintel-source', '--import', 'tsx', 'examples/northwind/import.ts']
  const command = (...args: string[]) =>
    promisify(execFile)(process.execPath, [...node, ...args], { env: { PATH: process.env.PATH } })
  expect((await command('--help')).stdout).toMatch(/^Loads the Northwind data/)
  await expect(command('--url', 'nowhere')).rejects.toMatchObject({
    code: 78,
    stderr: expect.stringContaining('nowhere'),
  })
})
