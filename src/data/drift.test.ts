import { afterAll, beforeAll, expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { serviceClone } from '../../test/service-clone.ts'
import type { Fault } from '../base/errors.ts'
import type { Contract } from '../contract/contract.ts'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import type { Clone } from '../testing/database.ts'
import { assertNoDrift, driftOf } from './drift.ts'
import { type Database, openDatabase, queryable } from './pool.ts'

const clones: Clone[] = []
const databases: Database[] = []

async function databaseOf(contract: { name: string }): Promise<Database> {
  const clone = await serviceClone(contract.name)
  const database = openDatabase(contract.name, clone.url)
  clones.push(clone)
  databases.push(database)
  return database
}

let ordersDatabase: Database
let usersDatabase: Database

beforeAll(async () => {
  ordersDatabase = await databaseOf(orders)
  usersDatabase = await databaseOf(users)
})

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()))
  await Promise.all(clones.map((clone) => clone.drop()))
})

test('R-OPS-6: the databases of the reference services match their contracts', async () => {
  await assertNoDrift(ordersDatabase, orders)
  await assertNoDrift(usersDatabase, users)
})

test('R-OPS-6: a database that does not match stops the start, naming every difference', async () => {
  const fault: Fault = await assertNoDrift(usersDatabase, orders).then(
    () => expect.fail('it should have failed'),
    (error) => error,
  )
  expect(fault).toMatchObject({ code: 'SCHEMA_DRIFT', exitCode: 78 })
  expect(fault.message).toContain('products: the table is missing (contract: products)')
  expect(fault.message).toContain('cart_items: the table is missing (contract: cartItems)')
  expect(fault.message).toContain('lintel migrate')
})

const Shelf = resource('shelf', {
  id: 'shf',
  plural: 'shelves',
  fields: { room: t.text({ max: 100 }) },
  access: { list: 'public', create: 'admin' },
})
const Book = resource('book', {
  id: 'bok',
  parent: { of: Shelf, field: 'shelfId' },
  fields: {
    shelfId: t.id('shf').server(),
    title: t.text({ max: 200 }),
    language: t.oneOf('en', 'nds'),
    contact: t.email().optional(),
    price: t.money({ max: 9999.99 }),
    weight: t.decimal({ scale: 3, max: 10 }),
    currency: t.currency(),
    pages: t.integer({ min: 1 }),
    tags: t.list(t.oneOf('old', 'rare')),
    lent: t.boolean().server(),
    bought: t.time(),
  },
  unique: ['title', 'contact'],
  softDelete: true,
  list: { filter: ['tags'], sort: ['title', 'createdAt'] },
  access: { list: 'public', get: 'public', create: 'admin', update: 'admin', delete: 'admin' },
})
const Loan = resource('loan', {
  id: 'lon',
  view: 'loan_details',
  fields: { reader: t.text({ max: 100 }).nullable(), days: t.integer().server() },
  softDelete: true,
  access: { list: 'admin', create: 'admin' },
})
const library = service('library', { resources: { shelves: Shelf, books: Book, loans: Loan } })

const TIMES = 'created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()'
const HEAD = 'id uuid primary key, version integer not null default 1'
const TABLES = `
create table shelves (${HEAD}, room varchar(100) not null, ${TIMES});
create table books (${HEAD}, shelf_id uuid not null, title varchar(200) not null, language varchar(3) not null,
  contact varchar(255), price numeric(6, 2) not null, weight numeric not null, currency char(3) not null,
  pages integer not null, tags jsonb not null, lent boolean not null default false, bought timestamptz(3) not null,
  ${TIMES}, deleted_at timestamptz(3));
create unique index books_title_key on books (title) where deleted_at is null;
create unique index books_contact_key on books (lower(contact)) where deleted_at is null;
create table loans (${HEAD}, reader text, since timestamptz(3) not null default now(), ${TIMES}, deleted_at timestamptz(3))`
const VIEWS = `
create view active_books as select * from books where deleted_at is null;
create view active_loans as select * from loans where deleted_at is null;
create view loan_details as
  select id, reader, extract(day from now() - since)::integer as days, version, created_at, updated_at from active_loans`

/** The differences of a library made in this way; nothing of it stays. */
async function driftOfLibrary({ tables = '', views = '' }, contract: Contract = library): Promise<string[]> {
  const held = await ordersDatabase.acquire()
  const db = queryable(held.send)
  const statements = ['begin', 'create schema library', 'set local search_path to library']
  for (const sql of [TABLES, tables, VIEWS, views]) statements.push(...sql.split(';'))
  try {
    for (const statement of statements) if (statement.trim()) await db.query(statement)
    return await driftOf(db, contract)
  } finally {
    await db.query('rollback')
    held.release()
  }
}

test('R-OPS-6: a database that has more than its contract needs is no difference', async () => {
  expect(
    await driftOfLibrary({
      tables: `create domain shelf_room as varchar(120); alter table shelves alter room type shelf_room;
        alter table books add isbn text, add shelved boolean not null default true; alter table books alter pages type bigint`,
      views: 'create view old_books as select * from books',
    }),
  ).toEqual([])
})

const CHANGED_TABLES: [string, string[]][] = [
  ['alter price type double precision', ['books.price: the contract needs numeric, the table has double precision']],
  ['alter shelf_id type text', ['books.shelf_id: the contract needs uuid, the table has text']],
  ['alter bought type timestamptz', ['books.bought: the contract needs timestamptz(3), the table has timestamptz']],
  [
    'alter created_at type timestamp(3)',
    ['books.created_at: the contract needs timestamptz(3), the table has timestamp(3)'],
  ],
  ['alter title type varchar(150)', ['books.title: the contract allows 200 characters, the column holds 150']],
  ['alter contact type varchar(254)', ['books.contact: the contract allows 255 characters, the column holds 254']],
  ['alter language type varchar(2)', ['books.language: the contract allows 3 characters, the column holds 2']],
  ['alter language type char(3)', ['books.language: char(3) pads what is shorter with spaces: use varchar']],
  [
    'alter pages type smallint',
    ['books.pages: the contract allows up to 2147483647 (the field has no max: give it one), smallint holds 32767'],
  ],
  ['alter version type smallint', ['books.version: the contract allows up to 2147483647, smallint holds 32767']],
  [
    'alter price type numeric(5, 2)',
    ['books.price: the contract allows up to 9999.99, numeric(5,2) holds less than 1000'],
  ],
  ['alter weight type numeric(12, 2)', ['books.weight: the contract allows 3 decimals, numeric(12,2) keeps 2']],
  ['alter tags type json', ['books.tags: the contract filters by it, which needs jsonb, the table has json']],
  ['alter title drop not null', ['books.title: the contract does not allow null, but the column does']],
  ['alter created_at drop not null', ['books.created_at: the contract does not allow null, but the column does']],
  ['alter contact set not null', ['books.contact: the contract allows null, but the column does not']],
  ['alter lent drop default', ['books.lent: the column is required, but create never sets it: add a default']],
  [
    'alter updated_at drop default',
    ['books.updated_at: the column is required, but create never sets it: add a default'],
  ],
  ['add isbn text not null', ['books.isbn: the column is required, but create never sets it: add a default']],
  [
    'drop pages, add pages integer not null generated always as (1) stored',
    ['books.pages: the column is generated and cannot be set: mark the field server()'],
  ],
  ['drop price', ['books: column price is missing (contract: books.price)']],
  ['drop constraint books_pkey', ['books: id must be the primary key']],
  ['alter deleted_at type timestamptz', ['books.deleted_at: soft delete needs a nullable timestamptz(3)']],
]

test.each(CHANGED_TABLES)('R-OPS-6: alter table books %s', async (change, differences) => {
  expect(await driftOfLibrary({ tables: `alter table books ${change}` })).toEqual(differences)
})

/** A table that a view of the resource's own shows. */
const Parcel = resource('parcel', {
  id: 'pcl',
  view: 'parcel_details',
  fields: {
    weight: t.decimal({ scale: 2, max: 9_999_999.99 }),
    balance: t.decimal({ scale: 2, min: -100_000, max: 100 }),
    size: t.integer({ max: 100 }),
    fee: t.money(),
    currency: t.currency(),
  },
  access: { list: 'admin', create: 'admin' },
})

test('FC-60 R-OPS-6: drift of a table behind a view names the limit that is at fault, once, and whether it was given', async () => {
  const contract = service('parcels', { resources: { parcels: Parcel } })
  const tables = `create table parcels (${HEAD}, weight numeric(12, 2) not null, balance numeric(6, 2) not null,
    size smallint not null, fee numeric(12, 2) not null, currency char(3) not null, ${TIMES})`
  const views = 'create view parcel_details as select * from parcels'
  expect(await driftOfLibrary({ tables, views }, contract)).toEqual([
    'parcels.weight: the contract allows down to -9999999999999.99 (the field has no min: give it one), numeric(12,2) holds more than -10000000000',
    'parcels.balance: the contract allows down to -100000, numeric(6,2) holds more than -10000',
    'parcels.size: the contract allows down to -2147483648 (the field has no min: give it one), smallint holds -32768',
    'parcels.fee: the contract allows up to 70368744177663.99 (the field has no max: give it one), numeric(12,2) holds less than 10000000000',
  ])
})

const TITLE_KEY = 'create unique index books_title_key on books (title) where deleted_at is null'
const CONTACT_KEY = 'create unique index books_contact_key on books (lower(contact)) where deleted_at is null'
const CHANGED_INDEXES: [string, string][] = [
  [
    'drop index books_title_key',
    `the index books_title_key is missing (contract: books.title is unique): ${TITLE_KEY}`,
  ],
  ['create index books_title_key on books (title) where deleted_at is null', ''],
  ['create unique index books_title_key on books (title)', ''],
  ['create unique index books_title_key on books (title, shelf_id) where deleted_at is null', ''],
  ['create unique index books_contact_key on books (contact) where deleted_at is null', ''],
]

test.each(CHANGED_INDEXES)('R-OPS-6: %s', async (change, said) => {
  const name = /books_\w+_key/.exec(change)![0]
  const right = name === 'books_title_key' ? TITLE_KEY : CONTACT_KEY
  const tables = said ? change : `drop index ${name};${change}`
  expect(await driftOfLibrary({ tables })).toEqual([
    `books: ${said || `the index ${name} is not what the contract needs: ${right}`}`,
  ])
})

const CHANGED_VIEWS: [string, string[]][] = [
  [
    'drop view active_books',
    ['active_books: the view of rows that are not deleted is missing (contract: soft delete)'],
  ],
  ['create or replace view active_books as select * from books', ['active_books: the view includes deleted rows']],
  ['alter view active_books rename price to cost', ['active_books: column price is missing (contract: books.price)']],
  ['drop view loan_details', ['loan_details: the view is missing (contract: loans)']],
  ['alter view loan_details rename days to d', ['loan_details: column days is missing (contract: loans.days)']],
  [
    'drop view loan_details; create view loan_details as select *, extract(day from now()) as days from active_loans',
    ['loan_details.days: the contract needs integer, the table has numeric'],
  ],
  [
    'create or replace view loan_details as select id, reader, 1 as days, version, created_at, updated_at from loans',
    ['loan_details: the view includes deleted rows'],
  ],
]

test.each(CHANGED_VIEWS)('R-OPS-6: %s', async (views, differences) => {
  expect(await driftOfLibrary({ views })).toEqual(differences)
})

test('R-OPS-6: a column that came after the view is missing in it', async () => {
  const tables = 'alter table books rename price to cost'
  const views = 'alter table books add price numeric(6, 2) not null'
  expect(await driftOfLibrary({ tables: `${tables}; alter table books alter cost drop not null`, views })).toEqual([
    'active_books: column price is missing (contract: books.price)',
  ])
})

test.each([
  [
    'alter table lintel.outbox alter position set generated by default',
    'lintel.outbox.position: the column must be GENERATED ALWAYS AS IDENTITY',
  ],
  [
    'alter sequence lintel.outbox_position_seq cache 20',
    'lintel.outbox_position_seq: the sequence must have CACHE 1, INCREMENT 1 and NO CYCLE',
  ],
  [
    'alter sequence lintel.outbox_position_seq cycle',
    'lintel.outbox_position_seq: the sequence must have CACHE 1, INCREMENT 1 and NO CYCLE',
  ],
  [
    'set local synchronous_commit to off',
    'synchronous_commit is off: events of changes that a crash undoes would be published',
  ],
])('R-EVT-2: what would make the order of the outbox untrue is a difference: %s', async (change, difference) => {
  expect(await driftOfLibrary({ tables: change })).toEqual([difference])
})
