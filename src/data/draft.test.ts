import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import type { Contract } from '../contract/contract.ts'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import { connect, urlFor } from './connection.ts'
import { draftMigration } from './draft.ts'
import { driftOf } from './drift.ts'
import { missingIndexes } from './list-indexes.ts'
import { migrate, migrationStatus, PLATFORM_MIGRATIONS } from './migrate.ts'
import { DRAFT } from './migration-files.ts'
import { type Database, openDatabase } from './pool.ts'
import { emptyDatabase } from './reset.ts'

const server = inject('databaseServer')
let admin: pg.Client
let name: string
let url: string
let folder: string
let database: Database

beforeAll(async () => {
  admin = await connect(server)
})
afterAll(() => admin.end())

beforeEach(async () => {
  name = `test_draft_${randomBytes(5).toString('hex')}`
  await admin.query(`create database ${name} template template0`)
  url = urlFor(server, name)
  folder = await mkdtemp(join(tmpdir(), 'lintel-draft-'))
  await migrate(url, [PLATFORM_MIGRATIONS, folder])
  database = openDatabase('shop', url)
})
afterEach(async () => {
  await database.close()
  await admin.query(`drop database ${name} with (force)`)
  await rm(folder, { recursive: true })
})

const access = { list: 'public', get: 'public', create: 'public', update: 'public', delete: 'admin' } as const
const Shelf = resource('shelf', {
  id: 'shf',
  plural: 'shelves',
  fields: {
    room: t.text({ max: 100 }),
    width: t.integer({ min: 0, max: 5_000_000_000 }),
    order: t.decimal({ scale: 3, min: 0, max: 999 }),
  },
  list: { filter: ['room'], sort: ['order'], search: ['room'] },
  access,
})
const fieldsOfBook = {
  title: t.text({ min: 1, max: 200 }),
  price: t.money({ max: 9_999_999.99 }),
  currency: t.currency(),
  kind: t.oneOf('novel', 'essay').default('novel'),
  tags: t.list(t.text({ max: 20 })).default([]),
  isbn: t.text({ max: 20 }),
  author: t.email().optional(),
  sold: t.integer({ min: 0 }).server().default(0),
  printedAt: t.time().optional(),
}
const Book = resource('book', {
  id: 'book',
  parent: { of: Shelf, field: 'shelfId' },
  fields: { ...fieldsOfBook, shelfId: t.id('shf').server() },
  softDelete: true,
  unique: ['isbn'],
  list: { filter: ['kind', 'tags'], sort: ['title'] },
  access,
})

async function apply(sql: string): Promise<void> {
  const number = (await migrationStatus(url, [PLATFORM_MIGRATIONS, folder])).applied.length + 1
  await writeFile(join(folder, `000${number}-draft.sql`), sql)
  await migrate(url, [PLATFORM_MIGRATIONS, folder])
}

/** As a person does who agrees. */
const accepted = (draft: string | undefined) => draft!.slice(draft!.indexOf('\n') + 1)

async function expectNoGap(contract: Contract): Promise<void> {
  expect(await driftOf(database, contract)).toEqual([])
  expect(await missingIndexes(database, contract)).toEqual([])
  expect(await draftMigration(database, contract)).toBeUndefined()
}

test('an empty database gets tables, indexes and views that need nothing more', async () => {
  // Children first, as nobody should have to care.
  const shop = service('shop', { resources: { books: Book, shelves: Shelf } })
  const draft = await draftMigration(database, shop)
  expect(draft!.split('\n')[0]).toBe(DRAFT)
  expect(draft).toContain('--   books: the table is missing (contract: books)')
  expect(draft).toContain('  "shelf_id" uuid not null references shelves,')
  expect(draft).toContain('  "price" numeric(9, 2) not null,')
  expect(draft).toContain('  "width" bigint not null,')
  await apply(accepted(draft))
  await expectNoGap(shop)
})

test('new fields are added with the contract’s defaults, for the rows that are there', async () => {
  const before = service('shop', { resources: { shelves: Shelf } })
  await apply(accepted(await draftMigration(database, before)))
  const insert = `insert into shelves (id, room, width, "order") values (gen_random_uuid(), 'hall', 1, 1)`
  await database.query(insert)
  const after = service('shop', {
    resources: {
      shelves: resource('shelf', {
        id: 'shf',
        plural: 'shelves',
        fields: {
          ...Shelf.fields,
          colour: t.text({ max: 20 }).default("o'red"),
          note: t.text().optional(),
          tags: t.list(t.text()).default(['a']),
        },
        list: { filter: ['room', 'colour'], sort: ['order'], search: ['room'] },
        access,
      }),
    },
  })
  const draft = await draftMigration(database, after)
  expect(draft).toContain(`alter table shelves add column "colour" varchar(20) not null default 'o''red';`)
  await apply(accepted(draft))
  await expectNoGap(after)
  expect(await database.query('select colour, tags, note from shelves')).toEqual([
    { colour: "o'red", tags: ['a'], note: null },
  ])
})

test('what may lose data, or has to be decided, is a comment: nothing is dropped or made narrower', async () => {
  await apply(`create table shelves (id uuid primary key, room integer not null, colour text not null,
    version integer not null default 1, created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now());`)
  const Small = resource('shelf', {
    id: 'shf',
    plural: 'shelves',
    fields: { room: t.text({ max: 100 }), height: t.integer(), rank: t.integer().server() },
    access: { create: 'public' },
  })
  const draft = accepted(await draftMigration(database, service('shop', { resources: { shelves: Small } })))
  const statements = draft.split('\n').filter((line) => line !== '' && !line.startsWith('--'))
  expect(statements).toEqual([
    'alter table shelves add column "height" integer not null;',
    'alter table shelves add column "rank" integer not null;',
    'alter table shelves alter column "colour" drop not null;',
  ])
  expect(draft).toContain(
    '-- room: the contract needs text, the table has integer\n-- alter table shelves alter column "room" type varchar(100);',
  )
  expect(draft).toContain('-- alter table shelves drop column "colour";')
  expect(draft).toContain('-- Rows that are there need a value for height')
})

test('a draft is not applied as long as it says that it is one', async () => {
  const shop = service('shop', { resources: { shelves: Shelf } })
  await writeFile(join(folder, '0001-shelves.sql'), (await draftMigration(database, shop))!)
  await expect(migrate(url, [PLATFORM_MIGRATIONS, folder])).rejects.toMatchObject({
    code: 'MIGRATION_DRAFT',
    message: expect.stringMatching(/0001-shelves\.sql is a draft: read it, mend it, and remove its first line/),
  })
  expect(await migrationStatus(url, [PLATFORM_MIGRATIONS, folder])).toEqual({
    applied: [],
    pending: ['0001-shelves.sql'],
  })
})

test('an emptied database is migrated as a new one, whatever schemas there were', async () => {
  await apply(`create schema "Odd one"; create table "Odd one".things (id integer); create extension pg_trgm;`)
  await database.query('insert into "Odd one".things values (1)')
  await emptyDatabase(url)
  expect((await migrate(url, [PLATFORM_MIGRATIONS, folder])).at(-1)).toBe('0001-draft.sql')
  expect(await database.query('select id from "Odd one".things')).toEqual([])
})
