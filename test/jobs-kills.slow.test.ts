import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, onTestFailed, test, vi } from 'vitest'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import system from './jobs/system.ts'
import { launcher, type SystemProcess, until } from './system-process.ts'

vi.setConfig({ testTimeout: 180_000 })

const { launch } = launcher()
const file = fileURLToPath(new URL('./jobs/system.ts', import.meta.url))
let clone: Clone
let db: pg.Client

beforeAll(async () => {
  const server = inject('databaseServer')
  const [{ contract, migrations }] = system.services as [(typeof system.services)[number]]
  clone = await cloneOf(server, await templateFor(server, { contract, migrations }))
  db = new pg.Client(clone.url)
  await db.connect()
})
afterAll(async () => {
  await db?.end()
  await clone?.drop()
})

const begin = () =>
  launch('lintel', {
    args: ['start', '--system', file],
    env: { NODE_ENV: 'production', LOG_LEVEL: 'info', ...databaseSettings({ notes: clone.url }) },
  })
const ask = (url: string, id: string, text: string) =>
  fetch(`${url}/notes/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  })
const work = async (name: string) => (await db.query('select * from lintel.work where job = $1', [name])).rows

test('a handler that kills its process is tried so often, and then is dead; the service goes on', async () => {
  const first = begin()
  // It may die before it has answered.
  await ask(await first.url(), 'die', 'die').catch(() => undefined)
  expect(await first.ended).toMatchObject({ signal: 'SIGKILL' })
  expect(await work('die')).toMatchObject([{ attempts: 1, dead_at: null }])
  // Nobody takes it until its time is over.
  const second = begin()
  const url = await second.url()
  expect((await ask(url, 'keep', 'meanwhile')).status).toBe(200)
  await until(async () => (await work('keep')).length === 0)
  expect(second.lives).toBe(true)
  await db.query('update lintel.work set due_at = now()')
  await db.query('notify lintel_events')
  expect(await second.ended).toMatchObject({ signal: 'SIGKILL' })
  await db.query('update lintel.work set due_at = now()')
  const third = begin()
  await third.line(/job failed for the last time/)
  await until(async () => (await work('die'))[0].dead_at !== null)
  expect(await work('die')).toMatchObject([{ attempts: 2, error: expect.stringContaining('the process ended') }])
  expect((await fetch(`${await third.url()}/health`)).status).toBe(200)
})

test('R-OPS-2: SIGTERM lets what runs end, and nothing of what waits is lost', async () => {
  const one = begin()
  const url = await one.url()
  const texts = Array.from({ length: 100 }, (_, i) => `drained ${i}`)
  await Promise.all(texts.map((text) => ask(url, 'count', text)))
  one.child.kill('SIGTERM')
  expect(await one.ended).toMatchObject({ code: 0, stderr: '' })
  const left = await work('count')
  expect(left.every(({ claim, attempts }) => claim === null && attempts === 0)).toBe(true)
  const done = async () => (await db.query(`select text from kept where text like 'counted drained %'`)).rows
  expect(left.length + (await done()).length).toBe(100)
  await begin().url()
  await until(async () => (await work('count')).length === 0)
  expect(new Set((await done()).map(({ text }) => text)).size).toBe(100)
  expect(await done()).toHaveLength(100)
})

test('kill -9 of two replicas at any moment loses no job that was asked for, and none has its effect twice', async () => {
  const KILLS = 10
  const replicas: SystemProcess[] = [begin(), begin()]
  const acknowledged: string[] = []
  let begun = 0
  let asking = true
  onTestFailed(() => console.error(replicas.map(({ lines }) => lines.slice(-10).join('\n')).join('\n\n')))
  const client = async (i: number) => {
    while (asking) {
      const text = `killed ${begun++}`
      const answer = await replicas[i % 2]!.url()
        .then((url) => ask(url, 'count', text))
        .catch(() => undefined)
      if (answer?.status === 200) acknowledged.push(text)
      else await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const clients = Promise.all(Array.from({ length: 6 }, (_, i) => client(i)))
  for (let kill = 0; kill < KILLS; kill++) {
    const seen = acknowledged.length
    await until(() => acknowledged.length > seen + 20)
    replicas[kill % 2]!.child.kill('SIGKILL')
    await replicas[kill % 2]!.ended
    replicas[kill % 2] = begin()
    await replicas[kill % 2]!.url()
  }
  asking = false
  await clients
  // What those who died had in hand is taken up when its time is over.
  await expect.poll(async () => (await work('count')).length, { timeout: 90_000, interval: 200 }).toBe(0)
  const counted = (await db.query(`select substr(text, 9) as text from kept where text like 'counted killed %'`)).rows
  const asked = (await db.query(`select substr(text, 7) as text from kept where text like 'asked killed %'`)).rows
  const texts = counted.map(({ text }) => text)
  expect(new Set(texts).size).toBe(texts.length)
  // What was committed without an answer has its effect too.
  expect(new Set(texts)).toEqual(new Set(asked.map(({ text }) => text)))
  expect(acknowledged.filter((text) => !texts.includes(text))).toEqual([])
  console.log(`${KILLS} kills, ${texts.length} jobs, none lost, none twice`)
})
