import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { resource, service, t } from '../src/contract/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

const PUBLIC = {
  list: 'public',
  get: 'public',
  create: 'public',
  update: 'public',
  delete: 'public',
} as const

const Artist = resource('artist', {
  id: 'art',
  fields: { name: t.text() },
  softDelete: true,
  access: PUBLIC,
})
/** At `/artists/{artistId}/albums/{id}`. */
const Album = resource('album', {
  id: 'alb',
  parent: { of: Artist, field: 'artistId' },
  nested: true,
  fields: { artistId: t.id('art').server(), title: t.text() },
  list: { root: true },
  access: PUBLIC,
})
/** At `/tracks/{id}`, with lists below the album and at the root. */
const Track = resource('track', {
  id: 'trk',
  parent: { of: Album, field: 'albumId' },
  fields: { albumId: t.id('alb').server(), title: t.text() },
  list: { filter: ['createdAt'], sort: ['title'], defaultSort: 'title', root: true },
  access: PUBLIC,
})
/** At `/artists/{artistId}/albums/{albumId}/covers/{id}`. */
const Cover = resource('cover', {
  id: 'cvr',
  parent: { of: Album, field: 'albumId' },
  nested: true,
  fields: { albumId: t.id('alb').server(), side: t.oneOf('front', 'back') },
  access: PUBLIC,
})
const contract = service('music', {
  resources: { artists: Artist, albums: Album, tracks: Track, covers: Cover },
})
const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const SQL = `
create table artists (id uuid primary key, name text not null, ${TAIL}, deleted_at timestamptz(3));
create view active_artists as select * from artists where deleted_at is null;
create table albums (id uuid primary key, artist_id uuid not null references artists, title text not null, ${TAIL});
create table tracks (id uuid primary key, album_id uuid not null references albums, title text not null, ${TAIL});
create table covers (id uuid primary key, album_id uuid not null references albums, side text not null, ${TAIL});`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL)
})
afterAll(() => running?.stop())

function ask(method: string, path: string, body?: unknown): Promise<Wired> {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body === undefined ? {} : { headers, body: JSON.stringify(body) })
}

async function make(path: string, body: object): Promise<string> {
  const made = await ask('POST', path, body)
  expect(made.status, `POST ${path}`).toBe(201)
  return made.body.id
}

const titles = ({ body }: Wired) => body.data.map(({ title }: { title: string }) => title)

test('FC-50: what has its parent in the same service is listed at the root too, and below each parent', async () => {
  const artist = await make('/artists', { name: 'Nina' })
  const [first, second] = [
    await make(`/artists/${artist}/albums`, { title: 'One' }),
    await make(`/artists/${artist}/albums`, { title: 'Two' }),
  ]
  for (const [album, title] of [
    [first, 'b'],
    [second, 'a'],
    [first, 'c'],
  ])
    await make(`/artists/${artist}/albums/${album}/tracks`, { title })
  const all = await ask('GET', '/tracks')
  expect(all).toMatchObject({ status: 200, body: { pagination: { total: 3 } } })
  expect(titles(all)).toEqual(['a', 'b', 'c'])
  const page = await ask('GET', '/tracks?limit=2&createdAfter=2020-01-01')
  expect(titles(page)).toEqual(['a', 'b'])
  expect(titles(await ask('GET', `/tracks?createdAfter=2020-01-01&cursor=${page.body.pagination.nextCursor}`))).toEqual(
    ['c'],
  )
  expect(titles(await ask('GET', `/artists/${artist}/albums/${first}/tracks`))).toEqual(['b', 'c'])
  // What is nested has its list at the root as well, its items only below the parent.
  expect(titles(await ask('GET', '/albums'))).toEqual(['One', 'Two'])
  expect((await ask('GET', `/albums/${first}`)).status).toBe(404)
})

test('FC-50 R-REST-4: below a parent that is not there, or is another, nothing is read, listed or made', async () => {
  const [artist, stranger] = [await make('/artists', { name: 'A' }), await make('/artists', { name: 'B' })]
  const album = await make(`/artists/${artist}/albums`, { title: 'Album' })
  const cover = await make(`/artists/${artist}/albums/${album}/covers`, { side: 'front' })
  expect((await ask('GET', `/artists/${artist}/albums/${album}/covers/${cover}`)).status).toBe(200)
  for (const root of [
    `/artists/${stranger}/albums/${album}`,
    `/artists/${newId('art')}/albums/${album}`,
    `/artists/${artist}/albums/${newId('alb')}`,
  ]) {
    const answers = [
      await ask('GET', `${root}/covers`),
      await ask('GET', `${root}/tracks`),
      await ask('GET', `${root}/covers/${cover}`),
      await ask('POST', `${root}/covers`, { side: 'back' }),
      await ask('POST', `${root}/tracks`, { title: 'x' }),
      await ask('PATCH', `${root}/covers/${cover}`, { side: 'back' }),
      await ask('DELETE', `${root}/covers/${cover}`),
    ]
    expect(
      answers.map(({ status }) => status),
      root,
    ).toEqual([404, 404, 404, 404, 404, 404, 404])
  }
})

test('FC-50 R-DEL-1: a softly deleted parent hides what lies below it; what has a place of its own stays there', async () => {
  const artist = await make('/artists', { name: 'Gone' })
  const album = await make(`/artists/${artist}/albums`, { title: 'Left' })
  const cover = await make(`/artists/${artist}/albums/${album}/covers`, { side: 'front' })
  const track = await make(`/artists/${artist}/albums/${album}/tracks`, { title: 'Alone' })
  expect((await ask('DELETE', `/artists/${artist}`)).status).toBe(204)
  const below = `/artists/${artist}/albums`
  const answers = [
    await ask('GET', below),
    await ask('POST', below, { title: 'New' }),
    await ask('GET', `${below}/${album}`),
    await ask('PATCH', `${below}/${album}`, { title: 'New' }),
    await ask('DELETE', `${below}/${album}`),
    await ask('GET', `${below}/${album}/tracks`),
    await ask('GET', `${below}/${album}/covers/${cover}`),
    await ask('POST', `${below}/${album}/covers`, { side: 'back' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 404, 404])
  expect((await ask('GET', `/tracks/${track}`)).status).toBe(200)
  expect(titles(await ask('GET', '/tracks'))).toContain('Alone')
  expect(titles(await ask('GET', '/albums'))).toContain('Left')
})
