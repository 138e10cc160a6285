import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { connect, urlFor } from '../src/data/connection.ts'
import { serviceUrl } from '../src/data/provision.ts'
import { launcher, post } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

// The reference system on a server that DATABASE_URL names, as processes.

const server = inject('databaseServer')
const { launch, run, folder } = launcher()
let file: string
/** Of the system, so that its databases are its own on a server that others use too. */
let name: string
let admin: pg.Client

beforeAll(async () => {
  file = join(await folder(), 'system.mts')
})
beforeEach(async () => {
  name = `lt_${randomBytes(5).toString('hex')}`
  const reference = JSON.stringify(new URL('../system.ts', import.meta.url).href)
  await writeFile(file, `import reference from ${reference}\nexport default { ...reference, name: '${name}' }\n`)
  admin = await connect(server)
})
afterEach(async () => {
  for (const one of [`${name}_users`, `${name}_orders`]) {
    await admin.query(`drop database if exists ${one} with (force)`)
    await admin.query(`drop role if exists ${one}`)
  }
  await admin.end()
})

function lintel(args: string[], env: Record<string, string> = {}) {
  return { args: ['--system', file, ...args], env: { DATABASE_URL: server, ...env } }
}

async function onDatabase(service: 'users' | 'orders', sql: string) {
  const client = await connect(urlFor(server, `${name}_${service}`))
  return client.query(sql).finally(() => client.end())
}

test('runs there, each service in its own database, and R-P-1: neither role may enter the other’s', async () => {
  const system = launch('lintel', lintel(['start']))
  const url = await system.url()
  expect((await fetch(`${url}/health`)).status).toBe(200)
  const [users, orders] = ['users', 'orders'].map((service) => serviceUrl(server, service, { prefix: name }))
  for (const [url, other] of [
    [users!, `${name}_orders`],
    [orders!, `${name}_users`],
  ] as const) {
    await (await connect(url)).end()
    await expect(connect(urlFor(url, other))).rejects.toMatchObject({
      code: 'DATABASE_LOGIN_REFUSED',
      message: expect.stringContaining('permission denied for database'),
    })
  }
  expect(system.lines.join('\n')).not.toContain('data is kept in')
  system.child.kill('SIGINT')
  expect(await system.ended).toMatchObject({ code: 0, stderr: '' })
})

const PLATFORM_MIGRATIONS = filesOf('src/data/migrations')
const USERS_MIGRATIONS = [...PLATFORM_MIGRATIONS, ...filesOf('src/users/migrations')]
const ORDERS_MIGRATIONS = [...PLATFORM_MIGRATIONS, ...filesOf('services/orders/migrations')]

function filesOf(folder: string): string[] {
  return readdirSync(new URL(`../${folder}`, import.meta.url)).sort()
}

test('R-OPS-6: starts and `lintel migrate` at once do not get in each other’s way', async () => {
  const systems = [launch('lintel', lintel(['start'])), launch('lintel', lintel(['start']))]
  const migrations = [run('lintel', lintel(['migrate'])), run('lintel', lintel(['migrate']))]
  for (const system of systems) expect((await fetch(`${await system.url()}/products`)).status).toBe(200)
  for (const migration of migrations) expect(await migration).toMatchObject({ code: 0 })
  const applied = [
    ...systems.map(({ lines }) => lines.join('\n')),
    ...(await Promise.all(migrations)).map((m) => m.stderr),
  ]
  const line = `"msg":"users: ${USERS_MIGRATIONS.length} migrations applied"`
  expect(applied.join('\n').split(line)).toHaveLength(2)
  const { rows } = await onDatabase('users', 'select name from lintel.migrations order by name')
  expect(rows.map((row) => row.name)).toEqual([...USERS_MIGRATIONS].sort())
  for (const system of systems) system.child.kill('SIGINT')
  for (const system of systems) expect((await system.ended).code).toBe(0)
})

test('R-OPS-6: in production nothing is migrated at start; `lintel migrate` does it', async () => {
  const production = { NODE_ENV: 'production' }
  expect(await run('lintel', lintel(['start'], production))).toMatchObject({
    code: 78,
    stderr: `lintel: The database of the users service lacks ${USERS_MIGRATIONS.join(', ')}: run \`lintel migrate\` first. (MIGRATIONS_PENDING)\n`,
  })
  expect(await run('lintel', lintel(['migrate'], production))).toMatchObject({
    code: 0,
    stdout: `users: applied ${USERS_MIGRATIONS.join(', ')}\norders: applied ${ORDERS_MIGRATIONS.join(', ')}`,
  })
  expect(await run('lintel', lintel(['migrate'], production))).toMatchObject({
    code: 0,
    stdout: 'users: up to date\norders: up to date',
    stderr: '',
  })
  const system = launch('lintel', lintel(['start'], production))
  await system.url()
  system.child.kill('SIGINT')
  expect((await system.ended).code).toBe(0)
})

test.each(['', 'development'])(
  'R-OPS-6: a command beside a system migrates no DATABASE_URL, with NODE_ENV "%s"; without one it reads no .env there',
  async (NODE_ENV) => {
    const cwd = await folder()
    if (NODE_ENV === '') await writeFile(join(cwd, '.env'), 'LOG_LEVEL=loud\n')
    expect(await run('lintel', { ...lintel(['keys', 'rotate'], { NODE_ENV }), cwd })).toMatchObject({
      code: 78,
      stdout: '',
      stderr: expect.stringMatching(/^lintel: The database of the users service lacks .*\(MIGRATIONS_PENDING\)\n$/),
    })
    expect((await onDatabase('users', `select to_regclass('lintel.migrations') as made`)).rows).toEqual([
      { made: null },
    ])
  },
)

test('R-OPS-6: a database that does not match its contract stops the start, and every difference is named', async () => {
  expect((await run('lintel', lintel(['migrate']))).code).toBe(0)
  await onDatabase(
    'orders',
    'alter table orders drop column currency cascade; alter table orders alter column total type real',
  )
  const { code, stderr } = await run('lintel', lintel(['start']))
  expect(code).toBe(78)
  expect(stderr).toMatch(/^lintel: The database of the orders service does not match its contract:\n/)
  expect(stderr).toMatch(/ {2}orders: column currency is missing \(contract: orders\.currency\)\n/)
  expect(stderr).toMatch(/ {2}orders\.total: /)
  expect(stderr).not.toMatch(/\n\s+at /)
})

test('R-AUTH-7: the first admin comes from the environment; another start with the same address changes nothing', async () => {
  const email = 'ann@example.com'
  const users = async () => (await onDatabase('users', 'select * from users')).rows
  const first = launch(
    'lintel',
    lintel(['start'], { LINTEL_ADMIN_EMAIL: email, LINTEL_ADMIN_PASSWORD: 'the first password' }),
  )
  const url = await first.url()
  first.child.kill('SIGINT')
  expect((await first.ended).code).toBe(0)
  expect(url).toBeDefined()
  const before = await users()
  expect(before).toMatchObject([{ email, roles: ['admin'], version: 1 }])

  const second = launch(
    'lintel',
    lintel(['start'], { LINTEL_ADMIN_EMAIL: email.toUpperCase(), LINTEL_ADMIN_PASSWORD: 'another password' }),
  )
  expect(await logIn(await second.url(), email, 'another password')).toBe(401)
  expect(await logIn(await second.url(), email, 'the first password')).toBe(200)
  expect(await users()).toEqual(before)
  expect(second.lines.join('\n')).not.toContain('no admin exists yet')
})

test('R-AUTH-7: without one the start says how; `lintel users create --admin` makes one, beside the running system', async () => {
  const system = launch('lintel', lintel(['start']))
  const url = await system.url()
  await system.line(/no admin exists yet: run `lintel users create --email <address> --admin`/)
  const create = ['users', 'create', '--email', 'ann@example.com', '--admin']
  expect(await run('lintel', { ...lintel(create), input: 'too few\n' })).toMatchObject({
    code: 2,
    stderr: 'lintel: The password must have at least 8 characters (WRONG_ARGUMENT)\n',
  })
  expect(await run('lintel', { ...lintel(create), input: '\n' })).toMatchObject({
    code: 2,
    stderr: 'lintel: No password was given: pipe one in, or set LINTEL_ADMIN_PASSWORD for an admin (WRONG_ARGUMENT)\n',
  })
  const password = 'one that is long enough'
  const made = await run('lintel', { ...lintel(create), input: `${password}\n` })
  expect(made).toMatchObject({ code: 0, stdout: 'ann@example.com is an admin now', stderr: '' })
  expect(await logIn(url, 'ann@example.com', password)).toBe(200)
  expect(await run('lintel', lintel(create, { LINTEL_ADMIN_PASSWORD: password }))).toMatchObject({
    code: 2,
    stderr: 'lintel: ann@example.com is already a user: nothing was changed (WRONG_ARGUMENT)\n',
  })
})

describe('R-OPS-4: a DATABASE_URL', () => {
  test('that nobody answers is tried for START_TIMEOUT, saying so', async () => {
    const env = { DATABASE_URL: 'postgres://ann:hunter22@127.0.0.1:1/postgres', START_TIMEOUT: '1' }
    const { code, stdout, stderr } = await run('lintel', lintel(['start'], env))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^lintel: PostgreSQL at 127\.0\.0\.1:1 can't be reached .*\(DATABASE_UNREACHABLE\)\n$/)
    expect(stdout).toMatch(/"level":40.*can't be reached .*Trying for another 1 s\./)
    expect(stdout + stderr).not.toContain('hunter22')
  })

  test('with a login that is refused', async () => {
    const DATABASE_URL = urlFor(server, 'postgres', { user: 'lt_nobody', password: 'hunter22' })
    const { code, stdout, stderr } = await run('lintel', lintel(['start'], { DATABASE_URL }))
    expect(code).toBe(78)
    expect(stderr).toMatch(/^lintel: PostgreSQL at .* refused the login of "lt_nobody" .*\(DATABASE_LOGIN_REFUSED\)\n$/)
    expect(stdout + stderr).not.toContain('hunter22')
  })

  test('of a role that may not make databases: says what to do', async () => {
    const role = `${name}_weak`
    await admin.query(`create role ${role} login password 'hunter22'`)
    const DATABASE_URL = urlFor(server, 'postgres', { user: role, password: 'hunter22' })
    const { code, stderr } = await run('lintel', lintel(['start'], { DATABASE_URL }))
    await admin.query(`drop role ${role}`)
    expect(code).toBe(78)
    expect(stderr).toMatch(
      /^lintel: "\w+_weak" may not make .*CREATEDB and CREATEROLE.*USERS_DATABASE_URL\. \(DATABASE_NOT_ALLOWED\)\n$/,
    )
  })
})

async function logIn(url: string, email: string, password: string): Promise<number> {
  return (await post(`${url}/auth/login`, { email, password })).status
}
