import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { thisMachine } from './machine.ts'
import { startEmbeddedPostgres } from './postgres.ts'
import { findRunningPostgres } from './running.ts'

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lt-running-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

test('the server that runs on a data folder is found by socket and by loopback, and no other', async () => {
  expect(await findRunningPostgres(dataDir)).toBeUndefined()
  const machine = thisMachine()
  for (const socketRoots of [machine.socketRoots, []]) {
    const postgres = await startEmbeddedPostgres({ dataDir, durable: false }, { ...machine, socketRoots })
    const found = await findRunningPostgres(dataDir)
    await postgres.stop()
    expect(found).toBe(postgres.url)
    expect(await findRunningPostgres(dataDir)).toBeUndefined()
  }
})
