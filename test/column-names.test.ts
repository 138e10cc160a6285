import { afterAll, beforeAll, expect, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

/** Fields that are called what SQL keeps for itself. */
const Trip = resource('trip', {
  id: 'trp',
  fields: {
    from: t.text(),
    to: t.object({ end: t.text() }).optional(),
    order: t.integer(),
    user: t.oneOf('all', 'any'),
    group: t.list(t.oneOf('x', 'y')).default([]),
    primary: t.boolean().default(false),
    table: t.email(),
    check: t.time().optional(),
  },
  unique: ['table'],
  softDelete: true,
  list: {
    filter: ['from', 'order', 'user', 'group', 'primary', 'table', 'check'],
    search: ['from'],
    sort: ['from', 'order'],
  },
  access: { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' },
})
const contract = service('trips', { resources: { trips: Trip } })
const SQL = `create table trips (
  id uuid primary key, "from" text not null, "to" jsonb, "order" integer not null, "user" text not null, "group" jsonb not null,
  "primary" boolean not null, "table" text not null, "check" timestamptz(3), version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now(), deleted_at timestamptz(3)
);
create unique index trips_table_key on trips (lower("table")) where deleted_at is null;
create view active_trips as select * from trips where deleted_at is null;`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL)
})
afterAll(() => running?.stop())

function ask(method: string, path: string, body?: unknown): Promise<Wired> {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body === undefined ? {} : { headers, body: JSON.stringify(body) })
}

test('fields may be called what SQL keeps for itself: in rows, lists, filters, sorts and faults', async () => {
  const trip = { from: 'Oslo', order: 1, user: 'all', table: 'a@example.com', check: '2026-01-01T00:00:00.000Z' }
  const made = await ask('POST', '/trips', { ...trip, to: { end: 'Moss' }, group: ['x'] })
  expect(made).toMatchObject({ status: 201, body: { ...trip, to: { end: 'Moss' }, group: ['x'], primary: false } })
  const path = `/trips/${made.body.id}`
  const twin = await ask('POST', '/trips', { ...trip, table: 'A@example.com' })
  expect(twin).toMatchObject({ status: 409, body: { error: { details: [{ field: 'table' }] } } })
  await ask('POST', '/trips', { ...trip, from: 'Bergen', order: 2, table: 'b@example.com' })
  for (const [query, found] of [
    ['sort=-order', [2, 1]],
    ['sort=from,-order', [2, 1]],
    ['q=osl', [1]],
    ['from=Oslo,Bergen&user=all&primary=false', [1, 2]],
    ['orderMin=2', [2]],
    ['group=x,y', [1]],
    ['table=A@example.com', [1]],
    ['checkAfter=2025-12-31&checkBefore=2026-01-02', [1, 2]],
  ] as const) {
    const { status, body } = await ask('GET', `/trips?${query}`)
    expect(status, query).toBe(200)
    expect(
      body.data.map(({ order }: { order: number }) => order),
      query,
    ).toEqual(found)
  }
  const first = await ask('GET', '/trips?sort=from,-order&limit=1')
  const next = await ask('GET', `/trips?sort=from,-order&limit=1&cursor=${first.body.pagination.nextCursor}`)
  expect(next.body.data).toMatchObject([{ from: 'Oslo' }])
  expect((await ask('PATCH', path, { to: { end: 'Ski' }, order: 3 })).body).toMatchObject({
    order: 3,
    to: { end: 'Ski' },
  })
  expect((await ask('PUT', path, trip)).body).toMatchObject({ ...trip, to: null })
  expect((await ask('DELETE', path)).status).toBe(204)
  expect((await ask('GET', path)).status).toBe(404)
})
