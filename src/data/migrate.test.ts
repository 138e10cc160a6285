import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import type { Fault } from '../base/errors.ts'
import { connect, urlFor } from './connection.ts'
import { migrate, PLATFORM_MIGRATIONS, pendingMigrations } from './migrate.ts'
import { statementsOf } from './statements.ts'

const server = inject('databaseServer')
let admin: pg.Client
let name: string
let url: string
let folder: string
let client: pg.Client

beforeAll(async () => {
  admin = await connect(server)
})
afterAll(() => admin.end())

beforeEach(async () => {
  name = `test_migrate_${randomBytes(5).toString('hex')}`
  await admin.query(`create database ${name} template template0`)
  url = urlFor(server, name)
  client = await connect(url)
  folder = await mkdtemp(join(tmpdir(), 'lintel-migrations-'))
})
afterEach(async () => {
  await client.end()
  await admin.query(`drop database ${name} with (force)`)
  await rm(folder, { recursive: true })
})

async function file(fileName: string, sql: string) {
  await writeFile(join(folder, fileName), sql)
}

const faultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: Fault) => ({ code: error.code, message: error.message, exitCode: error.exitCode }),
  )

async function tables(): Promise<string[]> {
  const { rows } = await client.query(
    `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`,
  )
  return rows.map((row) => row.relname)
}

test('R-OPS-6: files are applied in order, the platform’s first, and only once', async () => {
  await file('0002-second.sql', 'alter table one add column b integer;')
  await file('0001-first.sql', "create table one (a text default lintel.typeid('one', gen_random_uuid()));")
  await file('README.md', 'not a migration')
  const lines: string[] = []
  expect(await migrate(url, [PLATFORM_MIGRATIONS, folder], { log: (line) => lines.push(line) })).toEqual([
    '0001-lintel.sql',
    '0002-events.sql',
    '0003-event-headers.sql',
    '0004-cache-changes.sql',
    '0005-feed.sql',
    '0006-places.sql',
    '0007-work.sql',
    '0008-dead-letters.sql',
    '0009-dead-jobs.sql',
    '0010-backfills.sql',
    '0011-inbox-notes.sql',
    '0001-first.sql',
    '0002-second.sql',
  ])
  expect(lines).toHaveLength(13)
  await file('0003-third.sql', 'create table three ();')
  expect(await migrate(url, [folder, PLATFORM_MIGRATIONS])).toEqual(['0003-third.sql'])
  expect(await migrate(url, [PLATFORM_MIGRATIONS, folder])).toEqual([])
  expect(await tables()).toEqual(['one', 'three'])
})

test('R-OPS-6: what is yet to be applied can be asked, and asking changes nothing', async () => {
  await file('0001-first.sql', 'create table one ();')
  expect(await pendingMigrations(url, [folder])).toEqual(['0001-first.sql'])
  expect(await tables()).toEqual([])
  await migrate(url, [folder])
  await file('0002-second.sql', 'create table two ();')
  expect(await pendingMigrations(url, [folder])).toEqual(['0002-second.sql'])
  expect(await tables()).toEqual(['one'])
})

test('R-OPS-6: five replicas at once apply each file once; the others wait', async () => {
  await file('0001-slow.sql', 'create table one (); select pg_sleep(0.3);')
  await file('0002-count.sql', 'create table two ();')
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(url, [folder])))
  expect(applied.filter((names) => names.length > 0)).toEqual([['0001-slow.sql', '0002-count.sql']])
})

test('R-OPS-6: a file that fails leaves nothing of itself; those before it stay', async () => {
  await file('0001-good.sql', 'create table good ();')
  await file('0002-bad.sql', "create table half ();\n\ninsert into half values ('ä') ;\n  select * fro half;\n")
  const fault = await faultOf(migrate(url, [folder]))
  expect(fault).toMatchObject({ code: 'MIGRATION_FAILED', exitCode: 1 })
  expect(fault.message).toMatch(/0002-bad\.sql:4:12: syntax error at or near "fro"/)
  expect(await tables()).toEqual(['good'])
  await file('0002-bad.sql', 'create table whole ();')
  expect(await migrate(url, [folder])).toEqual(['0002-bad.sql'])
})

test('R-OPS-6: what PostgreSQL says only when it runs is passed on too', async () => {
  await file('0001-twice.sql', 'create table one (a integer unique); insert into one values (1), (1);')
  expect((await faultOf(migrate(url, [folder]))).message).toMatch(
    /0001-twice\.sql: duplicate key .*\. Nothing was applied\.\n {2}Key \(a\)=\(1\) already exists\./,
  )
})

test('R-OPS-6: CREATE INDEX CONCURRENTLY works, while other replicas wait', async () => {
  await file('0001-table.sql', 'create table one (a integer);')
  await file(
    '0002-index.sql',
    '-- lintel: no transaction\ndrop index concurrently if exists one_a; -- left by a try; that failed\ncreate index concurrently one_a on one (a);\n',
  )
  const applied = await Promise.all([1, 2, 3].map(() => migrate(url, [folder])))
  expect(applied.flat()).toEqual(['0001-table.sql', '0002-index.sql'])
  const { rows } = await client.query(`select indisvalid from pg_index where indexrelid = 'one_a'::regclass`)
  expect(rows).toEqual([{ indisvalid: true }])
})

test.each([
  [
    '0008-dead-letters.sql',
    'inbox_dead',
    `insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at) values ('a.b', gen_random_uuid(), 'c.d', 'e', now())`,
  ],
  [
    '0009-dead-jobs.sql',
    'work_dead',
    `insert into lintel.work (id, job, data, due_at) values (gen_random_uuid(), 'one', '{}', now())`,
  ],
])(
  'R-OPS-6: %s holds up no writer of its table, and is made again after a failure',
  async (migration, index, write) => {
    for (const older of await readdir(PLATFORM_MIGRATIONS))
      if (older < migration) await cp(new URL(older, PLATFORM_MIGRATIONS), join(folder, older))
    await migrate(url, [folder])
    await client.query(`update lintel.migrations set source = 'lintel'`)
    await client.query(`begin; ${write}`)
    const migrated = faultOf(migrate(url, [PLATFORM_MIGRATIONS]))
    const waiting = `from pg_stat_activity where datname = '${name}' and wait_event_type = 'Lock' and query like '%create index%'`
    await expect.poll(() => admin.query(`select ${waiting}`), { timeout: 20_000 }).toMatchObject({ rowCount: 1 })
    const other = await connect(url)
    await other.query(`set lock_timeout = '10s'`)
    await other.query(write)
    await other.end()
    await admin.query(`select pg_cancel_backend(pid) ${waiting}`)
    expect(await migrated).toMatchObject({ code: 'MIGRATION_FAILED' })
    await client.query('commit')
    const valid = `select indisvalid from pg_index where indexrelid = 'lintel.${index}'::regclass`
    expect((await client.query(valid)).rows).toEqual([{ indisvalid: false }])
    expect(await migrate(url, [PLATFORM_MIGRATIONS])).toContain(migration)
    expect((await client.query(valid)).rows).toEqual([{ indisvalid: true }])
  },
)

test('R-OPS-6: outside a transaction, what was done before a failure is said', async () => {
  await file(
    '0001-parts.sql',
    '-- lintel: no transaction\ncreate table one ();\ncreate table two ();\n\ncreate tabel three ();\n',
  )
  const { message } = await faultOf(migrate(url, [folder]))
  expect(message).toMatch(/0001-parts\.sql:5:8: syntax error at or near "tabel"\. 2 of its 3 statements are done\./)
  expect(await tables()).toEqual(['one', 'two'])
})

test('R-OPS-6: a file that would end its own transaction is refused before it does anything', async () => {
  await file('0001-own.sql', 'create table one ();\nbegin;\ncreate table two ();\ncommit;')
  const fault = await faultOf(migrate(url, [folder]))
  expect(fault.code).toBe('MIGRATION_FAILED')
  expect(fault.message).toContain('0001-own.sql:2:1: migrations run in a transaction')
  expect(await tables()).toEqual([])
})

test('R-OPS-6: a file that changed after it was applied is refused by name', async () => {
  await file('0001-first.sql', 'create table one ();\n')
  await migrate(url, [folder])
  await file('0001-first.sql', '\uFEFFcreate table one ();\r\n')
  expect(await migrate(url, [folder])).toEqual([])
  await file('0001-first.sql', 'create table one (a integer);\n')
  const fault = await faultOf(migrate(url, [folder]))
  expect(fault).toMatchObject({ code: 'MIGRATION_CHANGED', exitCode: 78 })
  expect(fault.message).toContain('0001-first.sql')
  expect(fault.message).toContain('new file')
})

test('R-OPS-6: older code finds a newer database, says so and goes on', async () => {
  await file('0001-first.sql', 'create table one ();')
  await file('0002-second.sql', 'create table two ();')
  await migrate(url, [folder])
  await rm(join(folder, '0002-second.sql'))
  const lines: string[] = []
  expect(await migrate(url, [folder], { log: (line) => lines.push(line) })).toEqual([])
  expect(lines).toEqual([expect.stringContaining('0002-second.sql')])
})

test('R-OPS-6: an applied file that is gone from between, or was renamed, is missed', async () => {
  await file('0001-first.sql', '')
  await file('0002-second.sql', '')
  await migrate(url, [folder])
  await rm(join(folder, '0001-first.sql'))
  const fault = await faultOf(migrate(url, [folder]))
  expect(fault).toMatchObject({ code: 'MIGRATION_MISSING', exitCode: 78 })
  expect(fault.message).toContain('0001-first.sql')
  await file('0001-renamed.sql', '')
  expect(await faultOf(migrate(url, [folder]))).toMatchObject({ code: 'MIGRATION_MISSING' })
})

test('R-OPS-6: a file with a number below an applied one is refused: order is the same everywhere', async () => {
  await file('0002-second.sql', '')
  await migrate(url, [folder])
  await file('0001-late.sql', '')
  const fault = await faultOf(migrate(url, [folder]))
  expect(fault).toMatchObject({ code: 'MIGRATION_NAME', exitCode: 78 })
  expect(fault.message).toContain('0001-late.sql comes before 0002-second.sql')
})

test('R-OPS-6: bad names, a number given twice and a missing folder are refused', async () => {
  await file('1-orders.sql', '')
  expect(await faultOf(migrate(url, [folder]))).toMatchObject({ code: 'MIGRATION_NAME' })
  await rm(join(folder, '1-orders.sql'))
  await file('0001-orders.sql', '')
  await file('0001-others.sql', '')
  const fault = await faultOf(migrate(url, [folder]))
  expect(fault.code).toBe('MIGRATION_NAME')
  expect(fault.message).toMatch(/0001-others\.sql has the same number as .*0001-orders\.sql/)
  expect(await faultOf(migrate(url, [join(folder, 'none')]))).toMatchObject({ code: 'MIGRATION_MISSING' })
})

test('R-OPS-6: what a file sets for its session ends with it, and no timeout of the role holds', async () => {
  await client.query(`alter database ${name} set statement_timeout = '100ms'`)
  await file('0001-dump.sql', `select pg_catalog.set_config('search_path', '', false); create table public.one ();`)
  await file('0002-plain.sql', 'create table two (); select pg_sleep(0.2);')
  expect(await migrate(url, [folder])).toHaveLength(2)
  // Nor while it finds out what is applied.
  await client.query('begin; lock table lintel.migrations')
  const again = migrate(url, [folder])
  await client.query('select pg_sleep(0.3); commit')
  expect(await again).toEqual([])
})

test('statements end at semicolons, but not at those in strings, names, comments and dollar quotes', () => {
  const statements = [
    "select 'a;''b', e'\\';', \"c;\"\"d\", type$1 -- e;\n, $$f;$$ /* g; */",
    'do $body$ begin perform $$;$$; end $body$',
    'select 1',
  ]
  expect(
    statementsOf(`-- first;\n${statements.join(' ;\n\n/* then; */ ')}\n;; -- end`).map(({ text }) => text.trim()),
  ).toEqual(statements)
  expect(statementsOf('-- nothing;\n')).toEqual([])
})

test('files of a service that extends another have numbers of their own, come after its, and their folder may be missing', async () => {
  const extension = join(folder, 'extension')
  const folders = [PLATFORM_MIGRATIONS, folder, extension]
  await file('0001-users.sql', 'create table users (id integer)')
  expect(await migrate(url, folders)).toContain('0001-users.sql')
  await mkdir(extension)
  await writeFile(join(extension, '0001-phone.sql'), 'alter table users add column phone text')
  await file('0002-name.sql', 'alter table users add column name text')
  expect(await migrate(url, folders)).toEqual(['0002-name.sql', '0001-phone.sql'])
  expect(await pendingMigrations(url, folders)).toEqual([])
  await rm(extension, { recursive: true })
  await expect(pendingMigrations(url, folders)).resolves.toEqual([])
})
