import { expect, inject, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { openDatabase } from '../data/pool.ts'
import type { Log } from '../observe/log.ts'
import { EVENT_CONNECTIONS, mostConnections, shareOut, USUAL_POOL, warnOfFewConnections } from './connection-budget.ts'

test('FC-83: whatever DATABASE_POOL_SIZE is, its parts are that many, and each has one at least', () => {
  for (let size = 4; size <= 50; size++) {
    const { readLanes, listLanes, poolSize } = shareOut(size)
    expect(readLanes + listLanes + poolSize).toBe(size)
    expect(Math.min(readLanes, listLanes, poolSize - 1)).toBeGreaterThan(0)
  }
})

test('FC-83: the figures are those of the README, and leave ten transactions at once', () => {
  expect(shareOut(USUAL_POOL).poolSize).toBe(11)
  expect(EVENT_CONNECTIONS).toBe(8)
})

test('FC-83: two replicas of the reference system have no more connections than PostgreSQL admits by default', () => {
  // max_connections of 100, less the 3 of superuser_reserved_connections.
  expect(
    2 * mostConnections([{ contract: users }, { contract: orders }], { poolSize: USUAL_POOL }),
  ).toBeLessThanOrEqual(97)
})

test('FC-83: a server that admits fewer connections than this process may need is warned of', async () => {
  const url = inject('databaseServer')
  const database = openDatabase('budget', url)
  const warnings: string[] = []
  const log = { warn: (_: object, message: string) => warnings.push(message) } as unknown as Log
  const opened = [{ contract: orders, database, url }]
  await warnOfFewConnections(opened, { poolSize: 10 }, log)
  expect(warnings).toEqual([])
  await warnOfFewConnections(opened, { poolSize: 500 }, log)
  expect(warnings).toEqual([
    expect.stringMatching(
      /^this process may need 508 connections to PostgreSQL at \S+, which admits \d+: lower DATABASE_POOL_SIZE, or raise max_connections of the server$/,
    ),
  ])
  await database.close()
})
