import { afterAll, beforeAll, expect, test } from 'vitest'
import { olderShape, resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

/** Anybody may change a ticket, but for what an admin alone decides. Version 1 had `rank` under another name. */
const Ticket = resource('ticket', {
  id: 'tkt',
  fields: {
    title: t.text(),
    rank: t.text().default('low').only('admin'),
    due: t.time().optional().only('admin'),
  },
  access: { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public' },
})
const tickets = service('tickets', {
  resources: { tickets: Ticket },
  latest: 2,
  older: {
    1: {
      shapes: {
        tickets: olderShape({
          without: ['rank'],
          added: { level: t.text().default('low').only('admin') },
          up: ({ level, ...rest }) => (level === undefined ? rest : { ...rest, rank: level }),
          down: ({ rank, ...rest }) => ({ ...rest, level: rank }),
        }),
      },
    },
  },
})
const SQL = `create table tickets (
  id uuid primary key, title text not null, rank text not null, due timestamptz(3), version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now())`

let system: SmallSystem
beforeAll(async () => {
  system = await smallSystem(tickets, {}, SQL)
})
afterAll(() => system?.stop())

const ask = (method: string, path: string, body?: object) =>
  send(system.url, method, path, {
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })

/** A ticket of which an admin has decided. */
async function decided(): Promise<string> {
  const { body } = await ask('POST', '/v2/tickets', { title: 'a', rank: 'low', due: null })
  const client = await connect(system.database)
  await client.query(`update tickets set rank = 'high', due = '2026-01-31T12:00:00Z'`)
  await client.end()
  return body.id
}

test.each([
  ['/v2', 'PATCH', { rank: 'low' }, 'rank'],
  ['/v2', 'PATCH', { rank: 'higher' }, 'rank'],
  ['/v2', 'PATCH', { due: null }, 'due'],
  ['/v2', 'PUT', { title: 'b', rank: 'low' }, 'rank'],
  ['/v2', 'PUT', { title: 'b', due: null }, 'due'],
  ['/v1', 'PATCH', { level: 'low' }, 'level'],
  ['/v1', 'PUT', { title: 'b', level: 'low' }, 'level'],
])(
  'R-AUTH-8 R-USER-2: %s: what only an admin may give, nobody else resets: %s %j is a 403',
  async (version, method, body, field) => {
    const id = await decided()
    const { status, body: answer } = await ask(method, `${version}/tickets/${id}`, body)
    expect([status, answer.error?.details]).toEqual([403, [{ field, message: 'may only be set by admin' }]])
    expect((await ask('GET', `/v2/tickets/${id}`)).body).toMatchObject({ title: 'a', rank: 'high', version: 1 })
  },
)

test.each([
  ['/v2', 'PATCH', { title: 'b', rank: 'high' }],
  ['/v2', 'PUT', { title: 'b', rank: 'high', due: '2026-01-31T12:00:00.000Z' }],
  ['/v2', 'PUT', { title: 'b' }],
  ['/v1', 'PATCH', { title: 'b', level: 'high' }],
  ['/v1', 'PUT', { title: 'b', level: 'high' }],
  ['/v1', 'PUT', { title: 'b' }],
])(
  'R-REST-2: %s: %s of a thing as it was read, or without such fields, leaves them as they are: %j',
  async (version, method, body) => {
    const id = await decided()
    expect((await ask(method, `${version}/tickets/${id}`, body)).status).toBe(200)
    expect((await ask('GET', `/v2/tickets/${id}`)).body).toMatchObject({
      title: 'b',
      rank: 'high',
      due: '2026-01-31T12:00:00.000Z',
    })
  },
)

test('R-REST-4: a ticket that is not there is a 404 before it is asked what may be changed of it', async () => {
  const path = '/v2/tickets/tkt_01h455vb4pex5vsknk084sn02q'
  expect((await ask('PATCH', path, { rank: 'low' })).status).toBe(404)
})
