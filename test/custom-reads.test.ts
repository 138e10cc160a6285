import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { implement } from '../src/service/implement.ts'
import { Problem, readRow } from '../src/service/index.ts'
import { system } from '../src/start/define-system.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'

const Memo = resource('memo', {
  id: 'mem',
  fields: { team: t.text().hidden(), text: t.text(), length: t.integer().optional().server() },
  list: { filter: ['text'], sort: ['createdAt'] },
  access: { list: 'public', get: 'public', create: 'public' },
  custom: ['list', 'get'],
})
const memos = service('memos', { resources: { memos: Memo } })

const SQL = `create table memos (id uuid primary key, team text not null default 'red', text text not null, length integer,
  version integer not null default 1, created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now());
create index memos_by_time on memos (created_at, id);
insert into memos (id, team, text, created_at) select ('01900000-0000-7000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid,
  case when n % 2 = 0 then 'red' else 'blue' end, 'memo ' || n, '2026-01-01'::timestamptz + n * interval '1 day' from generate_series(1, 10) n;`

let running: TestSystem
let folder: string
let shows: 'red' | 'blue' | 'own' | 'nothing' = 'red'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-memos-'))
  await writeFile(join(folder, '0001-tables.sql'), SQL)
  const memosService = implement(
    memos,
    {
      memos: {
        async get({ usual }) {
          const memo = readRow(await usual())
          if (memo.team !== shows) throw new Problem('NOT_FOUND')
          return { ...memo, length: memo.text.length }
        },
        async list({ usual, query }) {
          if (shows === 'nothing') return { rows: [] } as never
          if (shows === 'own') return { rows: (await usual()).rows.slice(0, query.limit - 1), hasMore: false }
          const page = await usual({ team: shows })
          return { ...page, rows: page.rows.map(readRow).map((memo) => ({ ...memo, length: memo.text.length })) }
        },
      },
    },
    { migrations: pathToFileURL(`${folder}/`) },
  )
  running = await testSystem(system({ services: [memosService] }), inject('databaseServer'), { LOG_LEVEL: 'silent' })
})
afterAll(async () => {
  await running?.stop()
  await rm(folder, { recursive: true })
})

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(running.url + path, { headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}
const textsOf = (body: { data: { text: string }[] }) => body.data.map(({ text }) => text)

test('R-P-2: a list is narrowed by its handler, and shows what that has made of the rows; pages and totals are of those', async () => {
  shows = 'red'
  const { body } = await get('/memos?limit=2&count=exact')
  expect(body.data[0]).toMatchObject({ text: 'memo 2', length: 6 })
  expect(body.data[0]).not.toHaveProperty('team')
  expect(body.pagination).toMatchObject({ total: 5, hasMore: true })
  const next = await get(`/memos?limit=2&cursor=${body.pagination.nextCursor}`)
  expect(textsOf(next.body)).toEqual(['memo 6', 'memo 8'])
  expect((await get('/memos?fields=length&text=memo%204')).body.data).toEqual([{ id: expect.any(String), length: 6 }])
})

test('R-PAGE-2: a cursor is of what its list was narrowed to', async () => {
  shows = 'red'
  const { nextCursor } = (await get('/memos?limit=2')).body.pagination
  shows = 'blue'
  expect((await get(`/memos?limit=2&cursor=${nextCursor}`)).body.error.code).toBe('INVALID_CURSOR')
})

test('R-P-2: a handler may answer a page of its own; one that is none is a 500', async () => {
  shows = 'own'
  expect((await get('/memos?limit=3')).body).toMatchObject({
    data: [{ text: 'memo 1' }, { text: 'memo 2' }],
    pagination: { total: null, hasMore: false, nextCursor: null },
  })
  shows = 'nothing'
  expect((await get('/memos')).status).toBe(500)
})

test('R-P-2: a read shows what its handler has made of the row, fields of it too; what it hides is a 404', async () => {
  shows = 'red'
  const [{ id }] = (await get('/memos?fields=id')).body.data
  const one = await get(`/memos/${id}`)
  expect(one.body).toMatchObject({ id, text: 'memo 2', length: 6 })
  expect(one.headers.get('etag')).toBe('"1"')
  expect((await get(`/memos/${id}?fields=length`)).body).toEqual({ id, length: 6 })
  shows = 'blue'
  expect((await get(`/memos/${id}`)).status).toBe(404)
  expect((await get('/memos/mem_01h455vb4pex5vsknk084sn02q')).status).toBe(404)
})

test('R-LOCK-3: its tag is good for If-Match, but 304 is never given: what a handler adds may have changed', async () => {
  shows = 'red'
  const [{ id }] = (await get('/memos?fields=id')).body.data
  expect((await get(`/memos/${id}`, { 'if-none-match': '"1"' })).status).toBe(200)
  expect((await get(`/memos/${id}`, { 'if-match': '"2"' })).status).toBe(412)
})
