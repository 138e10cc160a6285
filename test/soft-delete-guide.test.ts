import { afterAll, beforeAll, expect, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { openDatabase } from '../src/data/pool.ts'
import { unproven } from './markdown.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { bodyOf, post } from './system-process.ts'

const Product = resource('product', {
  id: 'prd',
  fields: { sku: t.text({ min: 1, max: 64 }), name: t.text({ min: 1, max: 200 }) },
  unique: ['sku'],
  softDelete: true,
  list: { sort: ['name'] },
  access: { list: 'public', get: 'public', create: 'public', delete: 'public' },
})

const SQL = `
create table products (
  id uuid primary key,
  sku varchar(64) not null,
  name varchar(200) not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

create unique index products_sku_key on products (sku) where deleted_at is null;
create index products_by_name on products (name, id) where deleted_at is null;
create index products_by_created_at on products (created_at, id) where deleted_at is null;

create view active_products as select * from products where deleted_at is null;
`

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(service('shop', { resources: { products: Product } }), {}, SQL)
})
afterAll(() => running.stop())

test('what was deleted is gone, its unique values are free, and an operator can have it back', async () => {
  const made = await bodyOf(await post(`${running.url}/products`, { sku: 'TEA', name: 'Chai' }))
  const url = `${running.url}/products/${made.id}`
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
  expect([(await fetch(url)).status, (await fetch(url, { method: 'DELETE' })).status]).toEqual([404, 404])
  expect(await bodyOf(await fetch(`${running.url}/products`))).toMatchObject({ data: [], pagination: { total: 0 } })
  const second = await bodyOf(await post(`${running.url}/products`, { sku: 'TEA', name: 'Green' }))
  const database = openDatabase('test', running.database)
  const restore = () =>
    database.query('update products set deleted_at = null, version = version + 1 where id = lintel.uuid($1)', [made.id])
  try {
    await expect(restore()).rejects.toThrow()
    await fetch(`${running.url}/products/${second.id}`, { method: 'DELETE' })
    await restore()
  } finally {
    await database.close()
  }
  expect(await bodyOf(await fetch(url))).toMatchObject({ sku: 'TEA', name: 'Chai', version: 3 })
})

test('these are the examples of docs/guide/soft-delete.md', () => {
  expect(unproven('docs/guide/soft-delete.md', import.meta.url)).toEqual([])
})
