import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { listDead } from '../src/data/dead-letters.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import bombs from './killed/system.ts'
import { launcher, until } from './system-process.ts'

const { launch } = launcher()
const SYSTEM = fileURLToPath(new URL('./killed/system.ts', import.meta.url))

let clone: Clone
let database: Database
beforeAll(async () => {
  const server = inject('databaseServer')
  clone = await cloneOf(server, await templateFor(server, bombs.services[0]!))
  database = openDatabase('test', clone.url)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})

const started = () =>
  launch('lintel', { args: ['--system', SYSTEM, 'start'], env: databaseSettings({ bombs: clone.url }) })

test('R-EVT-3: an event whose handler ends the process is tried as often as any other, then it is a dead letter, and holds up nothing else', async () => {
  let system = started()
  const put = async (name: string, live: boolean) =>
    fetch(`${await system.url()}/v1/bombs`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, live }),
    })
  const dead = () => listDead(database, {}, 10)
  // Its end may come before the answer.
  await put('live', true).catch(() => {})
  await system.ended
  for (let starts = 1; (await dead()).length === 0; starts++) {
    expect(starts).toBeLessThan(4)
    system = started()
    await system.ended
  }
  system = started()
  await put('dud', false)
  await until(async () => (await database.cells('select from landed')).length > 0)
  expect(await dead()).toMatchObject([{ attempts: 2, error: 'Error: the process ended while it handled the event' }])
  expect(await database.cells('select bomb from landed')).toEqual([['dud']])
})
