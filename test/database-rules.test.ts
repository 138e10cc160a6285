import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { operation, problem, resource, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

const PUBLIC = { list: 'public', get: 'public', create: 'public', update: 'public', delete: 'public' } as const
const Room = resource('room', { id: 'rom', fields: { name: t.text() }, access: PUBLIC })
const Booking = resource('booking', {
  id: 'bok',
  fields: { roomId: t.id('rom'), fromDay: t.integer(), toDay: t.integer(), guest: t.text().default('Ann') },
  access: PUBLIC,
  problems: { create: ['DOUBLE_BOOKED', 'CONFLICT'] },
})
const contract = service('rooms', {
  resources: { rooms: Room, bookings: Booking },
  operations: {
    clear: operation({ method: 'PUT', path: '/clearances', access: 'public', answer: { rooms: t.integer() } }),
  },
  problems: { DOUBLE_BOOKED: problem(409, 'The room is taken at that time') },
})
const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const SQL = `
create table rooms (id uuid primary key, name text not null, ${TAIL});
create unique index on rooms (lower(name));
create table bookings (id uuid primary key, room_id uuid not null references rooms, from_day integer not null, to_day integer not null,
  guest text not null, ${TAIL}, check (to_day > from_day));
create function no_overlap() returns trigger language plpgsql as $$ begin
  if exists (select from bookings b where b.room_id = new.room_id and b.from_day < new.to_day and b.to_day > new.from_day) then
    raise exception 'room % is taken by %', new.room_id, (select guest from bookings limit 1) using errcode = 'RM001';
  elsif new.guest = 'banned' then
    raise exception 'guest % has been banned', new.guest;
  end if;
  return new;
end $$;
create trigger no_overlap before insert on bookings for each row execute function no_overlap();`

let running: SmallSystem
beforeAll(async () => {
  const handlers = {
    clear: async (_: unknown, { tx }: { tx: { query(sql: string): Promise<object[]> } }) => ({
      rooms: (await tx.query('delete from rooms returning 1 as gone')).length,
    }),
  }
  running = await smallSystem(contract, handlers, SQL, {}, { refusals: { RM001: 'DOUBLE_BOOKED' } })
})
afterAll(() => running?.stop())

function ask(method: string, path: string, body?: unknown): Promise<Wired> {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body === undefined ? {} : { headers, body: JSON.stringify(body) })
}

test('FC-51 FC-52 FC-53 R-REST-8: what the database refuses says what is wrong in the contract’s own words', async () => {
  const room = (await ask('POST', '/rooms', { name: 'Blue' })).body.id as string
  const booking = { roomId: room, fromDay: 1, toDay: 4, guest: 'Bob Secret' }
  const made = await ask('POST', '/bookings', booking)
  expect(made.status).toBe(201)
  const refused: [Wired, number, object][] = [
    [
      await ask('POST', '/rooms', { name: 'BLUE' }),
      409,
      { code: 'DUPLICATE', details: [{ field: 'name', message: 'is already taken' }] },
    ],
    [
      await ask('POST', '/bookings', { ...booking, guest: 'Cid' }),
      409,
      { code: 'DOUBLE_BOOKED', message: 'The room is taken at that time' },
    ],
    [await ask('POST', '/bookings', { ...booking, fromDay: 7, toDay: 9, guest: 'banned' }), 409, { code: 'CONFLICT' }],
    [
      await ask('POST', '/bookings', { ...booking, roomId: newId('rom') }),
      422,
      { code: 'UNPROCESSABLE', details: [{ field: 'roomId' }] },
    ],
    [
      await ask('PATCH', `/bookings/${made.body.id}`, { toDay: 0 }),
      422,
      { code: 'UNPROCESSABLE', details: [{ field: 'toDay' }, { field: 'fromDay' }] },
    ],
    [
      await ask('DELETE', `/rooms/${room}`),
      409,
      { code: 'IN_USE', message: 'The resource is still in use by bookings' },
    ],
    // A statement of a handler's own is no different.
    [await ask('PUT', '/clearances', {}), 409, { code: 'IN_USE', message: 'The resource is still in use by bookings' }],
  ]
  for (const [{ status, body, text }, expected, error] of refused) {
    expect({ status, error: body.error }).toMatchObject({ status: expected, error })
    expect(text).not.toMatch(/Secret|RM001|_idx|_fkey|_check|select|bok_/)
  }
  expect((await ask('DELETE', `/bookings/${made.body.id}`)).status).toBe(204)
  expect((await ask('DELETE', `/rooms/${room}`)).status).toBe(204)
})
