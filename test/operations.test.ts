import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { accessTokens, User } from '../services/users/contract.ts'
import usersService from '../services/users/service.ts'
import { newId } from '../src/base/ids.ts'
import { http } from '../src/call/http.ts'
import { portClient } from '../src/call/port-client.ts'
import { lockOf, protobuf } from '../src/contract/documents/protobuf.ts'
import { olderShape, operation, resource, service, t } from '../src/contract/index.ts'
import { implement } from '../src/service/implement.ts'
import { change, insert, Problem, read, readField } from '../src/service/index.ts'
import { system } from '../src/start/define-system.ts'
import type { System } from '../src/start/system.ts'
import { testSystem } from '../src/testing/system.ts'
import { type User as Person, Reference } from './reference.ts'
import { partsOf } from './small-parts.ts'

const Ticket = resource('ticket', {
  id: 'tkt',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  softDelete: true,
  fields: { userId: t.id('usr').server(), title: t.text(), closedFor: t.text().optional().server() },
  access: { get: 'owner | admin', create: 'owner', delete: 'admin' },
})
const Note = resource('note', {
  id: 'not',
  parent: { of: Ticket, field: 'ticketId' },
  nested: true,
  fields: { ticketId: t.id('tkt').server(), text: t.text() },
  access: { get: 'authenticated' },
})
const Draft = resource('draft', {
  id: 'drf',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  requireVersion: true,
  fields: { userId: t.id('usr').server(), text: t.text().default('') },
  access: { create: 'owner' },
})

const desk = service('desk', {
  resources: { tickets: Ticket, notes: Note, drafts: Draft },
  operations: {
    close: operation({
      method: 'POST',
      path: '/tickets/{ticketId}/closures',
      on: Ticket,
      access: 'owner | admin',
      body: { reason: t.text({ min: 1 }) },
      answer: Ticket,
      status: 200,
      problems: ['INVALID_TRANSITION'],
    }),
    remind: operation({
      method: 'PUT',
      path: '/tickets/{ticketId}/reminders/{day}',
      on: Ticket,
      access: 'owner',
      status: 204,
    }),
    annotate: operation({
      method: 'POST',
      path: '/tickets/{ticketId}/annotations',
      on: Ticket,
      access: 'admin',
      body: { text: t.text() },
      answer: Note,
    }),
    latest: operation({
      method: 'GET',
      path: '/tickets/{ticketId}/states',
      on: Ticket,
      access: 'owner',
      answer: Ticket,
    }),
    publish: operation({ method: 'POST', path: '/drafts/{id}/publications', on: Draft, access: 'owner', status: 202 }),
    report: operation({
      method: 'GET',
      path: '/ticket-reports',
      access: 'authenticated',
      query: {
        from: t.time(),
        to: t.time().optional(),
        least: t.integer({ min: 0, max: 9 }).default(1),
        words: t.list(t.text({ min: 1 }), { max: 3 }).default([]),
        closed: t.boolean().optional(),
      },
      answer: { text: t.text() },
    }),
  },
  latest: 2,
  older: {
    1: {
      shapes: {
        tickets: olderShape({
          without: ['closedFor'],
          added: { isClosed: t.boolean().server() },
          up: (body) => body,
          down: ({ closedFor, ...rest }) => ({ ...rest, isClosed: closedFor !== null }),
        }),
        close: olderShape({
          without: ['reason'],
          added: { why: t.text() },
          up: ({ why, ...rest }) => ({ ...rest, reason: why }),
          down: (answer) => answer,
        }),
      },
    },
  },
})

const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const SQL = `
create table tickets (id uuid primary key, user_id uuid not null, title text not null, closed_for text, deleted_at timestamptz(3), ${TAIL});
create index tickets_by_user on tickets (user_id, id);
create view active_tickets as select * from tickets where deleted_at is null;
create table notes (id uuid primary key, ticket_id uuid not null references tickets, text text not null, ${TAIL});
create index notes_by_ticket on notes (ticket_id, id);
create table drafts (id uuid primary key, user_id uuid not null, text text not null, ${TAIL});`

const ADMIN = {
  LINTEL_ADMIN_EMAIL: 'admin@example.com',
  LINTEL_ADMIN_PASSWORD: 'correct horse battery staple',
}
const WAYS = {
  'one process': (made: System) => testSystem(made, inject('databaseServer'), ADMIN),
  'two processes, over HTTP': (made: System) => partsOf(made, 'http', ADMIN),
  'two processes, over gRPC': (made: System) => partsOf(made, 'grpc', ADMIN),
}

describe.each(Object.entries(WAYS))('in %s', (_, run) => {
  const api = new Reference()
  let folder: string
  let owner: Person
  let stranger: Person
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lintel-desk-'))
    await writeFile(join(folder, '0001-tables.sql'), SQL)
    const deskService = implement(
      desk,
      {
        async close({ params, body, expected }, { tx }) {
          const ticket = await read(tx, Ticket, params.ticketId, 'for update')
          if (readField(ticket, 'closedFor') !== null) throw new Problem('INVALID_TRANSITION')
          return change(tx, Ticket, params.ticketId, { closedFor: body.reason }, expected)
        },
        async remind() {},
        annotate: ({ params, body }, { tx }) => insert(tx, Note, { ticketId: params.ticketId, text: body.text }),
        latest: ({ params }, unit) => read(unit.read, Ticket, params.ticketId),
        async publish() {},
        report: async ({ query }) => ({ text: JSON.stringify(query) }),
      },
      { migrations: pathToFileURL(`${folder}/`) },
    )
    api.system = await run(system({ services: [usersService, deskService], auth: accessTokens }))
    api.admin = { id: '', email: 'admin@example.com', token: await api.logIn('admin@example.com') }
    owner = await api.user()
    stranger = await api.user('Ben')
  })
  afterAll(async () => {
    await api.system.stop()
    await rm(folder, { recursive: true })
  })

  async function ticket(): Promise<string> {
    const made = await api.ask('POST', '/users/me/tickets', { token: owner.token, body: { title: 'Broken' } })
    expect(made.status).toBe(201)
    return made.body.id
  }
  const close = (id: string, { token } = owner, headers: Record<string, string> = {}) =>
    api.ask('POST', `/v2/tickets/${id}/closures`, { token, headers, body: { reason: 'fixed' } })

  describe('operations on a thing (R-REST-1)', () => {
    test('R-REST-1, R-AUTH-8: the owner and an admin may, another user may not, nobody without a token', async () => {
      const [mine, other] = [await ticket(), await ticket()]
      expect((await close(mine, stranger)).status).toBe(403)
      expect((await api.ask('POST', `/tickets/${mine}/closures`, { body: {} })).status).toBe(401)
      const done = await close(mine)
      expect(done).toMatchObject({ status: 200, body: { id: mine, closedFor: 'fixed', version: 2 } })
      expect(done.headers.get('etag')).toBe('"2"')
      expect((await close(other, api.admin)).status).toBe(200)
      expect((await close(mine)).body.error.code).toBe('INVALID_TRANSITION')
    })

    test('R-REST-2: a thing that is not there is a 404 for everybody, before what is wrong with the request', async () => {
      const gone = await ticket()
      expect((await api.ask('DELETE', `/tickets/${gone}`, { token: api.admin.token })).status).toBe(204)
      for (const id of [gone, newId('tkt'), newId('usr'), 'nonsense'])
        for (const { token } of [owner, stranger, api.admin])
          expect((await api.ask('POST', `/tickets/${id}/closures?a=1`, { token, body: { no: 1 } })).status).toBe(404)
    })

    test('R-LOCK-2: If-Match is held to, whatever the handler does with it; a strange tag fails', async () => {
      const id = await ticket()
      expect((await close(id, owner, { 'if-match': '"7"' })).status).toBe(412)
      expect((await close(id, owner, { 'if-match': '"x"' })).status).toBe(412)
      const path = `/tickets/${id}/reminders/monday`
      const remind = (headers: Record<string, string>) => api.ask('PUT', path, { token: owner.token, headers })
      expect((await remind({ 'if-match': '"7"' })).status).toBe(412)
      expect((await remind({ 'if-none-match': '*' })).status).toBe(412)
      expect(await remind({ 'if-match': '"1"' })).toMatchObject({ status: 204, body: undefined })
      expect((await close(id, owner, { 'if-match': '"1"' })).status).toBe(200)
    })

    test('R-LOCK-2: of many with one version exactly one wins', async () => {
      const id = await ticket()
      const all = await Promise.all(Array.from({ length: 8 }, () => close(id, owner, { 'if-match': '"1"' })))
      expect(all.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412, 412, 412])
    })

    test('R-LOCK-2: where the resource requires a version, so do operations on it: 428', async () => {
      const { token } = owner
      const { body } = await api.ask('POST', '/users/me/drafts', { token })
      const path = `/drafts/${body.id}/publications`
      expect((await api.ask('POST', path, { token })).body.error.code).toBe('PRECONDITION_REQUIRED')
      expect((await api.ask('POST', path, { token, headers: { 'if-match': '"1"' } })).status).toBe(202)
      const document = (await api.ask('GET', '/v2/openapi.json')).body
      expect(Object.keys(document.paths['/drafts/{id}/publications'].post.responses)).toContain('428')
    })

    test('R-IDEM-1: a repeat with its key gets the answer again, also when its If-Match no longer holds', async () => {
      const id = await ticket()
      const headers = { 'idempotency-key': newId('key'), 'if-match': '"1"' }
      expect((await close(id, owner, headers)).status).toBe(200)
      const again = await close(id, owner, headers)
      expect(again).toMatchObject({ status: 200, body: { closedFor: 'fixed' } })
      expect(again.headers.get('idempotency-replayed')).toBe('true')
    })

    test('R-REST-3: a 201 has a Location that resolves, below the path of its parent', async () => {
      const { token } = api.admin
      const made = await api.ask('POST', `/v2/tickets/${await ticket()}/annotations`, { token, body: { text: 'Seen' } })
      expect(made.status).toBe(201)
      expect((await api.ask('GET', made.headers.get('location')!, { token })).body).toEqual(made.body)
    })

    test('R-LOCK-3: a read of a thing has its ETag, 304 by it and 412', async () => {
      const path = `/tickets/${await ticket()}/states`
      const get = (headers = {}) => api.ask('GET', path, { token: owner.token, headers })
      expect((await get()).headers.get('etag')).toBe('"1"')
      expect((await get({ 'if-none-match': '"1"' })).status).toBe(304)
      expect((await get({ 'if-match': '"2"' })).status).toBe(412)
    })

    test('R-VER-2: an older version asks and answers by the shapes of operation and resource', async () => {
      const path = `/v1/tickets/${await ticket()}/closures`
      const { token } = owner
      expect((await api.ask('POST', path, { token, body: { reason: 'fixed' } })).body.error.details).toEqual(
        expect.arrayContaining([{ field: 'why', message: 'is required' }]),
      )
      const { status, body } = await api.ask('POST', path, { token, body: { why: 'fixed' } })
      expect(status).toBe(200)
      expect(body).toMatchObject({ isClosed: true, version: 2 })
      expect(body).not.toHaveProperty('closedFor')
    })
  })

  describe('declared query parameters (R-FILTER)', () => {
    const report = async (query: string) => {
      const { status, body } = await api.ask('GET', `/ticket-reports?${query}`, { token: owner.token })
      return status === 200 ? JSON.parse(body.text) : body.error.details
    }

    test('R-FILTER-1: they are read by their kinds, with defaults, and null for what is left out', async () => {
      expect(await report('from=2026-01-02')).toEqual({
        from: '2026-01-02T00:00:00.000Z',
        to: null,
        least: 1,
        words: [],
        closed: null,
      })
      expect(await report('from=2026-01-02T01:00:00%2B01:00&least=3&words=a,b&words=c%2Cd&closed=false')).toMatchObject(
        {
          from: '2026-01-02T00:00:00.000Z',
          least: 3,
          words: ['a', 'b', 'c,d'],
          closed: false,
        },
      )
    })

    test('R-FILTER-2: unknown, missing, repeated and wrong ones are rejected, all at once', async () => {
      expect(await report('least=10&words=a,b,c,d&closed=yes&to=1&to=2&size=1')).toEqual(
        expect.arrayContaining([
          { field: 'from', message: 'is required' },
          { field: 'least', message: 'must be at most 9' },
          { field: 'words', message: 'must have at most 3 members' },
          { field: 'closed', message: 'must be true or false' },
          { field: 'to', message: 'is given twice' },
          { field: 'size', message: 'is not a parameter of this request: use from, to, least, words, closed' },
        ]),
      )
      expect(
        (await report(`from=2026-01-02&${'x=1&'.repeat(3)}`)).map(({ field }: { field: string }) => field),
      ).toContain('x')
    })

    test('R-P-2: they and If-Match are in the OpenAPI document', async () => {
      const { paths } = (await api.ask('GET', '/v2/openapi.json')).body
      const { parameters } = paths['/ticket-reports'].get
      expect(parameters).toContainEqual(expect.objectContaining({ name: 'from', in: 'query', required: true }))
      expect(parameters).toContainEqual(
        expect.objectContaining({ name: 'least', schema: expect.objectContaining({ type: 'integer', default: 1 }) }),
      )
      expect(paths['/tickets/{ticketId}/closures'].post.parameters).toContainEqual({
        $ref: expect.stringMatching(/If-?Match$/),
      })
    })

    test('R-CALL-2: they and If-Match are in the protobuf document', () => {
      const { messages } = protobuf(desk, lockOf(desk))
      const fieldsOf = (name: string) =>
        messages.find((one) => one.fullName.endsWith(name))!.fields.map(({ json }) => json)
      expect(fieldsOf('.ReportRequest')).toEqual(['query', 'ifMatch', 'ifNoneMatch'])
      expect(fieldsOf('.CloseRequest')).toEqual(['ticketId', 'body', 'ifMatch', 'ifNoneMatch', 'idempotencyKey'])
    })
  })

  test('R-CALL-1: the typed client asks by parameters, query, body and version', async () => {
    const calls = portClient(desk, http(api.url, { token: owner.token }))
    const made = await calls.tickets.create({ userId: owner.id, body: { title: 'Typed' } })
    const done = await calls.close({ params: { ticketId: made.id }, body: { reason: 'typed' }, ifMatch: made.version })
    expect(done.closedFor).toBe('typed')
    await expect(calls.remind({ params: { ticketId: made.id, day: 'friday' }, ifMatch: 1 })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    })
    const { text } = await calls.report({ query: { from: new Date(0), words: ['a,b'] } })
    expect(JSON.parse(text)).toMatchObject({ from: '1970-01-01T00:00:00.000Z', words: ['a,b'] })
    const compilesNot = () => {
      // @ts-expect-error the template has no such parameter
      void calls.close({ params: { id: made.id }, body: { reason: '' } })
      // @ts-expect-error an id of another type
      void calls.close({ params: { ticketId: newId('usr') as `usr_${string}` }, body: { reason: '' } })
      // @ts-expect-error `from` is required
      void calls.report({ query: { least: 1 } })
      // @ts-expect-error there is no such query parameter
      void calls.report({ query: { from: '', size: 1 } })
    }
    expect(compilesNot).toBeTypeOf('function')
  })
})
