import { afterAll, beforeAll, expect, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

/** With objects in it, which nothing of the reference system has. */
const Parcel = resource('parcel', {
  id: 'pcl',
  fields: {
    destination: t.object({
      street: t.text({ min: 1 }),
      city: t.text({ min: 1 }),
      floor: t.integer().optional(),
      country: t.text().default('NO'),
      geo: t.object({ lat: t.decimal({ scale: 5 }), lon: t.decimal({ scale: 5 }) }).optional(),
    }),
    origin: t.object({ street: t.text({ min: 1 }), city: t.text({ min: 1 }) }).optional(),
    note: t.text().optional(),
    tags: t.list(t.text()).default([]),
  },
  access: { get: 'public', create: 'public', replace: 'public', update: 'public' },
})
const contract = service('parcels', { resources: { parcels: Parcel } })
const SQL = `create table parcels (
  id uuid primary key, destination jsonb not null, origin jsonb, note text, tags jsonb not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
)`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL)
})
afterAll(() => running?.stop())

const ADDRESS = { street: 'Bergs gate 1', city: 'Oslo', floor: 2, country: 'SE', geo: { lat: 59.91273, lon: 10.74609 } }

/** Makes one, and gives what a change of it answers. */
async function patched(patch: unknown): Promise<Wired> {
  const made = await ask('POST', '/parcels', { destination: ADDRESS, note: 'Ring twice', tags: ['a', 'b'] })
  expect(made.status).toBe(201)
  return ask('PATCH', `/parcels/${made.body.id}`, patch)
}

test('R-REST-2: a PATCH of a part of an object leaves the rest of it, at any depth', async () => {
  const moved = await patched({ destination: { city: 'Bergen', geo: { lat: 60.39299 } } })
  expect(moved.status).toBe(200)
  const destination = { ...ADDRESS, city: 'Bergen', geo: { ...ADDRESS.geo, lat: 60.39299 } }
  expect(moved.body).toMatchObject({ destination, note: 'Ring twice', tags: ['a', 'b'], version: 2 })
  expect((await send(running.url, 'GET', `/parcels/${moved.body.id}`)).body).toEqual(moved.body)
})

test('R-REST-2: null in a PATCH removes what may be missing', async () => {
  const { body } = await patched({ note: null, destination: { floor: null, geo: null } })
  expect(body).toMatchObject({ note: null, destination: { ...ADDRESS, floor: null, geo: null } })
})

test('R-REST-2: a list in a PATCH replaces the list', async () => {
  expect((await patched({ tags: ['c'] })).body).toMatchObject({ tags: ['c'], destination: ADDRESS })
})

test('R-REST-2: an object that was not there is made by a PATCH, if what it has is enough', async () => {
  const made = await patched({ origin: { street: 'Storgata 1', city: 'Moss' } })
  expect(made.body.origin).toEqual({ street: 'Storgata 1', city: 'Moss' })
  expectFaults(await patched({ origin: { city: 'Moss' } }), ['origin.street'])
  const bare = await patched({ destination: { geo: null } })
  expectFaults(await ask('PATCH', `/parcels/${bare.body.id}`, { destination: { geo: { lat: 1 } } }), [
    'destination.geo.lon',
  ])
})

test('R-BODY-4 R-BODY-5: null for what must be there, and every other fault of a PATCH, is a 400 naming its place', async () => {
  const wrong = { destination: { street: null, city: 5, geo: { lat: '1', alt: 3 } }, origin: 'x', tags: [1], id: 'x' }
  expectFaults(await patched(wrong), [
    'destination.city',
    'destination.geo.alt',
    'destination.geo.lat',
    'destination.street',
    'id',
    'origin',
    'tags[0]',
  ])
  expectFaults(await patched({ destination: null }), ['destination'])
})

test('R-REST-2: a PUT replaces an object whole, with its defaults', async () => {
  const { body } = await patched({})
  const destination = { street: 'Storgata 1', city: 'Moss' }
  const put = await ask('PUT', `/parcels/${body.id}`, { destination })
  const whole = { ...destination, floor: null, country: 'NO', geo: null }
  expect(put).toMatchObject({ status: 200, body: { destination: whole, note: null, origin: null, tags: [] } })
})

function expectFaults({ status, body }: Wired, fields: string[]) {
  expect(status).toBe(400)
  expect(body.error.code).toBe('VALIDATION_ERROR')
  expect(body.error.details.map((fault: { field: string }) => fault.field).sort()).toEqual(fields)
}

function ask(method: string, path: string, body: unknown): Promise<Wired> {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, { headers, body: JSON.stringify(body) })
}
