import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { type Claim, claim, claimOf, keep } from './idempotency.ts'
import type { Transaction } from './open-transaction.ts'
import { type Database, openDatabase } from './pool.ts'
import { sweepIdempotencyKeys } from './purge.ts'
import { transaction } from './transaction.ts'

let clone: Clone
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  await database.query('create table effects (name text not null)')
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(async () => {
  await database.query('truncate effects, lintel.idempotency_keys')
  await database.query('delete from lintel.outbox')
})

const ANSWER = { status: 201, headers: { location: '/v1/things/1', etag: '"1"' }, body: '{"id":1}' }
const claimed = (key = 'key', asked: unknown = { a: 1 }) => claimOf('user:ann', 'things.create', key, asked)

/** What a request with an effect does: claims its key, leaves a row and an event, keeps its answer. */
async function perform(tx: Transaction, one: Claim, then: () => Promise<unknown> = async () => {}) {
  const kept = await claim(tx, one)
  if (kept) return { ...kept, replayed: true }
  await tx.query(`insert into effects values ('done')`)
  tx.emit({ type: 'thing.created', aggregateId: 'one', data: '{}' })
  await keep(tx, one, ANSWER)
  await then()
  return { ...ANSWER, replayed: false }
}

const request = (one: Claim, then?: () => Promise<unknown>) => transaction(database, (tx) => perform(tx, one, then))

async function rows() {
  const [row] = await database.query<{ effects: number; keys: number; events: number }>(
    `select (select count(*) from effects) as effects, (select count(*) from lintel.idempotency_keys) as keys,
       (select count(*) from lintel.outbox) as events`,
  )
  return row
}

test('R-IDEM-1: a repeat gets the first answer, whole, and has no second effect', async () => {
  expect(await request(claimed())).toEqual({ ...ANSWER, replayed: false })
  expect(await request(claimed())).toEqual({ ...ANSWER, replayed: true })
  expect(await rows()).toEqual({ effects: 1, keys: 1, events: 1 })
})

test('R-IDEM-1: an answer without a body is kept as one', async () => {
  const empty = { status: 204, headers: {}, body: undefined }
  await transaction(database, async (tx) => {
    await claim(tx, claimed())
    await keep(tx, claimed(), empty)
  })
  expect(await transaction(database, (tx) => claim(tx, claimed()))).toEqual(empty)
})

test('R-IDEM-1: a key belongs to one caller and one operation', () => {
  const key = (caller: string, operation: string, one: string) =>
    claimOf(caller, operation, one, {}).key.toString('hex')
  const keys = [
    key('user:ann', 'a', 'k'),
    key('user:bob', 'a', 'k'),
    key('user:ann', 'b', 'k'),
    key('user:ann', 'a', 'l'),
  ]
  expect(new Set(keys).size).toBe(4)
  expect(key('user:ann', 'a', 'k')).toBe(keys[0])
})

test('FC-6, R-IDEM-2: anonymous callers share a key only where they ask for the same', () => {
  const key = (caller: string | undefined, asked: unknown) => claimOf(caller, 'a', 'k', asked).key.toString('hex')
  expect(key(undefined, { a: 1, b: 2 })).toBe(key(undefined, { b: 2, a: 1 }))
  expect(key(undefined, { a: 1 })).not.toBe(key(undefined, { a: 2 }))
  expect(key('user:ann', { a: 1 })).toBe(key('user:ann', { a: 2 }))
})

test('R-IDEM-2: the same body is the same, in whatever order its members stand; any other is another', async () => {
  await request(claimed('key', { a: 1, b: { c: [1, 2], d: null } }))
  expect(await request(claimed('key', { b: { d: null, c: [1, 2] }, a: 1 }))).toMatchObject({ replayed: true })
  for (const other of [{ a: 1 }, { a: 1, b: { c: [2, 1], d: null } }, { a: '1', b: { c: [1, 2], d: null } }, null, []])
    await expect(request(claimed('key', other))).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  expect(await rows()).toEqual({ effects: 1, keys: 1, events: 1 })
})

test('R-IDEM-2: while the first still runs a repeat is told to come back, and then gets its answer', async () => {
  let during: unknown
  await request(claimed(), async () => {
    during = await request(claimed()).catch((error) => error)
  })
  expect(during).toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS', retryAfterS: 1 })
  expect(await request(claimed())).toMatchObject({ replayed: true })
  expect(await rows()).toEqual({ effects: 1, keys: 1, events: 1 })
})

test('R-IDEM-1: of 50 at once one has the effect; the others replay it or are told to come back', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () =>
      request(claimed()).then(
        ({ replayed }) => (replayed ? 'replayed' : 'done'),
        (error) => error.code,
      ),
    ),
  )
  expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
  for (const outcome of outcomes) expect(['done', 'replayed', 'IDEMPOTENCY_IN_PROGRESS']).toContain(outcome)
  expect(await rows()).toEqual({ effects: 1, keys: 1, events: 1 })
})

test('R-IDEM-1: repeats of what is done do not hold each other up', async () => {
  await request(claimed())
  await transaction(database, async (tx) => {
    expect(await perform(tx, claimed())).toMatchObject({ replayed: true })
    expect(await request(claimed())).toMatchObject({ replayed: true })
  })
})

test('R-IDEM-2: key and effect commit together: a failure after both leaves neither, and the key may be used again', async () => {
  const failing = request(claimed(), async () => {
    throw new Error('after the insert')
  })
  await expect(failing).rejects.toThrow('after the insert')
  expect(await rows()).toEqual({ effects: 0, keys: 0, events: 0 })
  expect(await request(claimed('key', { another: 'body' }))).toMatchObject({ replayed: false })
  expect(await rows()).toEqual({ effects: 1, keys: 1, events: 1 })
})

test('R-IDEM-2: a connection that dies between effect and commit leaves neither, and lets go of the key', async () => {
  const dying = transaction(database, async (tx) => {
    await perform(tx, claimed())
    await tx.query('select pg_terminate_backend(pg_backend_pid())')
  })
  await expect(dying).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(await rows()).toEqual({ effects: 0, keys: 0, events: 0 })
  // The server says goodbye before it lets go.
  expect(await vi.waitFor(() => request(claimed()), { interval: 5 })).toMatchObject({ replayed: false })
})

test('R-IDEM-1: an answer is kept for 24 hours, and then the key is like new, for any body', async () => {
  await request(claimed())
  const age = (interval: string) =>
    database.query(`update lintel.idempotency_keys set created_at = now() - interval '${interval}'`)
  await age('23:59:50')
  expect(await request(claimed())).toMatchObject({ replayed: true })
  await age('24:00:01')
  expect(await request(claimed('key', { another: 'body' }))).toMatchObject({ replayed: false })
  expect(await request(claimed('key', { another: 'body' }))).toMatchObject({ replayed: true })
  expect(await rows()).toEqual({ effects: 2, keys: 1, events: 2 })
})

test('R-IDEM-1: what is older than 24 hours is swept away, and nothing else', async () => {
  await request(claimed('old'))
  await database.query(`update lintel.idempotency_keys set created_at = now() - interval '24:00:01'`)
  await request(claimed('new'))
  expect(await sweepIdempotencyKeys(database)).toBe(1)
  expect(await request(claimed('new'))).toMatchObject({ replayed: true })
})

test('R-IDEM-1: of key, caller and body only hashes are kept, and the hash of one body differs from key to key', async () => {
  await request(claimed('my-secret-key', { password: 'correct horse battery staple' }))
  const [row] = await database.query('select kept::text as text from lintel.idempotency_keys kept')
  expect(row!.text).not.toMatch(/ann|things\.create|secret|horse/)
  const [one, other] = [claimed('one', { password: 'x' }), claimed('other', { password: 'x' })]
  expect(one.bodyHash.equals(other.bodyHash)).toBe(false)
  expect([one.key.length, one.bodyHash.length]).toEqual([32, 32])
})
