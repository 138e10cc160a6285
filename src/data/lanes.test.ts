import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Clone, cloneOf, templateFor } from '../testing/database.ts'
import { connect } from './connection.ts'
import { type Database, openDatabase, type Queryable } from './pool.ts'

let clone: Clone
let admin: pg.Client
let database: Database

beforeAll(async () => {
  const server = inject('databaseServer')
  const migrations = new URL('../../services/orders/migrations/', import.meta.url)
  clone = await cloneOf(server, await templateFor(server, { contract: { name: 'orders' }, migrations }))
  admin = await connect(clone.url)
  await admin.query(`create table locked (id integer primary key); insert into locked values (1);
    create table free (id integer primary key); insert into free values (1)`)
  database = openDatabase('lanes', clone.url)
})
afterAll(async () => {
  await database?.close()
  await admin?.end()
  await clone?.drop()
})

/** Holds a lock on the table `locked` while `work` runs. */
async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  await admin.query('begin; lock table locked')
  try {
    return await work()
  } finally {
    await admin.query('commit')
  }
}

const READS: [string, () => Queryable][] = [
  ['single reads', () => database],
  ['lists', () => database.slow],
]

test.each(READS)('FC-110: while a table is locked, %s of other tables are answered', async (_, of) => {
  const db = of()
  const blocked: Promise<unknown>[] = []
  await whileLocked(async () => {
    for (let round = 0; round < 30; round++) {
      // In several shapes: what is found out of one says nothing of the next.
      if (round % 5 === 0)
        for (let i = 0; i < 10; i++)
          blocked.push(db.query(`select id, ${round} as round from locked where id = $1`, [1]))
      const free = Array.from({ length: 20 }, () => db.query('select id from free where id = $1', [1]))
      expect(new Set((await Promise.all(free)).map((rows) => JSON.stringify(rows)))).toEqual(new Set(['[{"id":1}]']))
    }
  })
  for (const rows of await Promise.all(blocked)) expect(rows).toMatchObject([{ id: 1 }])
})

test('a read that takes longer than a lane allows is answered all the same, once', async () => {
  const text = 'select pg_sleep(1.2)::text as slept, $1::integer as i'
  expect(await Promise.all([1, 2].map((i) => database.query(text, [i])))).toEqual([
    [{ slept: '', i: 1 }],
    [{ slept: '', i: 2 }],
  ])
})

test('a write that stands behind a slow read runs once', async () => {
  const one = openDatabase('one', clone.url, { readLanes: 1 })
  await one.query('create table written (n integer)')
  await Promise.all([
    one.query('select pg_sleep(0.5), $1::integer', [1]),
    ...Array.from({ length: 5 }, (_, n) => one.query('insert into written values ($1)', [n])),
  ])
  expect(await one.query('select n from written order by n')).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })))
  await one.close()
})

test('the connections of a database stay within their number, whatever waits', async () => {
  const few = openDatabase('few', clone.url, { poolSize: 3, readLanes: 1, listLanes: 1 })
  const count = async () =>
    Number(
      (await admin.query(`select count(*) from pg_stat_activity where application_name = 'lintel:few'`)).rows[0].count,
    )
  await whileLocked(async () => {
    const blocked = Array.from({ length: 50 }, (_, i) =>
      (i % 2 ? few : few.slow).query(`select ${i % 7} as shape from locked where id = $1`, [1]),
    )
    let most = 0
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 20 }, () => few.query('select id from free where id = $1', [1])))
      most = Math.max(most, await count())
    }
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(5)
    await Promise.race([few.close(), Promise.allSettled(blocked)])
    await Promise.allSettled(blocked)
  })
  await few.close()
})
