import { afterAll, beforeAll, expect, test } from 'vitest'
import { event, job, problem, resource, service, t } from '../src/contract/index.ts'
import { openDatabase } from '../src/data/pool.ts'
import { changeEach, type HandlerOf, insert, invalid, Problem, readField } from '../src/service/index.ts'
import { unproven } from './markdown.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { bodyOf, post, until } from './system-process.ts'

const Account = resource('account', {
  id: 'acc',
  fields: { holder: t.text({ min: 1, max: 100 }), balance: t.integer({ min: 0 }).default(0) },
  access: { get: 'public', create: 'public' },
})
const Transfer = resource('transfer', {
  id: 'trf',
  fields: { fromId: t.id('acc'), toId: t.id('acc'), amount: t.integer({ min: 1 }) },
  access: { create: 'public' },
  custom: ['create'],
  problems: { create: ['NOT_COVERED'] },
})
const bank = service('bank', {
  resources: { accounts: Account, transfers: Transfer },
  events: { 'transfer.created': event(Transfer) },
  jobs: { sendReceipt: job({ data: { transferId: t.id('trf') } }) },
  problems: { NOT_COVERED: problem(409, 'The account is not covered') },
})

const SQL = `
create table accounts (
  id uuid primary key, holder varchar(100) not null, balance integer not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
);
create table transfers (
  id uuid primary key, from_id uuid not null, to_id uuid not null, amount integer not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
);
create table receipts (transfer_id text primary key);`

const transfer: HandlerOf<typeof bank, 'transfers', 'create'> = async ({ body }, unit) => {
  const { fromId, toId, amount } = body
  if (fromId === toId) throw invalid('toId', 'must be another account')
  const sums = [
    { id: fromId, sum: -amount },
    { id: toId, sum: amount },
  ]
  const moved = await changeEach(unit.tx, Account, sums, {
    set: 'balance = balance + given.sum',
    where: 'balance + given.sum >= 0',
  })
  if (moved.length < 2) throw new Problem(bank.problems.NOT_COVERED)
  const row = await insert(unit.tx, Transfer, body)
  unit.emit('transfer.created', row)
  unit.enqueue('sendReceipt', { transferId: readField(row, 'id') })
  return row
}

let running: SmallSystem
beforeAll(async () => {
  const handlers = {
    transfers: { create: transfer },
    async sendReceipt({ data }: { data: { transferId: string } }, { tx }: { tx: { query: typeof query } }) {
      await tx.query('insert into receipts values ($1)', [data.transferId])
    },
  }
  running = await smallSystem(bank, handlers, SQL)
})
afterAll(() => running.stop())

const account = async (balance: number) =>
  (await bodyOf(await post(`${running.url}/accounts`, { holder: 'Ann', balance }))).id
const balanceOf = async (id: string) => (await bodyOf(await fetch(`${running.url}/accounts/${id}`))).balance
async function query(sql: string, values: unknown[] = []): Promise<any[]> {
  const database = openDatabase('test', running.database)
  try {
    return await database.query(sql, values)
  } finally {
    await database.close()
  }
}

test('what a handler writes, emits and enqueues is committed together', async () => {
  const [fromId, toId] = [await account(100), await account(0)]
  const made = await post(`${running.url}/transfers`, { fromId, toId, amount: 30 })
  expect(made.status).toBe(201)
  const { id } = await bodyOf(made)
  expect([await balanceOf(fromId), await balanceOf(toId)]).toEqual([70, 30])
  expect(await query('select type from lintel.outbox where aggregate_id = $1', [id])).toEqual([
    { type: 'transfer.created' },
  ])
  await until(async () => (await query('select from receipts where transfer_id = $1', [id])).length === 1)
})

test('a problem rolls back what was written before it', async () => {
  const [fromId, toId] = [await account(10), await account(5)]
  const refused = await post(`${running.url}/transfers`, { fromId, toId, amount: 30 })
  expect([refused.status, (await bodyOf(refused)).error.code]).toEqual([409, 'NOT_COVERED'])
  expect([await balanceOf(fromId), await balanceOf(toId)]).toEqual([10, 5])
  expect((await post(`${running.url}/transfers`, { fromId, toId: fromId, amount: 1 })).status).toBe(400)
})

test('these are the examples of docs/guide/unit-of-work.md', () => {
  expect(unproven('docs/guide/unit-of-work.md', import.meta.url)).toEqual([])
})
