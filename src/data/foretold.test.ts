import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { newId } from '../base/ids.ts'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import type { Clone } from '../testing/database.ts'
import { observed } from './observed.ts'
import type { OutboxEvent, Transaction } from './open-transaction.ts'
import { type Database, openDatabase } from './pool.ts'
import { type RowOf, readRow, writeRow } from './row.ts'
import { insert, read } from './rows.ts'
import { transaction } from './transaction.ts'

const Slip = resource('slip', {
  id: 'slp',
  fields: {
    code: t.text(),
    lines: t.list(t.object({ sku: t.text(), price: t.money() })),
    marks: t.list(t.text()).optional(),
    total: t.money(),
    rate: t.decimal({ scale: 4 }),
    open: t.boolean(),
    count: t.integer(),
    ownerId: t.id('usr').optional(),
    dueAt: t.time().optional(),
  },
  access: { list: 'public' },
})

const Tag = resource('tag', { id: 'tag', fields: { name: t.text() }, access: { list: 'public' } })

const TAGS = `create table tags (id uuid primary key, name text not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now())`

const TABLE = `create table slips (id uuid primary key, code varchar(20) not null unique, lines json not null, marks jsonb,
  total numeric(16, 2) not null, rate numeric(16, 4) not null, open boolean not null, count integer not null, owner_id uuid,
  due_at timestamptz(3), version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now())`

const slip = (code: string) => ({
  code,
  lines: [{ sku: 'a "b" é', price: 9.5 }],
  marks: ['x', 'y'],
  total: 1234.5,
  rate: 0.1234,
  open: true,
  count: 3,
  ownerId: newId('usr') as `usr_${string}`,
  dueAt: '2026-11-29T10:00:00.120Z',
})

let clone: Clone
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  await database.query(TABLE)
  await database.query(TAGS)
})
afterAll(async () => {
  await database.close()
  await clone.drop()
})
beforeEach(async () => {
  await database.query('drop trigger if exists other on slips')
  for (const table of ['slips', 'tags', 'lintel.outbox']) await database.query(`delete from ${table}`)
})

/** The same database, which tells what was sent before the first answer came. */
function watched(of = database) {
  const first: string[][] = []
  const one: Database = {
    ...of,
    runBatch(steps, deadline) {
      const sent = of.runBatch(steps, deadline)
      if (sent !== undefined) first.push(steps.map(({ text }) => text.split(' ', 1)[0]!))
      return sent
    },
    async acquire(...args) {
      const held = await of.acquire(...args)
      const sent: string[] = []
      first.push(sent)
      let answered = false
      return {
        ...held,
        send(text, values) {
          if (!answered) sent.push(text.split(' ', 1)[0]!)
          const answer = held.send(text, values)
          const note = () => {
            answered = true
          }
          answer.then(note, note)
          return answer
        },
        sendBatch(steps) {
          if (!answered) sent.push(...steps.map(({ text }) => text.split(' ', 1)[0]!))
          return held.sendBatch(steps)
        },
      }
    },
  }
  return { one, first }
}

const make = (code: string) => async (tx: Transaction) => {
  const row = await insert(tx, Slip, slip(code), 'at commit')
  tx.emit(eventOf(row))
  return row
}

const eventOf = (row: RowOf<typeof Slip>): OutboxEvent => ({
  type: 'slip.created',
  aggregateId: readRow(row).id,
  data: writeRow(row),
})

/** With a connection that is open, and nothing refused before. */
async function onOpened<T>(work: (own: Database) => Promise<T>): Promise<T> {
  const own = openDatabase('test', clone.url)
  try {
    await transaction(own, (tx) => tx.query('select 1'))
    return await work(own)
  } finally {
    await own.close()
  }
}

async function untilWaiting(isWaiting = true) {
  const look = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into slips%'
    and datname = current_database()`
  while ((await database.query(look)).length > 0 !== isWaiting);
}

async function stored() {
  const slips = await database.query<{ code: string }>('select code from slips order by code')
  const events = await database.query<{ code: string }>(`select data ->> 'code' as code from lintel.outbox order by 1`)
  return { slips: slips.map(({ code }) => code), events: events.map(({ code }) => code) }
}

test('R-EVT-2: an insert and its event are one trip and one transaction, and the row is what is read afterwards', async () => {
  const { one, first } = watched()
  const row = await transaction(one, make('a'))
  expect(first).toEqual([['with', 'insert']])
  const later = await read(database, Slip, readRow(row).id)
  expect(readRow(row)).toEqual(readRow(later))
  expect(JSON.parse(writeRow(row))).toEqual(JSON.parse(writeRow(later)))
  expect(await stored()).toEqual({ slips: ['a'], events: ['a'] })
})

test('R-EVT-2: among others they are one statement', async () => {
  const texts: string[] = []
  const seen = observed(database, ({ text }) => texts.push(text))
  // The first needs a connection that is there already.
  for (const code of ['a', 'b']) await transaction(seen, make(code))
  expect(texts.at(-1)).toMatch(/insert into slips .*insert into lintel\.outbox/)
  expect(texts.filter((text) => text.includes('lintel.outbox')).length).toBe(2)
  expect(await stored()).toEqual({ slips: ['a', 'b'], events: ['a', 'b'] })
})

test('R-P-7: what is late before its COMMIT is sent is not sent: its failure means that nothing was done', async () => {
  let [isLate, isNoticed] = [false, false]
  const bound = {
    committing: false,
    get isOver() {
      isNoticed ||= isLate
      return isLate
    },
  }
  const cache = {
    async change() {
      isLate = true
      await expect.poll(() => isNoticed).toBe(true)
      return { isKnown: true, end: async () => true }
    },
  }
  const work = async (tx: Transaction) => {
    tx.drop('any')
    return make('late')(tx)
  }
  // It would go out at once over a connection that is there already.
  await transaction(database, make('first'))
  await expect(transaction(database, work, { bound }, { cache })).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
  // What was sent over the same connection before would be done by now.
  await transaction(database, make('next'))
  expect(await stored()).toEqual({ slips: ['first', 'next'], events: ['first', 'next'] })
})

test('absent values are null, and what only the database can tell is asked of it', async () => {
  const bare = { ...slip('bare'), marks: null, ownerId: null, dueAt: null }
  const row = await transaction(database, (tx) => insert(tx, Slip, bare, 'at commit'))
  expect(readRow(row)).toEqual(readRow(await read(database, Slip, readRow(row).id)))
  const { one, first } = watched()
  // PostgreSQL rounds it.
  const fine = { ...slip('fine'), dueAt: '2026-11-29T10:00:00.1236Z' }
  const rounded = await transaction(one, (tx) => insert(tx, Slip, fine, 'at commit'))
  expect(readRow(rounded).dueAt).toBe('2026-11-29T10:00:00.124Z')
  expect(first).toEqual([['begin', 'insert']])
})

test('R-REST-8: what the database refuses fails the transaction, with its event', async () => {
  await transaction(database, make('a'))
  await expect(transaction(database, make('a'))).rejects.toMatchObject({ code: 'DUPLICATE' })
  expect(await stored()).toEqual({ slips: ['a'], events: ['a'] })
})

test('a statement that follows finds the row, and one commit has both', async () => {
  const found = await transaction(database, async (tx) => {
    await make('a')(tx)
    return tx.query('select code from slips')
  })
  expect(found).toEqual([{ code: 'a' }])
  expect(await stored()).toEqual({ slips: ['a'], events: ['a'] })
})

test('a statement that follows a refused insert is told what was refused', async () => {
  await transaction(database, make('a'))
  const failing = transaction(database, async (tx) => {
    await make('a')(tx)
    await tx.query('select 1')
  })
  await expect(failing).rejects.toMatchObject({ code: 'DUPLICATE' })
})

test('R-EVT-2: an event that cannot be written takes the insert before it back, on a connection that goes on', async () => {
  const single = openDatabase('test', clone.url, { poolSize: 1 })
  try {
    const failing = transaction(single, async (tx) => {
      const row = await insert(tx, Slip, slip('a'), 'at commit')
      tx.emit({ ...eventOf(row), data: 'no JSON' })
      // Never reached, and so never prepared.
      tx.emit(eventOf(row))
    })
    await expect(failing).rejects.toThrow('an event cannot be written')
    expect(await stored()).toEqual({ slips: [], events: [] })
    // What was prepared and what was passed over is told apart.
    for (const code of ['a', 'b']) await transaction(single, make(code))
    await expect(transaction(single, make('b'))).rejects.toMatchObject({ code: 'DUPLICATE' })
    await transaction(single, make('c'))
    expect(await stored()).toEqual({ slips: ['a', 'b', 'c'], events: ['a', 'b', 'c'] })
  } finally {
    await single.close()
  }
})

test('R-EVT-2: the first statement of all may fail where nothing is prepared yet', async () => {
  await transaction(database, make('a'))
  const fresh = openDatabase('test', clone.url, { poolSize: 1 })
  try {
    await expect(transaction(fresh, make('a'))).rejects.toMatchObject({ code: 'DUPLICATE' })
    await transaction(fresh, make('b'))
    expect(await stored()).toEqual({ slips: ['a', 'b'], events: ['a', 'b'] })
  } finally {
    await fresh.close()
  }
})

test('several inserts, and a change before them, are one transaction', async () => {
  await transaction(database, async (tx) => {
    await make('a')(tx)
    await make('b')(tx)
  })
  await transaction(database, async (tx) => {
    await tx.query(`update slips set count = 4 where code = 'a'`)
    await make('c')(tx)
  })
  expect(await stored()).toEqual({ slips: ['a', 'b', 'c'], events: ['a', 'b', 'c'] })
  const refused = transaction(database, async (tx) => {
    await tx.query(`update slips set count = 5 where code = 'a'`)
    await make('c')(tx)
  })
  await expect(refused).rejects.toMatchObject({ code: 'DUPLICATE' })
  expect(await database.query(`select count from slips where code = 'a'`)).toEqual([{ count: 4 }])
})

test('R-P-7: an insert that waits for a lock is rolled back with its event when the time is over', async () => {
  const request = { isOver: false, committing: false }
  await transaction(database, async (tx) => {
    await tx.query('lock table slips in share mode')
    const late = transaction(database, make('a'), { bound: request })
    late.catch(() => {})
    await untilWaiting()
    request.isOver = true
    await expect(late).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
    expect(request.committing).toBe(false)
    // Cancelled, and not only given up: COMMIT is on the way behind it.
    await untilWaiting(false)
  })
  // It would come before this one.
  await transaction(database, make('b'))
  expect(await stored()).toEqual({ slips: ['b'], events: ['b'] })
})

test('R-P-7: so is one that stands behind another change of its transaction', async () => {
  const request = { isOver: false, committing: false }
  await transaction(database, async (tx) => {
    await tx.query('lock table slips in share mode')
    const late = transaction(
      database,
      async (own) => {
        await own.query(`insert into tags (id, name) values (gen_random_uuid(), 'first')`)
        await make('a')(own)
      },
      { bound: request },
    )
    late.catch(() => {})
    await untilWaiting()
    request.isOver = true
    await expect(late).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
    await untilWaiting(false)
  })
  await transaction(database, make('b'))
  expect(await stored()).toEqual({ slips: ['b'], events: ['b'] })
  expect(await database.query(`select from tags where name = 'first'`)).toEqual([])
})

test('FC-110, R-P-4: units that share connections with one that waits for a lock do not wait for it', async () => {
  await Promise.all(['a', 'b', 'c', 'd'].map((code) => transaction(database, make(code))))
  const waiting = await transaction(database, async (tx) => {
    await insert(tx, Slip, slip('same'))
    const same = Array.from({ length: 3 }, () => transaction(database, make('same')))
    for (const one of same) one.catch(() => {})
    const others = Array.from({ length: 40 }, (_, n) => transaction(database, make(`other ${n}`)))
    // All of them end before this one does.
    await Promise.all(others)
    return same
  })
  for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'DUPLICATE' })
  const { slips, events } = await stored()
  expect(slips).toHaveLength(45)
  expect(events).toEqual(slips.filter((code) => code !== 'same'))
})

test('R-P-7: a connection that was shared bounds what comes after as any other, and one that was held what shares it', async () => {
  const own = openDatabase('test', clone.url, { poolSize: 2 })
  const boundsOfOne = () =>
    transaction(own, (tx) =>
      tx.query(`select current_setting('lock_timeout') as locks, current_setting('statement_timeout') as statements`),
    )
  try {
    const fresh = await boundsOfOne()
    expect(fresh).toEqual([{ locks: '10s', statements: '15s' }])
    await own.query(`create or replace function note() returns trigger language plpgsql as $$ begin
      insert into tags (id, name)
        values (gen_random_uuid(), current_setting('lock_timeout') || ' ' || current_setting('statement_timeout'));
      return null; end $$`)
    await own.query('create trigger note after insert on slips for each row execute function note()')
    for (const code of ['a', 'b']) {
      await transaction(own, make(code))
      expect(await boundsOfOne()).toEqual(fresh)
    }
    const seen = await own.query<{ name: string }>('select name from tags')
    expect(seen.map(({ name }) => name)).toEqual(['50ms 1s', '50ms 1s'])
  } finally {
    await own.query('drop trigger if exists note on slips')
    await own.close()
  }
})

test('units share a connection, and where commits are slow they spread over several, which wait for the disk together', async () => {
  const own = openDatabase('test', clone.url)
  const busiest = async (codes: readonly string[]) => {
    const all: Promise<unknown>[] = []
    let most = 0
    for (const code of codes) {
      all.push(transaction(own, make(code)))
      // Those of one turn would be one statement.
      for (let turn = 0; turn < 2; turn++) {
        await new Promise(setImmediate)
        most = Math.max(most, own.load().connections.running)
      }
    }
    await Promise.all(all)
    return most
  }
  try {
    await transaction(own, make('first'))
    expect(await busiest(['a', 'b', 'c', 'd'])).toBe(1)
    await own.query(`create or replace function lag() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.02); return null; end $$`)
    await own.query(`create constraint trigger lag after insert on slips deferrable initially deferred
      for each row execute function lag()`)
    await busiest(['e', 'f', 'g', 'h'])
    // Those of the pool that are open by now.
    await Promise.all(Array.from({ length: 4 }, () => transaction(own, (tx) => tx.query('select pg_sleep(0.05)'))))
    expect(await busiest(['i', 'j', 'k', 'l'])).toBe(4)
  } finally {
    await own.query('drop trigger if exists lag on slips')
    await own.close()
  }
})

test('R-EVT-2: units of one turn are one transaction, in the order in which they came; what each has made is its own', async () => {
  const codes = Array.from({ length: 43 }, (_, i) => String(i).padStart(2, '0'))
  const rows = await onOpened((own) => Promise.all(codes.map((code) => transaction(own, make(code)))))
  expect(rows.map((row) => readRow(row).code)).toEqual(codes)
  expect(await stored()).toEqual({ slips: codes, events: codes })
  const transactions = await database.query<{ codes: string[] }>(
    `select json_agg(data ->> 'code' order by position) as codes from lintel.outbox
     group by xmin::text order by min(position)`,
  )
  // 32, 8, 2 and 1: few texts are prepared.
  expect(transactions.map(({ codes }) => codes.length)).toEqual([32, 8, 2, 1])
  expect(transactions.flatMap(({ codes }) => codes)).toEqual(codes)
})

test('R-P-4: of a wide table fewer rows are one statement, whose plan would take much memory of each connection', async () => {
  const names = Array.from({ length: 120 }, (_, i) => `f${i}`)
  const fields = Object.fromEntries(names.map((name) => [name, t.text().optional()]))
  const Wide = resource('wide', { id: 'wid', fields, access: { list: 'public' } })
  await database.query(`create table ${Wide.table} (id uuid primary key, ${names.map((name) => `${name} text`).join()},
    version integer not null default 1, created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now())`)
  const empty = Object.fromEntries(names.map((name) => [name, null]))
  await onOpened((own) =>
    Promise.all(Array.from({ length: 20 }, () => transaction(own, (tx) => insert(tx, Wide, empty, 'at commit')))),
  )
  const sizes = await database.query<{ rows: number }>(
    `select count(*) as rows from ${Wide.table} group by xmin::text order by 1 desc`,
  )
  expect(sizes.map(({ rows }) => rows)).toEqual([8, 8, 4])
})

test('units of one turn that publish and that do not, and rows of two tables, are told apart', async () => {
  const bare = (code: string) => (tx: Transaction) => insert(tx, Slip, slip(code), 'at commit')
  const tag = (name: string) => (tx: Transaction) => insert(tx, Tag, { name }, 'at commit')
  const works = [make('a'), bare('b'), make('c'), bare('d'), tag('e'), tag('f')]
  await onOpened((own) => Promise.all(works.map((work) => transaction<unknown>(own, work))))
  expect(await stored()).toEqual({ slips: ['a', 'b', 'c', 'd'], events: ['a', 'c'] })
  expect(await database.query('select count(*) as tags, count(distinct xmin::text) as transactions from tags')).toEqual(
    [{ tags: 2, transactions: 1 }],
  )
})

test('FC-110: two rows of one key in one turn are one row, one event, and one refusal', async () => {
  const all = await Promise.allSettled(['a', 'b', 'a'].map((code) => transaction(database, make(code))))
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(await stored()).toEqual({ slips: ['a', 'b'], events: ['a', 'b'] })
})

/** With a trigger of this kind that refuses one code. */
async function refusing(trigger: string, sqlState: string, work: () => Promise<void>) {
  await database.query(`create or replace function refuse() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '${sqlState}'; end $$`)
  await database.query(`create ${trigger} for each row when (new.code = 'bad') execute function refuse()`)
  try {
    await work()
  } finally {
    await database.query('drop trigger refuse on slips')
  }
}

test.each([
  ['a statement', 'L0001', 'trigger refuse before insert on slips'],
  ['a statement', 'XX000', 'trigger refuse before insert on slips'],
  ['a COMMIT', 'L0001', 'constraint trigger refuse after insert on slips deferrable initially deferred'],
])('R-EVT-2: of units of one turn each fails alone, where %s is refused with %s', (_, sqlState, trigger) =>
  refusing(trigger, sqlState, async () => {
    const all = await onOpened((own) =>
      Promise.allSettled(['a', 'bad', 'b'].map((code) => transaction(own, make(code)))),
    )
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await stored()).toEqual({ slips: ['a', 'b'], events: ['a', 'b'] })
  }),
)

test('R-P-4: a large row of one turn is a statement of its own, and the others do not wait for it', async () => {
  const large = async (tx: Transaction) => {
    const row = await insert(tx, Slip, { ...slip('large'), marks: ['x'.repeat(100_000)] }, 'at commit')
    tx.emit(eventOf(row))
  }
  await onOpened((own) => Promise.all([make('a'), large, make('b')].map((work) => transaction<unknown>(own, work))))
  const transactions = await database.query<{ codes: string[] }>(
    `select json_agg(code order by code) as codes from slips group by xmin::text order by min(code)`,
  )
  expect(transactions.map(({ codes }) => codes)).toEqual([['a', 'b'], ['large']])
})

test('R-EVT-2: where the connection of a turn is lost, none of its units is done again', async () => {
  const own = openDatabase('test', clone.url)
  try {
    await transaction(own, make('first'))
    await own.query(`create or replace function lag() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`)
    await own.query(`create trigger lag after insert on slips execute function lag()`)
    const all = await Promise.allSettled(['a', 'b', 'c'].map((code) => transaction(own, make(code))))
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await stored()).toEqual({ slips: ['first'], events: ['first'] })
  } finally {
    await own.query('drop trigger if exists lag on slips')
    await own.close()
  }
})

test('R-EVT-2: of units that share a connection each fails alone', async () => {
  await transaction(database, make('a'))
  const codes = ['b', 'a', 'c', 'a', 'd']
  const all = await Promise.allSettled(codes.map((code) => transaction(database, make(code))))
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  expect(await stored()).toEqual({ slips: ['a', 'b', 'c', 'd'], events: ['a', 'b', 'c', 'd'] })
})

test('R-P-4: two inserts of one key at the same moment are one row, one event, and one refusal', async () => {
  const both = await Promise.allSettled([transaction(database, make('a')), transaction(database, make('a'))])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(await stored()).toEqual({ slips: ['a'], events: ['a'] })
})

test('R-BODY-7: where a trigger writes something else, row and event say what it wrote', async () => {
  await database.query(`create or replace function other() returns trigger language plpgsql as
    $$ begin new.code := upper(new.code); return new; end $$`)
  await database.query('create trigger other before insert on slips for each row execute function other()')
  // With no connection to share, and nothing known of what its statements wait for.
  const own = openDatabase('test', clone.url)
  const { one, first } = watched(own)
  try {
    expect(readRow(await transaction(one, make('a'))).code).toBe('A')
    expect(first).toEqual([
      ['with', 'insert'],
      ['begin', 'insert'],
    ])
    // And is not tried again for a while.
    expect(readRow(await transaction(one, make('b'))).code).toBe('B')
    expect(first.slice(2)).toEqual([['begin', 'insert']])
  } finally {
    await own.close()
  }
  expect(await stored()).toEqual({ slips: ['A', 'B'], events: ['A', 'B'] })
})
