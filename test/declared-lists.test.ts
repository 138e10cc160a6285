import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type ListCase, listCases, measureCase } from '../bench/list-cases.ts'
import { fillLists } from '../bench/list-fill.ts'
import orders from '../services/orders/service.ts'
import users from '../services/users/service.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'
import { nodesOf } from '../src/testing/query-plan.ts'

// Every list that the reference system declares, on 10,000 rows: judged by plans and rows, never by the clock. On more rows it is
// `npm run bench:lists`.

const ROWS = 10_000
const contracts = { users: users.contract, orders: orders.contract }
const clones: Clone[] = []
const databases: { users: Database; orders: Database } = {} as never

beforeAll(async () => {
  const server = inject('databaseServer')
  const urls = { users: '', orders: '' }
  for (const name of ['users', 'orders'] as const) {
    const clone = await cloneOf(server, await templateFor(server, { users, orders }[name]))
    clones.push(clone)
    urls[name] = clone.url
    // One connection for lists: PostgreSQL keeps plans by connection.
    databases[name] = openDatabase(name, clone.url, { listLanes: 1 })
  }
  await fillLists(urls, ROWS)
})

afterAll(async () => {
  await Promise.all(Object.values(databases).map((database) => database.close()))
  await Promise.all(clones.map((clone) => clone.drop()))
})

const titleOf = ({ place, sort, filter }: ListCase) => `${place}, sort ${sort}, filter ${filter}`

test.each(['users', 'orders'] as const)(
  'FC-111, FC-115, R-PAGE-2: every list of %s reads a page’s worth of rows, at the first use, the twentieth and deep down',
  async (name) => {
    const cases = (await listCases(databases[name], contracts[name])).filter(({ declared }) => !declared)
    expect(cases.length).toBeGreaterThan(20)
    const dear: string[] = []
    for (const one of cases) {
      const { first, twentieth, deep, plan } = await measureCase(
        databases[name],
        one,
        ROWS / 20,
        Number.POSITIVE_INFINITY,
      )
      const shape = nodesOf(plan!).map((node) => node['Node Type'])
      // A page of 20, one more to see whether there is another, and what carts join: nine rows each.
      for (const [use, cost] of Object.entries({ first, twentieth, deep }))
        if (cost && cost.rows > 300) dear.push(`${titleOf(one)}: ${cost.rows} rows (${use}): ${shape.join(' > ')}`)
    }
    expect(dear).toEqual([])
  },
  120_000,
)
