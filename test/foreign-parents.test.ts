import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { resource, service, t } from '../src/contract/index.ts'
import { implement } from '../src/service/implement.ts'
import { system } from '../src/start/define-system.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import { send } from './wire.ts'

const PUBLIC = { list: 'public', get: 'public', create: 'public' } as const
const Person = resource('person', {
  id: 'per',
  plural: 'people',
  fields: { name: t.text() },
  access: { ...PUBLIC, get: 'service' },
})
/** Nobody can read it. */
const Robot = resource('robot', { id: 'rob', fields: { name: t.text() }, access: { create: 'public' } })
/** At `/people/{personId}/houses/{id}`. */
const House = resource('house', {
  id: 'hou',
  parent: { of: Person, field: 'personId' },
  nested: true,
  fields: { personId: t.id('per').server(), street: t.text() },
  access: PUBLIC,
})
const Pet = resource('pet', {
  id: 'pet',
  parent: { of: Person, field: 'personId' },
  fields: { personId: t.id('per').server(), name: t.text() },
  list: { root: true },
  access: PUBLIC,
})
const Battery = resource('battery', {
  id: 'bat',
  parent: { of: Robot, field: 'robotId' },
  fields: { robotId: t.id('rob').server(), volts: t.integer() },
  access: PUBLIC,
})
const Lamp = resource('lamp', {
  id: 'lmp',
  parent: { of: House, field: 'houseId' },
  fields: { houseId: t.id('hou').server(), watts: t.integer() },
  access: PUBLIC,
})
const owners = service('owners', { resources: { people: Person, houses: House, robots: Robot } })
const things = service('things', { resources: { pets: Pet, batteries: Battery, lamps: Lamp } })

const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const SQL = {
  owners: `
create table people (id uuid primary key, name text not null, ${TAIL});
create table robots (id uuid primary key, name text not null, ${TAIL});
create table houses (id uuid primary key, person_id uuid not null references people, street text not null, ${TAIL});`,
  things: `
create table pets (id uuid primary key, person_id uuid not null, name text not null, ${TAIL});
create table batteries (id uuid primary key, robot_id uuid not null, volts integer not null, ${TAIL});
create table lamps (id uuid primary key, house_id uuid not null, watts integer not null, ${TAIL});`,
}

let folder: string
let running: TestSystem
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-parents-'))
  const migrations = async (name: keyof typeof SQL) => {
    const file = join(folder, name)
    await mkdir(file)
    await writeFile(join(file, '0001-tables.sql'), SQL[name])
    return pathToFileURL(`${file}/`)
  }
  const services = [
    implement(things, {}, { migrations: await migrations('things') }),
    implement(owners, {}, { migrations: await migrations('owners') }),
  ]
  running = await testSystem(system({ services }), inject('databaseServer'))
})
afterAll(async () => {
  await running?.stop()
  await rm(folder, { recursive: true })
})

async function ask(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body ? { headers, body: JSON.stringify(body) } : {})
}
const make = async (path: string, body: object) => (await ask('POST', path, body)).body.id as string
const status = async (method: string, path: string, body?: object) => (await ask(method, path, body)).status

test('FC-56 R-REST-4: below a thing of another service, which lets services read it, nothing is made or listed unless it is there', async () => {
  const ann = await make('/people', { name: 'Ann' })
  expect(await status('POST', `/people/${ann}/pets`, { name: 'Rex' })).toBe(201)
  expect(await status('GET', `/people/${ann}/pets`)).toBe(200)
  const nobody = `/people/${newId('per')}/pets`
  expect(await status('POST', nobody, { name: 'Rex' })).toBe(404)
  expect(await status('GET', nobody)).toBe(404)
  expect(await status('GET', '/pets')).toBe(200)
})

test('FC-56: a parent that lies below one of its own is asked for by its whole path', async () => {
  const [ann, bob] = [await make('/people', { name: 'Ann' }), await make('/people', { name: 'Bob' })]
  const house = await make(`/people/${ann}/houses`, { street: 'Elm' })
  expect(await status('POST', `/people/${ann}/houses/${house}/lamps`, { watts: 5 })).toBe(201)
  expect(await status('POST', `/people/${bob}/houses/${house}/lamps`, { watts: 5 })).toBe(404)
  expect(await status('GET', `/people/${ann}/houses/${newId('hou')}/lamps`)).toBe(404)
})

test('FC-56: a parent that nobody here may ask about is taken to be there', async () => {
  const unknown = `/robots/${newId('rob')}/batteries`
  expect(await status('GET', unknown)).toBe(200)
  expect(await status('POST', unknown, { volts: 12 })).toBe(201)
})

test('FC-56: what `knows` names has to be a parent in another service', () => {
  const migrations = new URL('./migrations/', import.meta.url)
  const start = () => implement(things, {}, { migrations, knows: { persom: async () => true } })
  expect(start).toThrow('knows of things: "persom" is not the parent of any of its resources in another service')
})
