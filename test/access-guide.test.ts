import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessTokens, User } from '../services/users/contract.ts'
import users from '../services/users/service.ts'
import { operation, resource, service, t } from '../src/contract/index.ts'
import { implement, type OperationHandler, Problem } from '../src/service/index.ts'
import { system } from '../src/start/define-system.ts'
import { unproven } from './markdown.ts'
import { type User as Person, Reference } from './reference.ts'

const Ticket = resource('ticket', {
  id: 'tkt',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  fields: {
    userId: t.id('usr').server(),
    title: t.text({ min: 1, max: 200 }),
    priority: t.oneOf('normal', 'urgent').default('normal').only('admin'),
    remark: t.text().default('').hidden(),
  },
  list: { sort: ['createdAt'], root: true },
  access: { list: 'owner | admin', get: 'owner | admin', create: 'owner', update: 'owner | admin', delete: 'admin' },
})
const desk = service('desk', {
  resources: { tickets: Ticket },
  operations: {
    priorities: operation({
      method: 'GET',
      path: '/ticket-priorities',
      access: 'authenticated',
      answer: { urgent: t.integer() },
    }),
  },
})

const priorities: OperationHandler<typeof desk, 'priorities'> = async ({ caller }, { read }) => {
  if (caller?.kind !== 'user' || !caller.email.endsWith('@example.com')) throw new Problem('FORBIDDEN')
  const [counted] = await read.query<{ urgent: number }>(
    `select count(*)::int as urgent from tickets where priority = 'urgent'`,
  )
  return { urgent: counted?.urgent ?? 0 }
}

const SQL = `
create table tickets (
  id uuid primary key, user_id uuid not null, title varchar(200) not null, priority text not null, remark text not null default '',
  version integer not null default 1, created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
);
create index tickets_by_created_at on tickets (created_at, id);
create index tickets_by_user on tickets (user_id, created_at, id);`

const api = new Reference()
let folder: string
let ann: Person
let ben: Person
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-access-'))
  await writeFile(join(folder, '0001-tickets.sql'), SQL)
  const tickets = implement(desk, { priorities }, { migrations: pathToFileURL(`${folder}/`) })
  await api.start({}, system({ services: [users, tickets], auth: accessTokens }))
  ;[ann, ben] = [await api.user('Ann'), await api.user('Ben')]
})
afterAll(async () => {
  await api.system?.stop()
  await rm(folder, { recursive: true })
})

const statusOf = async (who: Person | undefined, method: string, path: string, body?: object) =>
  (await api.ask(method, path, { ...(who && { token: who.token }), body })).status

test('the owner, others, admins and strangers are answered as the page says', async () => {
  const { body: ticket } = await api.ask('POST', '/users/me/tickets', { token: ann.token, body: { title: 'Fire' } })
  expect(ticket).toMatchObject({ userId: ann.id, priority: 'normal' })
  expect(ticket).not.toHaveProperty('remark')
  const path = `/tickets/${ticket.id}`
  const reads = [undefined, ben, ann, api.admin].map((who) => statusOf(who, 'GET', path))
  expect(await Promise.all(reads)).toEqual([401, 403, 200, 200])
  expect(await statusOf(ann, 'DELETE', path)).toBe(403)
  expect(await statusOf(ann, 'PUT', path, { title: 'Fire' })).toBe(405)
  expect(await statusOf(ann, 'GET', `/tickets/${ticket.id.replace(/.$/, '0')}x`)).toBe(404)
  const lists = [ben, ann, api.admin].map((who) => api.ask('GET', '/tickets', { token: who.token }))
  expect((await Promise.all(lists)).map(({ body }) => body.pagination.total)).toEqual([0, 1, 1])
})

test('a field for one role is refused to others, who may send its value back', async () => {
  const { body: ticket } = await api.ask('POST', '/users/me/tickets', { token: ann.token, body: { title: 'Fire' } })
  const path = `/tickets/${ticket.id}`
  expect(await statusOf(ann, 'PATCH', path, { priority: 'urgent' })).toBe(403)
  expect(await statusOf(ann, 'PATCH', path, { priority: 'normal', title: 'Smoke' })).toBe(200)
  expect(await statusOf(api.admin, 'PATCH', path, { priority: 'urgent' })).toBe(200)
  expect((await api.ask('GET', '/ticket-priorities', { token: ann.token })).body).toEqual({ urgent: 1 })
})

test('these are the examples of docs/guide/access.md', () => {
  expect(unproven('docs/guide/access.md', import.meta.url)).toEqual([])
})
