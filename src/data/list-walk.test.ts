import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { encodeId } from '../base/ids.ts'
import { t } from '../contract/fields.ts'
import { listQueryReader } from '../contract/list-query.ts'
import { resource } from '../contract/resource.ts'
import { readQuery } from '../gateway/query.ts'
import type { Clone } from '../testing/database.ts'
import { listOf } from './list.ts'
import { type Database, openDatabase } from './pool.ts'

/** Lists whose fields may be null, walked by cursor and compared with the same list in JavaScript. */
const Task = resource('task', {
  id: 'tsk',
  fields: {
    title: t.text(),
    assigneeId: t.id('usr').nullable(),
    priority: t.integer().nullable(),
    cost: t.money().nullable(),
    currency: t.currency(),
    dueAt: t.time().nullable(),
    note: t.text().nullable(),
    urgent: t.boolean(),
    labels: t.list(t.text()),
    watchers: t.list(t.id('usr')).nullable(),
  },
  list: {
    filter: [
      'title',
      'assigneeId',
      'priority',
      'cost',
      'dueAt',
      'note',
      'urgent',
      { label: 'labels' },
      { watcher: 'watchers' },
    ],
    sort: ['title', 'assigneeId', 'priority', 'cost', 'dueAt', 'note', 'urgent'],
  },
  access: { list: 'public' },
})

const TABLE = `
create table tasks (
  id uuid primary key, title text not null, assignee_id uuid, priority integer, cost numeric(12, 2),
  currency char(3) not null default 'EUR', due_at timestamptz(3), note text, urgent boolean not null,
  labels jsonb not null, watchers jsonb, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
);
create index tasks_by_due_at on tasks (due_at, id);
create index tasks_by_priority_and_cost on tasks (priority, cost, id);
create index tasks_by_label on tasks using gin (labels);`

const USERS = ['a', 'b'].map((last) => `01933a1e-0000-7000-8000-00000000000${last}`)

let clone: Clone
let database: Database
let sent: { text: string; values: readonly unknown[] }[] = []
let tasks: ReturnType<typeof listOf>
const read = listQueryReader(Task, Object.keys(Task.shown))

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('tasks', clone.url)
  for (const statement of TABLE.split(';\n')) await database.query(statement)
  const cells = (text: string, values: readonly unknown[] = []) => {
    sent.push({ text, values })
    return database.slow.cells(text, values)
  }
  tasks = listOf({ ...database, slow: { ...database.slow, cells } }, Task, 'secret')
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(async () => {
  await database.query('truncate tasks')
  sent = []
})

interface TaskRow {
  id: string
  title: string
  assigneeId: string | null
  priority: number | null
  cost: number | null
  dueAt: string | null
  note: string | null
  urgent: boolean
  labels: string[]
  watchers: string[] | null
}

async function add(rows: readonly TaskRow[]) {
  await database.query(
    `insert into tasks (id, title, assignee_id, priority, cost, due_at, note, urgent, labels, watchers)
     select id, title, "assigneeId", priority, cost, "dueAt", note, urgent, labels, watchers
     from jsonb_to_recordset($1) r (id uuid, title text, "assigneeId" uuid, priority integer, cost numeric,
       "dueAt" timestamptz, note text, urgent boolean, labels jsonb, watchers jsonb)`,
    [JSON.stringify(rows.map((row) => ({ ...row, watchers: row.watchers?.map((id) => encodeId('usr', id)) ?? null })))],
  )
}

const pageOf = (query: string) => tasks.page(read(readQuery(query)), [])
const idsOf = async (query: string) => (await pageOf(query)).rows.map((row) => row.cells[0]!)

/** Ids of a whole walk; `meanwhile` comes between two pages. */
async function walk(query: string, meanwhile: () => Promise<void> = async () => {}): Promise<string[]> {
  const ids: string[] = []
  for (let cursor = ''; ; await meanwhile()) {
    const { rows, nextCursor } = await pageOf(`${query}&count=none${cursor}`)
    ids.push(...rows.map((row) => row.cells[0]!))
    if (nextCursor === null) return ids
    cursor = `&cursor=${nextCursor}`
  }
}

type SortField = keyof TaskRow
interface SortTerm {
  field: SortField
  descending: boolean
}

/** As R-SORT-1 says it: nulls last in both directions, ties by id in the direction of the last field. */
function sorted(rows: readonly TaskRow[], terms: readonly SortTerm[]): TaskRow[] {
  const all = [...terms, { field: 'id' as const, descending: terms.at(-1)?.descending ?? false }]
  return [...rows].sort((a, b) => {
    for (const { field, descending } of all) {
      const [x, y] = [a[field]!, b[field]!]
      if (x === y) continue
      if (x === null) return 1
      if (y === null) return -1
      return x < y === descending ? 1 : -1
    }
    return 0
  })
}

const uuid = fc.uuid({ version: 7 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 2 })
// Few values, so that there are ties.
const VALUES = {
  title: fc.constantFrom('a', 'b', 'Food, fresh'),
  assigneeId: fc.constantFrom(...USERS),
  priority: fc.constantFrom(-1, 0, 7),
  cost: fc.constantFrom(0, 9.99, 10),
  dueAt: fc.constantFrom('0001-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z'),
  note: fc.constantFrom('', 'a', 'null'),
  labels: fc.subarray(['red', 'a,b', 'null']),
  watchers: fc.subarray(USERS),
}
const task = fc.record<TaskRow>({
  id: uuid,
  title: VALUES.title,
  assigneeId: maybe(VALUES.assigneeId),
  priority: maybe(VALUES.priority),
  cost: maybe(VALUES.cost),
  dueAt: maybe(VALUES.dueAt),
  note: maybe(VALUES.note),
  urgent: fc.boolean(),
  labels: VALUES.labels,
  watchers: maybe(VALUES.watchers),
})
const SORTS = ['title', 'assigneeId', 'priority', 'cost', 'dueAt', 'note', 'urgent'] as const
const sortTerms = fc.uniqueArray(fc.record<SortTerm>({ field: fc.constantFrom(...SORTS), descending: fc.boolean() }), {
  maxLength: 4,
  selector: ({ field }) => field,
})
const querySort = (terms: readonly SortTerm[]) =>
  terms.length === 0 ? '' : `&sort=${terms.map(({ field, descending }) => (descending ? '-' : '') + field)}`

/** A filter as it is asked for, and what it means. */
interface AskedFilter {
  readonly query: string
  keeps(row: TaskRow): boolean
}

const several = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: 1, maxLength: 3 })
const repeated = (name: string, values: readonly (string | number)[]) =>
  values.map((value) => `${name}=${encodeURIComponent(value)}`).join('&')
const bound = <T>(name: string, value: fc.Arbitrary<T>, keeps: (row: TaskRow, value: T) => boolean) =>
  value.map<AskedFilter>((one) => ({ query: `${name}=${one}`, keeps: (row) => keeps(row, one) }))
const oneOf = <T extends string | number>(
  name: string,
  value: fc.Arbitrary<T>,
  has: (row: TaskRow, value: T) => boolean,
  spelt: (value: T) => string | number = (one) => one,
) =>
  several(value).map<AskedFilter>((all) => ({
    query: repeated(name, all.map(spelt)),
    keeps: (row) => all.some((one) => has(row, one)),
  }))
const asUser = (id: string) => encodeId('usr', id)
const NULLABLE = ['assigneeId', 'priority', 'cost', 'dueAt', 'note'] as const

const filter = fc
  .oneof(
    oneOf('title', VALUES.title, (row, value) => row.title === value),
    oneOf('assigneeId', VALUES.assigneeId, (row, value) => row.assigneeId === value, asUser),
    oneOf('priority', VALUES.priority, (row, value) => row.priority === value),
    oneOf('dueAt', VALUES.dueAt, (row, value) => row.dueAt === value),
    oneOf('note', VALUES.note, (row, value) => row.note === value),
    oneOf('label', fc.constantFrom('red', 'a,b', 'null', 'none'), (row, value) => row.labels.includes(value)),
    oneOf(
      'watcher',
      VALUES.watchers.map(([one]) => one ?? USERS[0]!),
      (row, id) => !!row.watchers?.includes(id),
      asUser,
    ),
    bound('priorityMin', VALUES.priority, (row, value) => row.priority !== null && row.priority >= value),
    bound('priorityMax', VALUES.priority, (row, value) => row.priority !== null && row.priority <= value),
    bound('costMin', VALUES.cost, (row, value) => row.cost !== null && row.cost >= value),
    bound('costMax', VALUES.cost, (row, value) => row.cost !== null && row.cost <= value),
    bound('dueAfter', VALUES.dueAt, (row, value) => row.dueAt !== null && row.dueAt > value),
    bound('dueBefore', VALUES.dueAt, (row, value) => row.dueAt !== null && row.dueAt < value),
    bound('urgent', fc.boolean(), (row, value) => row.urgent === value),
    bound('watchersExists', fc.boolean(), (row, value) => (row.watchers !== null) === value),
    ...NULLABLE.map((field) => bound(`${field}Exists`, fc.boolean(), (row, value) => (row[field] !== null) === value)),
  )
  // The parameter of a list is called otherwise than its field.
  .map(({ query, keeps }) => ({ query: query.replace(/^watchersExists/, 'watcherExists'), keeps }))
const filters = fc.uniqueArray(filter, { maxLength: 2, selector: ({ query }) => query.split('=')[0]! })

test('R-FILTER-1, R-SORT-1, R-PAGE-2: a walk gives what the filters leave, in the order of the sort, nulls last in both directions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(task, { maxLength: 20 }),
      sortTerms,
      filters,
      fc.integer({ min: 1, max: 7 }),
      async (rows, terms, asked, limit) => {
        await database.query('truncate tasks')
        await add(rows)
        const query = `limit=${limit}${querySort(terms)}${asked.map((one) => `&${one.query}`).join('')}`
        const kept = rows.filter((row) => asked.every((one) => one.keeps(row)))
        const expected = sorted(kept, terms).map(({ id }) => id)
        expect(await walk(query), query).toEqual(expected)
        expect((await pageOf(query)).total).toBe(expected.length)
        const byPage: string[] = []
        for (let page = 1; page <= Math.ceil(expected.length / limit); page++)
          byPage.push(...(await idsOf(`${query}&page=${page}`)))
        expect(byPage, query).toEqual(expected)
      },
    ),
    { numRuns: 120 },
  )
})

test('R-PAGE-4: a walk through values and nulls gives every row that was there throughout once, while others come and go', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(task, { minLength: 5, maxLength: 15 }),
      fc.array(task, { maxLength: 8 }),
      sortTerms,
      async (rows, others, terms) => {
        await database.query('truncate tasks')
        const [staying, leaving] = [rows.slice(2), rows.slice(0, 2)]
        await add(rows)
        let turn = 0
        const seen = await walk(`limit=2${querySort(terms)}`, async () => {
          const coming = others.slice(turn * 2, turn * 2 + 2)
          if (coming.length > 0) await add(coming)
          const left = leaving[turn++]
          if (left) await database.query('delete from tasks where id = $1', [left.id])
        })
        expect(new Set(seen).size).toBe(seen.length)
        const stayed = new Set(staying.map(({ id }) => id))
        expect(seen.filter((id) => stayed.has(id))).toEqual(sorted(staying, terms).map(({ id }) => id))
      },
    ),
    { numRuns: 30 },
  )
})

test('R-SORT-1, R-PAGE-2: by a plain index on (due_at, id) a deep page reads no more rows than the first, also among nulls and backwards', async () => {
  await database.query(
    `insert into tasks (id, title, due_at, urgent, labels)
     select gen_random_uuid(), 'task', case when i % 2 = 0 then timestamptz '2026-01-01Z' + i * interval '1 minute' end,
       false, '[]'
     from generate_series(1, 6000) i`,
  )
  await database.query('analyze tasks')
  for (const sort of ['dueAt', '-dueAt']) {
    let { nextCursor } = await pageOf(`sort=${sort}&count=none&limit=100`)
    for (let page = 2; page <= 59; page++) {
      ;({ nextCursor } = await pageOf(`sort=${sort}&count=none&limit=100&cursor=${nextCursor}`))
      // The two stretches meet in the middle, where both are read: a page of each at most.
      const most = page <= 31 ? 202 : 101
      if (page % 10 === 0 || page === 31) expect(await rowsRead(), `${sort}, page ${page}`).toBeLessThanOrEqual(most)
    }
  }
})

test('R-FILTER-1: a member of a list is found by a GIN index', async () => {
  await database.query(
    `insert into tasks (id, title, urgent, labels)
     select gen_random_uuid(), 'task', false, jsonb_build_array('label ' || i, 'every')
     from generate_series(1, 6000) i`,
  )
  // What was added last waits in a list of its own, which makes the index look dear.
  await database.query('vacuum analyze tasks')
  expect((await pageOf('label=label 77')).total).toBe(1)
  expect((await pageOf('label=label 77,label 78&count=none')).rows).toHaveLength(2)
  expect(JSON.stringify(await planOf(sent.at(-1)!))).toContain('tasks_by_label')
})

interface PlanNode {
  readonly Plans?: readonly PlanNode[]
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
}

async function planOf({ text, values }: { text: string; values: readonly unknown[] }): Promise<PlanNode> {
  const [[plan]] = (await database.cells(`explain (analyze, format json) ${text}`, values)) as [[string]]
  return JSON.parse(plan)[0].Plan
}

/** Rows that the scans of the last list went through. */
async function rowsRead(): Promise<number> {
  const scanned = ({ Plans, 'Actual Rows': rows, 'Rows Removed by Filter': removed = 0 }: PlanNode): number =>
    Plans ? Plans.map(scanned).reduce((sum, one) => sum + one, 0) : rows + removed
  return scanned(await planOf(sent.at(-1)!))
}
