import { randomBytes } from 'node:crypto'
import { createServer, connect as dial, type Server } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Fault } from '../base/errors.ts'
import { addressOf, connect, urlFor } from './connection.ts'
import { provision, serviceUrl, waitForServer } from './provision.ts'

const server = inject('databaseServer')
const prefix = `test_${randomBytes(4).toString('hex')}`
let admin: pg.Client

beforeAll(async () => {
  admin = await connect(server)
})

afterAll(async () => {
  const names = async (sql: string) => (await admin.query<{ name: string }>(sql, [prefix])).rows.map(({ name }) => name)
  for (const name of await names('select datname as name from pg_database where starts_with(datname, $1)'))
    await admin.query(`drop database ${name} with (force)`)
  for (const name of await names('select rolname as name from pg_roles where starts_with(rolname, $1) order by 1 desc'))
    await admin.query(`drop owned by ${name}; drop role ${name}`)
  await admin.end()
})

async function on<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const faultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: Fault) => ({ code: error.code, message: error.message, exitCode: error.exitCode }),
  )

/** The same URL, with a part of it replaced. */
function changed(url: string, change: (url: URL) => void): string {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

test('R-P-1: a service gets a database of its own, which its own role owns and no superuser', async () => {
  const url = await provision(server, 'order-lines', { prefix })
  const name = `${prefix}_order_lines`
  expect(addressOf(url).user).toBe(name)
  const { rows } = await on(url, (client) =>
    client.query(`
      select current_database() as database, current_user as role, pg_get_userbyid(d.datdba) as owner,
        r.rolsuper, r.rolcreatedb, r.rolcreaterole, pg_encoding_to_char(d.encoding) as encoding,
        (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'lintel') as schema_owner,
        lower('ÀÉ') as lower, 'B' < 'a' as code_points
      from pg_database d join pg_roles r on r.rolname = current_user where datname = current_database()`),
  )
  expect(rows[0]).toEqual({
    database: name,
    role: name,
    owner: name,
    schema_owner: name,
    rolsuper: false,
    rolcreatedb: false,
    rolcreaterole: false,
    encoding: 'UTF8',
    lower: 'àé',
    code_points: true,
  })
})

test('R-P-1: the orders role is refused by the users database', async () => {
  const orders = await provision(server, 'orders', { prefix })
  const users = await provision(server, 'users', { prefix })
  const asOrders = urlFor(users, addressOf(users).user!, addressOf(orders))
  const fault = await faultOf(connect(asOrders))
  expect(fault).toMatchObject({ code: 'DATABASE_LOGIN_REFUSED', exitCode: 78 })
  expect(fault.message).toContain(`permission denied for database "${prefix}_users"`)
})

test('R-P-1: the same again finds everything there, changes nothing and answers the same', async () => {
  const first = await provision(server, 'again', { prefix })
  await on(first, (client) => client.query('create table kept (id integer)'))
  const marks = async () =>
    (
      await admin.query(
        `select d.oid, d.xmin::text as database, a.xmin::text as role
        from pg_database d join pg_authid a on a.rolname = datname where datname = $1`,
        [`${prefix}_again`],
      )
    ).rows
  const before = await marks()
  expect(await provision(server, 'again', { prefix })).toBe(first)
  expect(await marks()).toEqual(before)
  expect(await on(first, async (client) => (await client.query('select * from kept')).rowCount)).toBe(0)
})

test('R-P-1: five replicas at once make one database and agree on its URL', async () => {
  const urls = await Promise.all(Array.from({ length: 5 }, () => provision(server, 'racing', { prefix })))
  expect(new Set(urls).size).toBe(1)
  await on(urls[0]!, (client) => client.query('create table proof (id integer)'))
})

test('R-P-1: what was done by half or undone is done again', async () => {
  const url = await provision(server, 'half', { prefix })
  const name = `${prefix}_half`
  await admin.query(`grant connect on database ${name} to public`)
  await admin.query(`alter database ${name} owner to current_user`)
  await admin.query(`alter role ${name} superuser nologin password 'other'`)
  await on(urlFor(server, name), (client) => client.query('drop schema lintel'))
  expect(await provision(server, 'half', { prefix })).toBe(url)
  const { rows } = await on(url, (client) =>
    client.query(`
      select pg_get_userbyid(datdba) = current_user as owner, has_database_privilege('public', oid, 'connect') as open,
        (select rolsuper from pg_roles where rolname = current_user) as super,
        to_regnamespace('lintel') is not null as schema
      from pg_database where datname = current_database()`),
  )
  expect(rows[0]).toEqual({ owner: true, open: false, super: false, schema: true })
})

test('R-P-1: an administrator who is no superuser is enough', async () => {
  const name = `${prefix}_limited`
  await admin.query(`create role ${name} login createdb createrole password 'limited'`)
  const limited = urlFor(server, 'postgres', { user: name, password: 'limited' })
  const url = await provision(limited, 'managed', { prefix })
  expect(await provision(limited, 'managed', { prefix })).toBe(url)
  await on(url, (client) => client.query('create table proof (id integer)'))
})

test('R-P-1: an administrator who may not create databases is told what else to do', async () => {
  const name = `${prefix}_nobody`
  await admin.query(`create role ${name} login password 'nobody'`)
  const url = urlFor(server, 'postgres', { user: name, password: 'nobody' })
  const fault = await faultOf(provision(url, 'order-lines2', { prefix }))
  expect(fault).toMatchObject({ code: 'DATABASE_NOT_ALLOWED', exitCode: 78 })
  expect(fault.message).toContain('ORDER_LINES2_DATABASE_URL')
})

test('R-P-1: the password follows from the administrator’s and from the service', async () => {
  const url = 'postgres://boss:s%2Fecret@db.example:6543/postgres?sslmode=verify-full'
  const orders = serviceUrl(url, 'orders')
  expect(orders).toMatch(/^postgres:\/\/lintel_orders:[\w-]{43}@db\.example:6543\/lintel_orders\?sslmode=verify-full$/)
  expect(serviceUrl(url, 'orders')).toBe(orders)
  expect(addressOf(serviceUrl(url, 'users')).password).not.toBe(addressOf(orders).password)
  expect(serviceUrl('postgres://boss@db.example/postgres', 'orders')).toBe(
    'postgres://lintel_orders@db.example:5432/lintel_orders',
  )
})

test('a socket’s folder and an IPv6 address survive in the service’s URL', () => {
  expect(urlFor('postgres://a:b@%2Ftmp%2Fx:5433/postgres', 'orders')).toBe('postgres://a:b@%2Ftmp%2Fx:5433/orders')
  expect(urlFor('postgresql:///postgres?host=/tmp/x&user=a', 'orders')).toBe('postgres://a@%2Ftmp%2Fx:5432/orders')
  expect(urlFor('postgres://a@[::1]:5433/postgres', 'orders')).toBe('postgres://a@[::1]:5433/orders')
})

test('a name that PostgreSQL would cut is refused', async () => {
  expect(await faultOf(provision(server, 'x'.repeat(64)))).toMatchObject({ code: 'DATABASE_NAME', exitCode: 78 })
})

test('R-OPS-4: a malformed URL fails at once and is not shown', async () => {
  for (const url of ['localhost:5432/x', 'mysql://root:hidden@db/x', 'postgres://a:hidden@host:port/x', '']) {
    const fault = await faultOf(waitForServer(url, { timeoutMs: 60_000 }))
    expect(fault).toMatchObject({ code: 'DATABASE_URL_INVALID', exitCode: 78 })
    expect(fault.message).not.toContain('hidden')
  }
})

test('R-OPS-4: a refused login and a missing database fail at once', async () => {
  const unknown = changed(server, (url) => {
    url.username = 'nobody_of_that_name'
    url.password = 'hidden'
  })
  const refused = await faultOf(waitForServer(unknown, { timeoutMs: 60_000 }))
  expect(refused).toMatchObject({ code: 'DATABASE_LOGIN_REFUSED', exitCode: 78 })
  expect(refused.message).toContain('"nobody_of_that_name"')
  expect(refused.message).not.toContain('hidden')
  const missing = await faultOf(waitForServer(urlFor(server, 'no_such_database'), { timeoutMs: 60_000 }))
  expect(missing).toMatchObject({ code: 'DATABASE_MISSING', exitCode: 78 })
})

/** A port that accepts connections and answers nothing, or, once closed, one that refuses them. */
function silentPort(): Promise<{ listener: Server; url: string }> {
  return new Promise((resolve) => {
    const listener = createServer()
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address() as { port: number }
      resolve({ listener, url: `postgres://boss:hidden@127.0.0.1:${port}/postgres` })
    })
  })
}

test('R-OPS-4: an unreachable server is tried until the timeout, saying so', async () => {
  const { listener, url } = await silentPort()
  await new Promise((resolve) => listener.close(resolve))
  const lines: string[] = []
  const begun = performance.now()
  const fault = await faultOf(waitForServer(url, { timeoutMs: 700, log: (line) => lines.push(line) }))
  const tookMs = performance.now() - begun
  expect(fault).toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 1 })
  expect(fault.message).toContain(`127.0.0.1:${new URL(url).port}`)
  expect(fault.message).toContain('ECONNREFUSED')
  expect(fault.message).not.toContain('hidden')
  expect(lines).toEqual([expect.stringContaining('Trying for another 1 s.')])
  expect(tookMs).toBeLessThan(1_700)
})

test('R-OPS-4: a server that accepts and then says nothing holds nobody up beyond the timeout', async () => {
  const { listener, url } = await silentPort()
  const begun = performance.now()
  const fault = await faultOf(waitForServer(url, { timeoutMs: 600 }))
  expect(fault).toMatchObject({ code: 'DATABASE_UNREACHABLE', message: expect.stringContaining('no answer in time') })
  expect(performance.now() - begun).toBeLessThan(1_600)
  listener.close()
})

test('R-OPS-4: a server that comes up while we wait is found', async () => {
  const { listener, url } = await silentPort()
  await new Promise((resolve) => listener.close(resolve))
  const port = Number(new URL(url).port)
  const { host, port: serverPort } = addressOf(server)
  const proxy = createServer((socket) => {
    const upstream = host.startsWith('/') ? dial(`${host}/.s.PGSQL.${serverPort}`) : dial(serverPort, host)
    socket
      .on('error', () => {})
      .pipe(upstream.on('error', () => {}))
      .pipe(socket)
  })
  const viaPort = urlFor(`postgres://127.0.0.1:${port}`, 'postgres', addressOf(server))
  await waitForServer(viaPort, { timeoutMs: 10_000, log: () => proxy.listen(port, '127.0.0.1') })
  proxy.close()
})

test('R-OPS-4: the waiting ends when the start is called off', async () => {
  const { listener, url } = await silentPort()
  const stopping = new AbortController()
  const waiting = waitForServer(url, { timeoutMs: 60_000, signal: stopping.signal })
  listener.once('connection', () => stopping.abort(new Error('called off')))
  await expect(waiting).rejects.toThrow('called off')
  listener.close()
})
