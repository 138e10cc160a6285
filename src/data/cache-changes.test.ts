import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { boundLeftChanges, dropLeftChanges, leaveChanges } from './cache-changes.ts'
import { type Database, openDatabase } from './pool.ts'

let clone: Clone
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(() => database.query('delete from lintel.cache_changes'))

const leave = (count: number) => {
  const { text, values } = leaveChanges(new Set(Array.from({ length: count }, (_, n) => `product:${n}`)))
  return database.query(text, values)
}
const left = async () => (await database.cells('select tag from lintel.cache_changes')).map(([tag]) => tag)

test('R-CACHE-2: of more tags than anybody reads one is made, which is everything', async () => {
  await leave(10_000)
  await boundLeftChanges(database)
  expect(await left()).toHaveLength(10_000)
  await leave(1)
  await boundLeftChanges(database)
  expect(await left()).toEqual(['*'])
  const dropped: string[] = []
  const drop = (tags: readonly string[]) => dropped.push(...tags) > 0
  expect(await dropLeftChanges(database, { drop })).toBe(1)
  expect(dropped).toEqual(['*'])
  expect(await left()).toEqual([])
})

test('R-CACHE-2: that goes through them once, also where a vacuum has just found hardly any', async () => {
  await leave(20_000)
  await database.query('delete from lintel.cache_changes where id < (select max(id) from lintel.cache_changes)')
  await database.query('vacuum analyze lintel.cache_changes')
  await leave(20_000)
  await boundLeftChanges(database)
  expect(await left()).toEqual(['*'])
})

test('R-CACHE-2: what cannot be dropped stays, and stays bounded', async () => {
  const drop = () => false
  await leave(2)
  expect(await dropLeftChanges(database, { drop })).toBe(0)
  expect(await left()).toEqual(['product:0', 'product:1'])
  await leave(10_000)
  expect(await dropLeftChanges(database, { drop })).toBe(0)
  expect(await left()).toEqual(['*'])
})
