import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { t } from '../contract/fields.ts'
import { operation } from '../contract/operation.ts'
import { problem } from '../contract/problem.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import type { Clone } from '../testing/database.ts'
import { readConstraints } from './constraints.ts'
import { faultsOf } from './faults.ts'
import type { Transaction } from './open-transaction.ts'
import { type Database, openDatabase } from './pool.ts'
import { readRow } from './row.ts'
import { change, insert, remove, uuidOf } from './rows.ts'
import { transaction } from './transaction.ts'

const access = { list: 'public' } as const
const Repo = resource('repo', { id: 'rep', fields: { name: t.text(), owner: t.email() }, access })
const Ticket = resource('ticket', {
  id: 'tkt',
  parent: { of: Repo, field: 'repoId' },
  fields: {
    repoId: t.id('rep').server(),
    number: t.integer(),
    title: t.text(),
    parentTicketId: t.id('tkt').optional(),
    state: t.text().default('open'),
    weight: t.decimal({ scale: 2 }).default(1),
    secret: t.text().hidden(),
  },
  access,
})
const Booking = resource('booking', {
  id: 'bok',
  fields: { room: t.integer(), fromDay: t.integer(), toDay: t.integer(), grade: t.integer().default(1) },
  access,
})
const contract = service('tracker', {
  resources: { repos: Repo, tickets: Ticket, bookings: Booking },
  operations: {
    join: operation({
      method: 'PUT',
      path: '/repos/{repoId}/members',
      access: 'public',
      body: { memberName: t.text() },
      answer: { ok: t.boolean() },
    }),
  },
  problems: { DOUBLE_BOOKED: problem(409, 'Taken'), TOO_LATE: problem(422, 'Too late') },
})

const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const SQL = [
  `create domain grade as integer check (value between 1 and 5)`,
  `create table repos (id uuid primary key, name text not null, owner varchar(255) not null, retired boolean not null default false, ${TAIL})`,
  'create unique index one_name_each on repos (lower(owner), lower(name)) where not retired',
  `create table tickets (id uuid primary key, repo_id uuid not null references repos, number integer not null,
    title varchar(20) not null, parent_ticket_id uuid references tickets on delete restrict,
    state text not null check (state <> 'odd'), weight numeric(4, 2) not null check (weight > 0), secret text unique,
    share numeric generated always as (number / weight) stored,
    ${TAIL}, unique (repo_id, number), constraint short check (length(title) + length(state) < 20))`,
  `create table bookings (id uuid primary key, room integer not null, from_day integer not null, to_day integer not null, grade grade not null,
    ${TAIL},
    constraint bookings_no_overlap exclude using gist (int4range(room, room, '[]') with &&, int4range(from_day, to_day) with &&))`,
  'create table members (repo_id uuid references repos, member_name text, shoe_size integer unique, primary key (repo_id, member_name))',
  `create table stars (repo_id uuid references repos deferrable initially deferred, stars integer)`,
  `create function ticket_rules() returns trigger language plpgsql as $$ begin
     case new.title
       when 'raise' then raise exception 'tickets of % are secret', new.id;
       when 'own' then raise exception 'no' using errcode = 'BK001';
       when 'named' then raise exception 'no' using errcode = 'BK002', constraint = 'closing_time';
       when 'usual' then raise exception 'no' using errcode = '42501';
       when 'queue' then raise exception 'no' using errcode = '40001';
       when 'timeout' then raise exception 'no' using errcode = '57014';
       when 'shutdown' then raise exception 'no' using errcode = '57P01';
       when 'connection' then raise exception 'no' using errcode = '08006';
       when 'mapped' then raise exception 'no' using errcode = '55P03';
       when 'strict' then select 1 into strict new.number where false;
       when 'strict too' then select n into strict new.number from generate_series(1, 2) n;
       when 'assert' then assert false;
       when 'case' then case new.number when 99 then null; end case;
       when 'null' then return null;
       when 'no number' then new.number := null;
       when 'by zero' then new.weight := new.number / 0;
       when 'no uuid' then new.repo_id := 'repo'::uuid;
       else null;
     end case;
     return new;
   end $$`,
  'create trigger ticket_rules before insert or update on tickets for each row execute function ticket_rules()',
  `create function keep() returns trigger language plpgsql as $$ begin return null; end $$`,
  `create trigger keep before delete on tickets for each row when (old.title = 'kept') execute function keep()`,
]

let clone: Clone
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  const faults = faultsOf({
    BK001: 'TOO_LATE',
    closing_time: 'TOO_LATE',
    BK002: 'DOUBLE_BOOKED',
    '55P03': 'DOUBLE_BOOKED',
  })
  database = openDatabase('test', clone.url, { faults })
  for (const statement of SQL) await database.query(statement)
  faults.learn(await readConstraints(database, contract))
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})

let repoId: `rep_${string}`
beforeEach(async () => {
  await database.query('truncate repos, tickets, bookings, members, stars')
  repoId = readRow(await insert(database, Repo, { name: 'lintel', owner: 'ann@example.com' })).id
})

const write = <T>(work: (tx: Transaction) => Promise<T>) => transaction(database, work)
const ticket = (values: object = {}) =>
  write((tx) => insert(tx, Ticket, { repoId, number: 1, title: 'a', state: 'open', weight: 1, ...values }))

/** The code, the message if it is not the usual one, and the details of what is refused. */
async function refused(work: Promise<unknown>): Promise<unknown[]> {
  const error = await work.then(
    () => expect.fail('nothing was refused'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Problem)) throw error
  const shown = JSON.stringify([error.message, error.details])
  // Nothing of the database's own: no names of constraints or columns, no values, no SQL.
  expect(shown).not.toMatch(/_key|_fkey|_check|_no_overlap|rep_|secret|select|insert|shoe/i)
  return [error.code, error.message, ...(error.details ?? []).map(({ field, message }) => `${field} ${message}`)]
}

test('FC-53 R-REST-8: a unique index over several columns, partial or by an expression names every field of it', async () => {
  await ticket()
  expect(await refused(ticket())).toEqual([
    'DUPLICATE',
    '',
    'repoId is already taken in this combination',
    'number is already taken in this combination',
  ])
  expect(await refused(write((tx) => insert(tx, Repo, { name: 'LINTEL', owner: 'Ann@example.com' })))).toEqual([
    'DUPLICATE',
    '',
    'owner is already taken in this combination',
    'name is already taken in this combination',
  ])
  expect((await ticket({ number: 2 })).kind).toBe('row')
})

test('FC-53 R-REST-8: what the contract does not show is not named; of tables without a resource, only what it knows', async () => {
  await ticket({ secret: 'x' })
  expect(await refused(ticket({ secret: 'x', number: 2 }))).toEqual(['DUPLICATE', ''])
  const join = (name: string, size: number) =>
    write((tx) => tx.query('insert into members values ($1, $2, $3)', [uuidOf(Repo, repoId), name, size]))
  await join('bob', 1)
  expect(await refused(join('bob', 2))).toEqual([
    'DUPLICATE',
    '',
    'repoId is already taken in this combination',
    'memberName is already taken in this combination',
  ])
  expect(await refused(join('cid', 1))).toEqual(['DUPLICATE', ''])
})

test('FC-51 R-REST-6: deleting what others refer to is IN_USE and names the resource, whatever the key does', async () => {
  const first = readRow(await ticket())
  const second = readRow(await ticket({ number: 2, parentTicketId: first.id }))
  // NO ACTION, then RESTRICT, whose code is another since PostgreSQL 18.
  expect(await refused(write((tx) => remove(tx, Repo, repoId)))).toEqual([
    'IN_USE',
    'The resource is still in use by tickets',
  ])
  expect(await refused(write((tx) => remove(tx, Ticket, first.id)))).toEqual([
    'IN_USE',
    'The resource is still in use by tickets',
  ])
  // A key of no resource's table is not named.
  await write((tx) => remove(tx, Ticket, second.id))
  await write((tx) => remove(tx, Ticket, first.id))
  await database.query(`insert into members values ($1, 'bob', 1)`, [uuidOf(Repo, repoId)])
  expect(await refused(write((tx) => remove(tx, Repo, repoId)))).toEqual(['IN_USE', ''])
})

test('FC-51 R-REST-8: a reference to what is not there is 422 with its field, also to the table’s own rows', async () => {
  expect(await refused(ticket({ repoId: newId('rep') }))).toEqual([
    'UNPROCESSABLE',
    '',
    'repoId refers to a resource that does not exist',
  ])
  expect(await refused(ticket({ parentTicketId: newId('tkt') }))).toEqual([
    'UNPROCESSABLE',
    '',
    'parentTicketId refers to a resource that does not exist',
  ])
})

test('FC-52 R-REST-8: a deferred constraint that fails at COMMIT is refused like any other', async () => {
  const star = (id: string) =>
    write((tx) => tx.query('insert into stars values ($1, 1)', [uuidOf(Repo, id as `rep_${string}`)]))
  expect(await refused(star(newId('rep')))).toEqual([
    'UNPROCESSABLE',
    '',
    'repoId refers to a resource that does not exist',
  ])
  await star(repoId)
  expect(await refused(write((tx) => remove(tx, Repo, repoId)))).toEqual(['IN_USE', ''])
})

test('FC-52 R-REST-8: an exclusion constraint is a CONFLICT of its fields', async () => {
  const book = (fromDay: number) =>
    write((tx) => insert(tx, Booking, { room: 7, fromDay, toDay: fromDay + 3, grade: 1 }))
  await book(1)
  await book(4)
  expect(await refused(book(2))).toEqual([
    'CONFLICT',
    '',
    'room overlaps with another',
    'fromDay overlaps with another',
    'toDay overlaps with another',
  ])
})

test.each([
  ['raise', 'CONFLICT'],
  ['usual', 'CONFLICT'],
  ['own', 'TOO_LATE'],
  // The name of a constraint goes before the SQLSTATE.
  ['named', 'TOO_LATE'],
  // Codes of an outage too, where a rule raises them.
  ['queue', 'CONFLICT'],
  ['timeout', 'CONFLICT'],
  ['connection', 'CONFLICT'],
  // But for those of a server or a machine that fails.
  ['shutdown', 'SERVICE_UNAVAILABLE'],
  ['mapped', 'DOUBLE_BOOKED'],
  ['strict', 'CONFLICT'],
  ['strict too', 'CONFLICT'],
  ['assert', 'CONFLICT'],
  ['case', 'CONFLICT'],
  ['null', 'CONFLICT'],
])('FC-52 R-REST-8: a trigger refuses by %s: %s', async (title, code) => {
  expect(await refused(ticket({ title }))).toEqual([code, ''])
  const { id } = readRow(await ticket())
  for (const expected of [undefined, { version: 1 }, { ifMatch: [1] }])
    expect(await refused(write((tx) => change(tx, Ticket, id, { title }, expected)))).toEqual([code, ''])
  // A version that is wrong is said to be so.
  const stale = write((tx) => change(tx, Ticket, id, { title: 'null' }, { version: 2 }))
  expect(await refused(stale)).toEqual(['VERSION_CONFLICT', ''])
})

test('FC-52 R-REST-8: a row that a trigger keeps from being deleted is a CONFLICT, and stays', async () => {
  const { id } = readRow(await ticket({ title: 'kept' }))
  expect(await refused(write((tx) => remove(tx, Ticket, id)))).toEqual(['CONFLICT', ''])
  expect(await refused(write((tx) => remove(tx, Ticket, id, { version: 1 })))).toEqual(['CONFLICT', ''])
  expect(await refused(write((tx) => remove(tx, Ticket, id, { ifMatch: [3] })))).toEqual(['PRECONDITION_FAILED', ''])
  expect(await database.query('select 1 from tickets')).toHaveLength(1)
})

test.each<[string, object, string, string?]>([
  ['too long', { title: 'a'.repeat(30) }, 'A text is too long to be stored'],
  ['out of range', { weight: 1000 }, 'A number is out of range'],
  ['null, by a trigger', { title: 'no number' }, 'A required value is missing', 'number must not be null'],
  ['null', { state: null }, 'A required value is missing', 'state must not be null'],
  ['division by zero', { title: 'by zero' }, 'A value leads to a division by zero'],
  ['no uuid', { title: 'no uuid' }, 'A value cannot be stored'],
])('FC-52 R-REST-8: %s is a 400', async (_, values, message, ...details) => {
  expect(await refused(ticket(values))).toEqual(['VALIDATION_ERROR', message, ...details])
})

test('FC-52 R-REST-8: a text that is too long for an index is a 400, which names the fields that are unique by it', async () => {
  // At random: PostgreSQL would compress what repeats.
  const long = Array.from({ length: 6000 }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
  const message = 'A text is too long to be stored'
  expect(await refused(ticket({ secret: long }))).toEqual(['VALIDATION_ERROR', message])
  expect(await refused(write((tx) => insert(tx, Repo, { name: long, owner: 'ann@example.com' })))).toEqual([
    'VALIDATION_ERROR',
    message,
    'owner is too long to be stored',
    'name is too long to be stored',
  ])
  const { id } = readRow(await ticket())
  expect(await refused(write((tx) => change(tx, Ticket, id, { secret: long })))).toEqual(['VALIDATION_ERROR', message])
})

test('FC-52 R-REST-8: a generated column that cannot be computed is the fault of what it is made from', async () => {
  await database.query('alter table tickets drop constraint tickets_weight_check')
  expect((await refused(ticket({ weight: 0 })))[0]).toBe('VALIDATION_ERROR')
})

test('FC-52 R-REST-8: checks are 422 with every field of theirs, those of domains too', async () => {
  expect(await refused(ticket({ state: 'odd' }))).toEqual(['UNPROCESSABLE', '', 'state violates a data rule'])
  expect(await refused(ticket({ title: 'a'.repeat(18) }))).toEqual([
    'UNPROCESSABLE',
    '',
    'title violates a data rule',
    'state violates a data rule',
  ])
  const booking = { room: 1, fromDay: 1, toDay: 2, grade: 9 }
  expect(await refused(write((tx) => insert(tx, Booking, booking)))).toEqual([
    'UNPROCESSABLE',
    '',
    'grade violates a data rule',
  ])
})

test('FC-52: a mistake in SQL, and a division by zero over stored data, stay what they are: bugs of the service', async () => {
  await expect(write((tx) => tx.query('select nothing from nowhere'))).rejects.toMatchObject({ code: '42P01' })
  await expect(database.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
  // So too where a unit of work reads.
  await expect(write(() => database.query('select 1 / 0'))).rejects.toMatchObject({ code: '22012' })
})

test.each([
  [
    'Aktualisieren oder Löschen in Tabelle »cards« verletzt Fremdschlüssel-Constraint »cards_up« von Tabelle »cards«',
    'IN_USE',
  ],
  ['Einfügen oder Aktualisieren in Tabelle »cards« verletzt Fremdschlüssel-Constraint »cards_up«', 'UNPROCESSABLE'],
  ['update or delete on table "cards" violates foreign key constraint "cards_up" on table "cards"', 'IN_USE'],
  ['insert or update on table "cards" violates foreign key constraint "cards_up"', 'UNPROCESSABLE'],
])('FC-51 R-REST-6: the server may speak any language: %s', (message, code) => {
  const faults = faultsOf()
  const error = Object.assign(new Error(message), { code: '23503', table: 'cards', constraint: 'cards_up' })
  expect(faults.problemOf(error)).toMatchObject({ code: message.startsWith('update') ? 'IN_USE' : 'UNPROCESSABLE' })
  const constraint = { fields: ['upId'], resource: 'cards', table: 'cards', refersTo: 'cards' }
  faults.learn({ find: () => constraint, field: () => undefined })
  expect(faults.problemOf(error)).toMatchObject({ code, cause: error })
})
