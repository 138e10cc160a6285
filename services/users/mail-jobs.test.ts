import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { connect, urlFor } from '../../src/data/connection.ts'
import { migrate, PLATFORM_MIGRATIONS } from '../../src/data/migrate.ts'
import { openDatabase } from '../../src/data/pool.ts'
import { claimJob } from '../../src/data/work.ts'

// From a table of mails to jobs.

const server = inject('databaseServer')
const migrations = new URL('./migrations/', import.meta.url)
let admin: pg.Client
let name: string
let url: string
let folder: string
let client: pg.Client

beforeEach(async () => {
  admin = await connect(server)
  name = `test_mails_${randomBytes(5).toString('hex')}`
  await admin.query(`create database ${name} template template0`)
  url = urlFor(server, name)
  folder = await mkdtemp(join(tmpdir(), 'lintel-mails-'))
  for (const file of await readdir(migrations))
    if (file < '0007') await cp(new URL(file, migrations), join(folder, file))
  await migrate(url, [PLATFORM_MIGRATIONS, folder])
  client = await connect(url)
})
afterEach(async () => {
  await client.end()
  await admin.query(`drop database ${name} with (force)`)
  await admin.end()
  await rm(folder, { recursive: true })
})

test('R-AUTH-6: mails that wait when the table of mails goes are jobs then, with their attempts, time and key', async () => {
  await client.query(
    `insert into mails (address, kind, attempts, due_at) values
       ('Ann@example.com', 'verification', 0, now()), ('ann@example.com', 'reset', 3, now() + interval '1 hour'),
       ('bea@example.com', 'invitation', 21, now() - interval '1 minute')`,
  )
  await cp(fileURLToPath(new URL('0007-mail-jobs.sql', migrations)), join(folder, '0007-mail-jobs.sql'))
  expect(await migrate(url, [PLATFORM_MIGRATIONS, folder])).toEqual(['0007-mail-jobs.sql'])
  const { rows } = await client.query(
    `select key, data, attempts, due_at > now() as later from lintel.work where job = 'sendMail' order by key`,
  )
  expect(rows).toEqual([
    { key: 'password ann@example.com', data: { address: 'ann@example.com', kind: 'reset' }, attempts: 3, later: true },
    {
      key: 'password bea@example.com',
      data: { address: 'bea@example.com', kind: 'invitation' },
      attempts: 21,
      later: false,
    },
    {
      key: 'verification ann@example.com',
      data: { address: 'Ann@example.com', kind: 'verification' },
      attempts: 0,
      later: false,
    },
  ])
  expect((await client.query(`select to_regclass('mails') as mails`)).rows).toEqual([{ mails: null }])
  const database = openDatabase('users', url)
  expect(await claimJob(database, ['sendMail'], [1_000])).toMatchObject({ attempt: 22, name: 'sendMail' })
  await database.close()
})
