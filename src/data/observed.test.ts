import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import type { EndedStatement } from '../observe/statement-log.ts'
import type { Clone } from '../testing/database.ts'
import { observed } from './observed.ts'
import { type Database, openDatabase } from './pool.ts'
import { transaction } from './transaction.ts'

const ended: EndedStatement[] = []
let clone: Clone
let plain: Database
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  plain = openDatabase('orders', clone.url)
  database = observed(plain, (statement) => ended.push(statement))
  await plain.query('create table unique_things (name text primary key)')
})
afterAll(async () => {
  await plain?.close()
  await clone?.drop()
})
beforeEach(() => {
  ended.length = 0
})

const trace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', flags: '00', state: undefined }
const cause = (requestId: string) => ({ requestId, trace })
const told = () => ended.map(({ text, rows, cause }) => [text, rows, cause?.requestId])

test('R-OPS-3: reads, lists and transactions report each statement with its number of rows and its request', async () => {
  const own = database.onBehalfOf!(cause('mine'))
  await own.query('select generate_series(1, 3)')
  await database.cells('select 1')
  const asker = { key: 'user:u', deadline: undefined as never, signal: undefined, cause: cause('list') }
  await own.slow.cells('select 2', [], { asker, isLong: false })
  await transaction(own, async (tx) => {
    await tx.query('insert into unique_things values ($1), ($2)', ['a', 'b'])
    own.cause = cause('event')
    await tx.query('update unique_things set name = name')
  })
  expect(told()).toEqual([
    ['select generate_series(1, 3)', 3, 'mine'],
    ['select 1', 1, undefined],
    ['select 2', 1, 'list'],
    ['begin', 0, 'mine'],
    ['insert into unique_things values ($1), ($2)', 2, 'mine'],
    ['update unique_things set name = name', 2, 'event'],
    ['commit', 0, 'event'],
  ])
})

test('R-OPS-3: statements of a batch among others are reported, each with its rows', async () => {
  const emit = { type: 'thing.made', aggregateId: 'thg_1', data: '{}' }
  // The first needs a connection that is there already.
  for (let i = 0; i < 2; i++) await transaction(database, async (tx) => tx.emit(emit))
  const [text, rows] = told().at(-1)!
  expect([text, rows]).toEqual([expect.stringMatching(/^insert into lintel\.outbox/), 1])
  expect(ended).toHaveLength(2)
})

test('R-OPS-3: a failed statement is reported with its SQLSTATE, and without any of its values', async () => {
  const insert = 'insert into unique_things values ($1)'
  const work = transaction(database, async (tx) => {
    await tx.query(insert, ['canary'])
    await tx.query(insert, ['canary'])
  })
  await expect(work).rejects.toThrow()
  await expect(database.query('select no_such_column')).rejects.toThrow()
  expect(ended.map(({ text, sqlState }) => [text, sqlState])).toEqual([
    ['begin', undefined],
    [insert, undefined],
    [insert, '23505'],
    ['rollback', undefined],
    ['select no_such_column', '42703'],
  ])
  expect(JSON.stringify(ended)).not.toContain('canary')
})

test('R-OPS-3: where nobody wants to hear of statements, the database is the one that was opened', () => {
  expect(observed(plain, undefined)).toBe(plain)
  expect(plain.onBehalfOf).toBeUndefined()
})
