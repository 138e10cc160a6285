import { afterAll, beforeAll, expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { serviceClone } from '../../test/service-clone.ts'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import type { Clone } from '../testing/database.ts'
import { missingIndexes } from './list-indexes.ts'
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

test('FC-115, R-PAGE-2: every list that the reference services declare has its index', async () => {
  expect(await missingIndexes(ordersDatabase, orders)).toEqual([])
  expect(await missingIndexes(usersDatabase, users)).toEqual([])
})

const Film = resource('film', {
  id: 'flm',
  owner: 'makerId',
  fields: {
    makerId: t.id('usr').server(),
    title: t.text({ max: 200 }),
    code: t.text({ max: 20 }),
    contact: t.email(),
    genre: t.oneOf('drama', 'comedy'),
    order: t.integer(),
    year: t.integer(),
    awards: t.list(t.oneOf('oscar', 'palme')),
  },
  unique: ['code'],
  softDelete: true,
  list: {
    filter: ['genre', 'year', 'awards', 'contact', 'code'],
    search: ['title'],
    sort: ['title', 'order', 'code'],
    defaultSort: '-createdAt',
    pairs: [['genre', 'title']],
  },
  access: { list: 'public', create: 'admin' },
})
const Screening = resource('screening', {
  id: 'scr',
  parent: { of: Film, field: 'filmId' },
  owner: 'hostId',
  view: 'screening_details',
  fields: { filmId: t.id('flm').server(), hostId: t.id('usr').server(), seats: t.integer().server() },
  list: { sort: ['seats'], root: true },
  access: { list: 'owner | admin', get: 'owner | admin' },
})
const Note = resource('note', {
  id: 'nte',
  fields: { text: t.text(), done: t.boolean() },
  list: { filter: ['done'], sort: ['text'], search: ['text'], scans: ['done', 'text', 'q'] },
  access: { list: 'public' },
})
const cinema = service('cinema', { resources: { films: Film, screenings: Screening, notes: Note } })

const TIMES = 'created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()'
const HEAD = 'id uuid primary key, version integer not null default 1'
const TABLES = `
create table films (${HEAD}, maker_id uuid not null, title varchar(200) not null, code varchar(20) not null, contact varchar(255) not null,
  genre text not null, "order" integer not null, year integer not null, awards jsonb not null, ${TIMES}, deleted_at timestamptz(3));
create unique index films_code_key on films (code) where deleted_at is null;
create table screenings (${HEAD}, film_id uuid not null, host_id uuid not null, ${TIMES});
create table notes (${HEAD}, text text not null, done boolean not null, ${TIMES})`

/** What lists of a cinema lack with these indexes; nothing of it stays. */
async function missingWith(...indexes: string[]): Promise<string[]> {
  const held = await ordersDatabase.acquire()
  const db = queryable(held.send)
  try {
    await db.query('begin')
    await db.query('create schema cinema')
    await db.query('set local search_path to cinema, public')
    for (const statement of [...TABLES.split(';'), ...indexes.flatMap((one) => one.split('; '))])
      await db.query(statement)
    return await missingIndexes(db, cinema)
  } finally {
    await db.query('rollback')
    held.release()
  }
}

const LIVING = ' where deleted_at is null'
const NEEDED = [
  `create index on films ("created_at", id)${LIVING}`,
  `create index on films ("genre", "created_at", id)${LIVING}`,
  `create index on films ("title", id)${LIVING}`,
  `create index on films ("genre", "title", id)${LIVING}`,
  `create index on films ("order", id)${LIVING}`,
  `create index on films ("year", id)${LIVING}`,
  `create index on films (lower("contact"))${LIVING}`,
  `create index on films using gin ("awards")${LIVING}`,
  `create extension if not exists pg_trgm; create index on films using gin ("title" gin_trgm_ops)${LIVING}`,
  'create index on screenings ("film_id", id)',
  'create index on screenings ("host_id", id)',
]
const NEVER =
  'no index of screenings can serve lists by seats, which is not a column of it: name the field in list.scans'

test('FC-115, R-OPS-6: what lists lack is named by the statement that makes it; what scans has no index', async () => {
  expect((await missingWith()).filter((line) => line !== NEVER).sort()).toEqual([...NEEDED].sort())
  expect(await missingWith()).toContain(NEVER)
})

test('FC-115: with these statements nothing is missing', async () => {
  expect(await missingWith(...NEEDED)).toEqual([NEVER])
})

const OTHERS: [string, string, boolean][] = [
  ['one that has more columns', `create index on films (title, id, year)${LIVING}`, true],
  ['one of deleted rows too', 'create index on films (title, id)', true],
  ['a unique one that ends sooner', `create unique index on films (title)${LIVING}`, true],
  ['one that ends sooner', `create index on films (title)${LIVING}`, false],
  ['one of some rows', "create index on films (title, id) where genre = 'drama'", false],
  ['one of another order', `create index on films (id, title)${LIVING}`, false],
  ['one that only includes', `create index on films (title) include (id)${LIVING}`, false],
  ['one of another kind', `create index on films using hash (title)${LIVING}`, false],
]

test.each(OTHERS)('FC-115: for a list by title, %s: %s', async (_, index, serves) => {
  const wanted = `create index on films ("title", id)${LIVING}`
  const missing = await missingWith(...NEEDED.filter((one) => one !== wanted), index)
  expect(missing.includes(wanted)).toBe(!serves)
})

test('FC-115: of filters by one value, their order in the index makes no difference', async () => {
  const others = NEEDED.filter((one) => !one.includes('"genre", "title"'))
  expect(await missingWith(...others, `create index on films (title, genre, id)${LIVING}`)).toHaveLength(2)
  expect(await missingWith(...others, `create index on films (genre, title, id)${LIVING}`)).toEqual([NEVER])
})
