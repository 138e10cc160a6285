import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { accessTokens, User } from '../services/users/contract.ts'
import usersService from '../services/users/service.ts'
import { http } from '../src/call/http.ts'
import { portClient } from '../src/call/port-client.ts'
import { event, operation, resource, service, t } from '../src/contract/index.ts'
import { implement } from '../src/service/implement.ts'
import { change, insert } from '../src/service/index.ts'
import { system } from '../src/start/define-system.ts'
import { testSystem } from '../src/testing/system.ts'
import { type User as Person, Reference } from './reference.ts'

const Ticket = resource('ticket', {
  id: 'tkt',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  fields: {
    userId: t.id('usr').server(),
    title: t.text(),
    stage: t.state(
      {
        open: { solved: 'admin', dropped: 'owner | admin' },
        solved: { reopened: 'owner', archived: 'service' },
        reopened: {},
        dropped: {},
        archived: {},
      },
      { initial: 'open', events: true },
    ),
  },
  list: { filter: ['stage'] },
  access: {
    list: 'owner | admin',
    get: 'owner | admin',
    create: 'owner',
    replace: 'owner | admin',
    update: 'owner | admin',
  },
})

const desk = service('desk', {
  resources: { tickets: Ticket },
  operations: {
    archive: operation({
      method: 'POST',
      path: '/tickets/{ticketId}/archivals',
      on: Ticket,
      access: 'owner',
      body: { asService: t.boolean() },
      answer: Ticket,
      status: 200,
    }),
    import: operation({
      method: 'POST',
      path: '/ticket-imports',
      access: 'admin',
      body: { userId: t.id('usr') },
      status: 202,
    }),
  },
  events: {
    'ticket.updated': event(Ticket),
    'ticket.reopened': event(Ticket),
    'ticket.solved': event(Ticket),
    'ticket.dropped': event(Ticket),
    'ticket.archived': event({ stage: t.text() }),
  },
})

const SQL = `
create table tickets (id uuid primary key, user_id uuid not null, title text not null, stage text not null,
  version integer not null default 1, created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now());
create index tickets_by_user on tickets (user_id, id);
create index tickets_by_user_stage on tickets (user_id, stage, id);`

const api = new Reference()
let folder: string
let owner: Person
let db: pg.Client
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-states-'))
  await writeFile(join(folder, '0001-tables.sql'), SQL)
  const deskService = implement(
    desk,
    {
      archive: ({ params, body, expected }, { tx }) =>
        change(
          tx,
          Ticket,
          params.ticketId,
          { stage: 'archived' },
          expected,
          body.asService ? 'as service' : 'as caller',
        ),
      async import({ body }, { tx }) {
        await insert(tx, Ticket, { userId: body.userId, title: 'Old', stage: 'archived' })
      },
    },
    { migrations: pathToFileURL(`${folder}/`) },
  )
  api.system = await testSystem(
    system({ services: [usersService, deskService], auth: accessTokens }),
    inject('databaseServer'),
    { LINTEL_ADMIN_EMAIL: 'admin@example.com', LINTEL_ADMIN_PASSWORD: 'correct horse battery staple' },
  )
  api.admin = { id: '', email: 'admin@example.com', token: await api.logIn('admin@example.com') }
  owner = await api.user()
  db = new pg.Client(api.system.databases.desk)
  await db.connect()
})
afterAll(async () => {
  await db?.end()
  await api.system?.stop()
  await rm(folder, { recursive: true })
})

async function ticket(): Promise<any> {
  return (await api.ask('POST', '/users/me/tickets', { token: owner.token, body: { title: 'Broken' } })).body
}

const patch = (id: string, body: object, { token }: { token: string } = owner) =>
  api.ask('PATCH', `/tickets/${id}`, { token, body })

const eventsOf = async (id: string) =>
  (await db.query('select type from lintel.outbox where aggregate_id = $1 order by position', [id])).rows.map(
    ({ type }) => type,
  )

test('a new thing begins in its initial state, which no request gives', async () => {
  expect(await ticket()).toMatchObject({ stage: 'open', version: 1 })
  const given = await api.ask('POST', '/users/me/tickets', {
    token: owner.token,
    body: { title: 'Broken', stage: 'open' },
  })
  expect(given).toMatchObject({
    status: 400,
    body: { error: { details: [{ field: 'stage', message: 'is read-only' }] } },
  })
})

test('PATCH makes a transition for whom the contract names, with its event; CRUD needs no handler for it', async () => {
  const { id } = await ticket()
  expect((await patch(id, { stage: 'solved' })).body.error.code).toBe('FORBIDDEN')
  expect((await patch(id, { stage: 'solved' }, api.admin)).body).toMatchObject({ stage: 'solved', version: 2 })
  expect((await patch(id, { stage: 'reopened' }, api.admin)).body.error.code).toBe('FORBIDDEN')
  const reopened = await patch(id, { stage: 'reopened', title: 'Again' })
  expect(reopened.body).toMatchObject({ stage: 'reopened', title: 'Again', version: 3 })
  expect(await eventsOf(id)).toEqual([...['ticket.solved', 'ticket.updated', 'ticket.reopened', 'ticket.updated']])
})

test('a transition that is not there is a 409 that says so, and changes nothing', async () => {
  const { id } = await ticket()
  await patch(id, { stage: 'dropped' })
  const refused = await patch(id, { stage: 'reopened', title: 'New' })
  expect(refused).toMatchObject({
    status: 409,
    body: { error: { code: 'INVALID_TRANSITION', message: 'A ticket that is dropped cannot become reopened' } },
  })
  expect((await api.ask('GET', `/tickets/${id}`, owner)).body).toMatchObject({ title: 'Broken', version: 2 })
  expect((await patch(id, { stage: 'closed' })).body.error.details).toEqual([
    { field: 'stage', message: 'must be one of open, solved, reopened, dropped, archived' },
  ])
})

test('R-BODY-4: what was read can be sent back as a whole: the state that stands is no transition', async () => {
  const { id } = await ticket()
  for (const method of ['PUT', 'PATCH']) {
    const read = (await api.ask('GET', `/tickets/${id}`, owner)).body
    const { body } = await api.ask(method, `/tickets/${id}`, {
      token: owner.token,
      body: { ...read, title: method },
    })
    expect(body).toMatchObject({ title: method, stage: 'open' })
  }
  const put = await api.ask('PUT', `/tickets/${id}`, { token: owner.token, body: { title: 'Whole' } })
  expect(put.body).toMatchObject({ title: 'Whole', stage: 'open', version: 4 })
  const moved = await api.ask('PUT', `/tickets/${id}`, { token: owner.token, body: { title: 'x', stage: 'dropped' } })
  expect(moved.body).toMatchObject({ title: 'x', stage: 'dropped' })
  expect((await eventsOf(id)).filter((type) => type !== 'ticket.updated')).toEqual(['ticket.dropped'])
})

test('R-LOCK-2: the version goes before the transition, and of many at once one is made', async () => {
  const { id } = await ticket()
  expect((await patch(id, { stage: 'archived', version: 9 }, api.admin)).body.error.code).toBe('VERSION_CONFLICT')
  await Promise.all(Array.from({ length: 8 }, () => patch(id, { stage: 'dropped' }, api.admin)))
  expect((await eventsOf(id)).filter((type) => type === 'ticket.dropped')).toHaveLength(1)
})

test('a handler is held to the transitions too; what is the service’s own it makes in its own name', async () => {
  const { id } = await ticket()
  await patch(id, { stage: 'solved' }, api.admin)
  const archive = (asService: boolean) =>
    api.ask('POST', `/tickets/${id}/archivals`, { token: owner.token, body: { asService } })
  expect((await archive(false)).body.error.code).toBe('FORBIDDEN')
  expect((await archive(true)).body).toMatchObject({ stage: 'archived', version: 3 })
  expect((await archive(true)).body.error.code).toBe('INVALID_TRANSITION')
  expect((await eventsOf(id)).at(-1)).toBe('ticket.archived')
})

test('a handler may make one in another state, as imports do', async () => {
  const body = { userId: owner.id }
  expect((await api.ask('POST', '/ticket-imports', { token: api.admin.token, body })).status).toBe(202)
  const { data } = (await api.ask('GET', `/users/${owner.id}/tickets?stage=archived`, owner)).body
  expect(data).toContainEqual(expect.objectContaining({ title: 'Old', stage: 'archived' }))
})

test('R-P-2: the OpenAPI document has the transitions, and what may refuse them', async () => {
  const { paths, components } = (await api.ask('GET', '/openapi.json')).body
  const { stage } = components.schemas.TicketUpdate.properties
  expect(stage).toEqual({
    type: 'string',
    enum: ['open', 'solved', 'reopened', 'dropped', 'archived'],
    description:
      'Begins as `open`; then `open` to `solved` (admin) or `dropped` (owner, admin), `solved` to `reopened` (owner) or `archived` (service).',
    'x-lintel-transitions': {
      open: { solved: 'admin', dropped: 'owner | admin' },
      solved: { reopened: 'owner', archived: 'service' },
      reopened: {},
      dropped: {},
      archived: {},
    },
  })
  expect(components.schemas.TicketCreate.properties).not.toHaveProperty('stage')
  expect(components.schemas.TicketReplace.required).toEqual(['title'])
  const { patch, put } = paths['/tickets/{id}']
  for (const one of [patch, put, paths['/tickets/{ticketId}/archivals'].post])
    expect(components.responses[one.responses['409'].$ref.split('/').at(-1)]['x-lintel-codes']).toContain(
      'INVALID_TRANSITION',
    )
})

/** Compiled, and never run: what the types reject. */
export async function notTyped() {
  const { tickets } = portClient(desk, http('http://localhost'))
  await tickets.create({ userId: 'usr_1', body: { title: 'x' } })
  await tickets.replace({ id: 'tkt_1', body: { title: 'x', stage: 'solved' } })
  // @ts-expect-error: no request says where a new one begins
  await tickets.create({ userId: 'usr_1', body: { title: 'x', stage: 'open' } })
  // @ts-expect-error: there is no such state
  await tickets.update({ id: 'tkt_1', body: { stage: 'closed' } })
  // @ts-expect-error: a transition leads to a state
  t.state({ open: { closd: 'admin' }, closed: {} }, { initial: 'open' })
  // @ts-expect-error: it begins as one of them
  t.state({ open: { closed: 'admin' }, closed: {} }, { initial: 'new' })
}
