import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { launcher, post, until } from './system-process.ts'
import { send } from './wire.ts'

vi.setConfig({ testTimeout: 60_000 })

const Tea = resource('tea', {
  id: 'tea',
  fields: { name: t.text({ max: 20 }) },
  list: {},
  access: { list: 'public', create: 'public' },
})
const contract = service('outages', { resources: { teas: Tea } })
/** A tea that is named like an SQLSTATE meets that error. */
const SQL = `create table teas (
  id uuid primary key, name varchar(20) not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
);
create function fail() returns trigger language plpgsql as $$ begin
  if new.name ~ '^[0-9A-Z]{5}$' then raise exception using errcode = new.name, message = 'as the server says it'; end if;
  return new;
end $$;
create trigger fail before insert on teas for each row execute function fail();`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL)
})
afterAll(() => running?.stop())

const create = (name: string) => post(`${running.url}/teas`, { name })
const health = async (url: string): Promise<any> => (await fetch(`${url}/health`)).json()
const healthy = (url: string) => until(async () => (await health(url)).status === 'healthy')

describe('FC-114 R-REST-4: what fails because of the machine of the server', () => {
  test.each([
    ['53100', 'the disk is full'],
    ['58P01', 'a file of the database is missing'],
  ])('%s is a 503 with Retry-After, and health says so until a write succeeds', async (code, message) => {
    await healthy(running.url)
    const refused = await create(code)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await refused.json()).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } })
    await until(async () => (await health(running.url)).status === 'degraded')
    expect((await health(running.url)).checks.database).toEqual({ status: 'down', message: `outages: ${message}` })
    expect((await fetch(`${running.url}/teas`)).status).toBe(200)
    expect((await create('Assam')).status).toBe(201)
    await healthy(running.url)
  })

  test.each(['53000', '53200', '53400', '58000', '58030', '53300', '57P01', '57P02', '57P03', '57P04'])(
    '%s is a 503 with Retry-After',
    async (code) => {
      const refused = await create(code)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    },
  )
})

test('FC-119 R-OPS-1: readiness is false while every database is down', async () => {
  expect(await send(running.url, 'GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } })
  const admin = await connect(inject('databaseServer'))
  const name = new URL(running.database).pathname.slice(1)
  const down = async (is: boolean) => {
    await admin.query(`alter database ${name} with allow_connections ${!is}`)
    if (is) await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  }
  try {
    await down(true)
    await until(async () => (await fetch(`${running.url}/health/ready`)).status === 503)
    expect(await send(running.url, 'GET', '/health/ready')).toMatchObject({ body: { status: 'unhealthy' } })
    // Neither a read nor a write is a mistake in its statement for that.
    expect(await send(running.url, 'GET', '/teas')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect((await create('Assam')).status).toBe(503)
    expect((await fetch(`${running.url}/health`)).status).toBe(503)
    expect((await fetch(`${running.url}/health/live`)).status).toBe(200)
    await down(false)
    await until(async () => (await fetch(`${running.url}/health/ready`)).status === 200)
  } finally {
    await down(false)
    await admin.end()
  }
})

describe('FC-61: the data folder is gone while the system runs', () => {
  const { launch, folder } = launcher()

  test('health is unhealthy, nothing is written, the log says so; and all is well when it is back', async () => {
    const dataDir = join(await folder(), 'data')
    const system = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: dataDir } })
    const url = await system.url()
    const register = async () =>
      (await post(`${url}/users`, { email: `${crypto.randomUUID()}@example.com`, name: 'Ann', password: 'a long one' }))
        .status
    expect(await register()).toBe(201)

    await rename(dataDir, `${dataDir}-away`)
    await system.line(/"level":60.*the data folder is gone/)
    expect(await register()).toBe(503)
    await until(async () => (await fetch(`${url}/health`)).status === 503)
    expect(await health(url)).toMatchObject({
      status: 'unhealthy',
      checks: { database: { status: 'down', message: expect.stringContaining('the data folder is gone') } },
    })
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/products`)).status).toBe(200)

    await rename(`${dataDir}-away`, dataDir)
    await system.line(/is back: writes are kept again/)
    expect(await register()).toBe(201)
    await healthy(url)

    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
    await until(async () => (await fetch(`${url}/health`)).status === 503)
    expect(await register()).toBe(503)
    system.child.kill('SIGINT')
    expect((await system.ended).code).toBe(0)
  })
})
