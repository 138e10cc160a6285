import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { encodeId, uuidv7 } from '../src/base/ids.ts'
import { databaseSettings, type TestSystem, testSystem } from '../src/testing/system.ts'
import system from './jobs/system.ts'
import { launcher, until } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

// `lintel work …` beside a running system.

const { run } = launcher()
const file = fileURLToPath(new URL('./jobs/system.ts', import.meta.url))
let running: TestSystem
let db: pg.Client

beforeAll(async () => {
  running = await testSystem(system, inject('databaseServer'), { NODE_ENV: 'production', LOG_LEVEL: 'fatal' })
  db = new pg.Client(running.databases.notes)
  await db.connect()
  await until(async () => (await db.query(`select from kept where text = 'tidied'`)).rowCount === 1)
})
afterAll(async () => {
  await db?.end()
  await running?.stop()
})
beforeEach(async () => void (await db.query('delete from lintel.work where every_ms is null')))

const lintel = (...args: string[]) =>
  run('lintel', {
    args: ['work', ...args, '--system', file],
    env: { LOG_LEVEL: 'fatal', ...databaseSettings(running.databases) },
  })
const kept = async (text: string) => (await db.query('select from kept where text = $1', [text])).rowCount

async function stored(text: string, more: { dead?: boolean; dueInMs?: number; name?: string } = {}): Promise<string> {
  const { dead = false, dueInMs = 0, name = 'keep' } = more
  const id = uuidv7()
  await db.query(
    `insert into lintel.work (id, job, data, due_at, attempts, error, dead_at)
     values ($1, $2, json_build_object('text', $3::text), now() + $4 * interval '1 ms', $5, $6, case when $6::text is not null then now() end)`,
    [id, name, text, dueInMs, dead ? 2 : 0, dead ? 'Error: the disk was full\nand more' : null],
  )
  return encodeId('job', id)
}

describe('lintel work', () => {
  test('lists what waits and has failed, with the error of each, and shows one whole', async () => {
    const [dead, later] = [await stored('lost', { dead: true }), await stored('later', { dueInMs: 3_600_000 })]
    const { code, stdout, stderr } = await lintel('list')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(new RegExp(`^${later} notes.keep waiting, due \\S+Z$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^${dead} notes.keep dead, \\S+Z, attempt 2: Error: the disk was full$`, 'm'))
    expect(stdout).toMatch(/^job_\S+ notes\.tidy waiting, due \S+Z, every 86400 s$/m)
    const failed = JSON.parse((await lintel('list', '--failed', '--job', 'notes.keep', '--json')).stdout)
    expect(failed).toMatchObject([{ id: dead, job: 'notes.keep', state: 'dead', data: { text: 'lost' } }])
    expect((await lintel('list', '--failed', '--job', 'notes.count')).stdout).toBe('no failed jobs')
    expect(JSON.parse((await lintel('show', dead)).stdout)).toMatchObject({
      id: dead,
      attempts: 2,
      error: 'Error: the disk was full\nand more',
    })
  })

  test('says how many of each kind wait and are dead, also of a kind that is no more', async () => {
    await stored('lost', { dead: true })
    await stored('old', { name: 'former' })
    const { stdout } = await lintel('status')
    expect(stdout).toMatch(/^notes\.keep: 0 waiting, 0 running, 1 dead$/m)
    expect(stdout).toMatch(
      /^notes\.former: 1 waiting, the oldest due for .* s, 0 running, 0 dead; the contract has no such job$/m,
    )
    expect(stdout).toMatch(/^notes\.count: 0 waiting, 0 running, 0 dead$/m)
    expect(stdout).toMatch(/^notes\.lintel:sweepInbox: 1 waiting, 0 running, 0 dead$/m)
    expect((await lintel('list', '--job', 'notes.lintel:sweepInbox')).stdout).toMatch(/, every 3,?600 s$/m)
    expect((await lintel('list', '--job', 'notes.former')).stdout).toMatch(/^job_\S+ notes\.former waiting/)
    expect(JSON.parse((await lintel('status', '--json')).stdout).notes).toContainEqual(
      expect.objectContaining({ name: 'keep', dead: 1 }),
    )
  })

  test('sends a dead one again, which the running system does then', async () => {
    const id = await stored('again', { dead: true })
    expect(await lintel('resend', id)).toMatchObject({ code: 0, stdout: '1 job is sent again' })
    await until(async () => (await kept('kept again')) === 1)
    await until(async () => (await db.query(`select from lintel.work where job = 'keep'`)).rowCount === 0)
    expect((await lintel('resend', id)).code).toBe(2)
  })

  test('drops one, and all that are dead', async () => {
    const later = await stored('dropped', { dueInMs: 3_600_000 })
    await stored('lost', { dead: true })
    await stored('lost too', { dead: true })
    expect(await lintel('drop', later)).toMatchObject({ code: 0, stdout: '1 job is dropped' })
    expect(await lintel('drop', '--all', '--job', 'notes.count')).toMatchObject({ stdout: '0 jobs are dropped' })
    expect(await lintel('drop', '--all')).toMatchObject({ code: 0, stdout: '2 jobs are dropped' })
    expect((await db.query(`select from lintel.work where job = 'keep'`)).rowCount).toBe(0)
  })

  test('a schedule is not dropped while the contract has it: it would never run again', async () => {
    const id = encodeId('job', (await db.query(`select id from lintel.work where job = 'tidy'`)).rows[0].id)
    const { code, stderr } = await lintel('drop', id)
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${id} is a schedule, tidy`)])
    expect((await db.query(`select from lintel.work where job = 'tidy'`)).rowCount).toBe(1)
  })

  test('a database that is yet to be migrated is named, with what it lacks', async () => {
    const admin = new pg.Client(inject('databaseServer'))
    await admin.connect()
    const name = `empty_${uuidv7()}`
    await admin.query(`create database "${name}"`)
    const url = new URL(inject('databaseServer'))
    url.pathname = `/${name}`
    const env = { LOG_LEVEL: 'fatal', ...databaseSettings({ notes: url.href }) }
    const { code, stderr } = await run('lintel', { args: ['work', 'status', '--system', file], env })
    await admin.query(`drop database "${name}" with (force)`)
    await admin.end()
    expect([code, stderr]).toEqual([78, expect.stringMatching(/lacks .*0007-work\.sql.*: run `lintel migrate` first/)])
  })
})

test.each([
  [['resend'], 'Give the id of a job, or --all for all that are dead'],
  [['drop', 'job_01h455vb4pex5vsknk084sn02q', '--all'], 'Give either the id of a job or --all, not both'],
  [['show', 'evt_01h455vb4pex5vsknk084sn02q'], '"evt_01h455vb4pex5vsknk084sn02q" is not the id of a job'],
  [['show', 'job_01h455vb4pex5vsknk084sn02q'], 'No such job'],
  [['list', '--job', 'keep'], '--job is "keep": give a service and a job'],
  [['list', '--job', 'notes.keep.x'], '--job is "notes.keep.x": give a service and a job'],
  [['list', '--job', 'notes.kept'], '--job is "notes.kept": give one of notes.count, notes.die, notes.keep'],
  [['drop', '--all', '--job', 'users.sendMail'], '--job is "users.sendMail": give one of notes.count'],
  [['list', '--limit', 'many'], '--limit is "many"'],
])('wrong arguments are refused, and the message says what was expected: %s', async (args, message) => {
  const { code, stderr } = await lintel(...args)
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
})
