import { afterAll, beforeAll, expect, test } from 'vitest'
import { event, resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { openDatabase } from '../src/data/pool.ts'
import { purge } from '../src/data/purge.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

const access = { list: 'public', get: 'public', create: 'public', update: 'public', delete: 'public' } as const

const Label = resource('label', { id: 'lbl', fields: { name: t.text() }, softDelete: true, access })
const Album = resource('album', {
  id: 'alb',
  fields: { title: t.text(), labelId: t.id('lbl').optional(), sequelId: t.id('alb').optional() },
  access,
})
const Song = resource('song', {
  id: 'sng',
  fields: { title: t.text(), albumId: t.id('alb') },
  softDelete: true,
  access,
})
const Review = resource('review', { id: 'rvw', fields: { text: t.text(), albumId: t.id('alb').optional() }, access })
const contract = service('music', {
  resources: { labels: Label, albums: Album, songs: Song, reviews: Review },
  events: {
    'album.deleted': event(Album),
    'song.deleted': event(Song),
    'review.updated': event(Review),
  },
})

const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const SQL = `
create table labels (id uuid primary key, name text not null, ${TAIL}, deleted_at timestamptz(3));
create view active_labels as select * from labels where deleted_at is null;
create table albums (id uuid primary key, title text not null, label_id uuid references labels on delete cascade,
  sequel_id uuid references albums on delete cascade, ${TAIL});
create table songs (id uuid primary key, title text not null, album_id uuid not null references albums on delete cascade,
  ${TAIL}, deleted_at timestamptz(3));
create view active_songs as select * from songs where deleted_at is null;
create table reviews (id uuid primary key, text text not null, album_id uuid references albums on delete set null, ${TAIL});`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL)
})
afterAll(() => running?.stop())

function ask(method: string, path: string, body?: object, headers = {}): Promise<Wired> {
  const json = { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', ...headers }
  return send(running.url, method, path, body ? { headers: json, body: JSON.stringify(body) } : { headers })
}

async function make(path: string, body: object): Promise<string> {
  const { status, body: made } = await ask('POST', path, body)
  expect(status).toBe(201)
  return made.id
}

async function query<T extends object>(text: string): Promise<T[]> {
  const database = await connect(running.database)
  try {
    return (await database.query(text)).rows as T[]
  } finally {
    await database.end()
  }
}

/** Those published since the last call, in order. */
let seen = 0
async function events(): Promise<[type: string, id: string, version: number][]> {
  const rows = await query<{ type: string; aggregate_id: string; version: number }>(
    `select type, aggregate_id, (data->>'version')::integer as version from lintel.outbox order by position`,
  )
  const since = rows.slice(seen)
  seen = rows.length
  return since.map((row) => [row.type, row.aggregate_id, row.version])
}

test('FC-54 R-EVT-7: what a foreign key deletes or clears below a deleted row has its event, before that of the row', async () => {
  const albumId = await make('/albums', { title: 'Blue' })
  const first = await make('/songs', { title: 'All I Want', albumId })
  const second = await make('/songs', { title: 'My Old Man', albumId })
  const gone = await make('/songs', { title: 'Good Samaritan', albumId })
  const reviewId = await make('/reviews', { text: 'A classic', albumId })
  await ask('DELETE', `/songs/${gone}`)
  await events()

  expect((await ask('DELETE', `/albums/${albumId}`, undefined, { 'if-match': '"7"' })).status).toBe(412)
  expect(await events()).toEqual([])
  expect((await ask('DELETE', `/albums/${albumId}`, undefined, { 'if-match': '"1"' })).status).toBe(204)
  expect(await events()).toEqual([
    ['review.updated', reviewId, 2],
    ['song.deleted', first, 2],
    ['song.deleted', second, 2],
    ['album.deleted', albumId, 1],
  ])
  expect((await ask('GET', `/reviews/${reviewId}`)).body).toMatchObject({ albumId: null, version: 2 })
  expect((await query<{ count: string }>('select count(*) from songs'))[0]!.count).toBe('0')
})

test('FC-54: rows that refer to each other in a circle go once each', async () => {
  const first = await make('/albums', { title: 'One' })
  const second = await make('/albums', { title: 'Two', sequelId: first })
  await ask('PATCH', `/albums/${first}`, { sequelId: second })
  await events()
  expect((await ask('DELETE', `/albums/${first}`)).status).toBe(204)
  expect((await events()).map(([type, id]) => [type, id])).toEqual([
    ['album.deleted', second],
    ['album.deleted', first],
  ])
  expect((await ask('GET', `/albums/${second}`)).status).toBe(404)
})

test('FC-54: more than a thousand rows at once are a 409 that names them, and all stay', async () => {
  const albumId = await make('/albums', { title: 'Endless' })
  await query(`insert into songs (id, title, album_id)
    select gen_random_uuid(), 'song ' || i, albums.id from generate_series(1, 1001) i, albums where title = 'Endless'`)
  await events()
  expect(await ask('DELETE', `/albums/${albumId}`)).toMatchObject({
    status: 409,
    body: { error: { code: 'CONFLICT', message: 'More than 1000 songs belong to it: delete those first' } },
  })
  expect(await events()).toEqual([])
  expect((await query<{ count: string }>('select count(*) from songs'))[0]!.count).toBe('1001')
})

test('FC-54 R-DEL-1: a purge keeps a row with which others would go without their event', async () => {
  const labelId = await make('/labels', { name: 'Reprise' })
  const albumId = await make('/albums', { title: 'Clouds', labelId })
  await ask('DELETE', `/labels/${labelId}`)
  const database = openDatabase('music', running.database)
  try {
    expect((await purge(database, contract, 0)).labels).toEqual({
      removed: 0,
      left: 1,
      reasons: ['albums still refers to 1 of them'],
    })
    await ask('DELETE', `/albums/${albumId}`)
    expect((await purge(database, contract, 0)).labels).toEqual({ removed: 1, left: 0, reasons: [] })
  } finally {
    await database.close()
  }
})
