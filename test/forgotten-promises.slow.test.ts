import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import forgotten from './forgotten/system.ts'
import { launcher, type SystemProcess, until } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

const { launch } = launcher()
const SYSTEM = fileURLToPath(new URL('./forgotten/system.ts', import.meta.url))

const clones: Record<string, Clone> = {}
beforeAll(async () => {
  const server = inject('databaseServer')
  for (const service of forgotten.services)
    clones[service.contract.name] = await cloneOf(server, await templateFor(server, service))
})
afterAll(async () => {
  for (const clone of Object.values(clones)) await clone.drop()
})

const started = () =>
  launch('lintel', {
    args: ['--system', SYSTEM, 'start'],
    env: databaseSettings(Object.fromEntries(Object.entries(clones).map(([name, { url }]) => [name, url]))),
  })

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'R-P-7: %s ends a command: its signal aborts, its statement is cancelled, and nothing of it is left',
  async (signal, code) => {
    const url = clones.keepers!.url
    const command = launch('lintel', {
      args: ['--system', SYSTEM, 'doors', 'count'],
      env: databaseSettings(Object.fromEntries(Object.entries(clones).map(([name, clone]) => [name, clone.url]))),
    })
    await until(() => command.stderr.includes('waiting'))
    command.child.kill(signal)
    const ended = await command.ended
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(/aborted.*lintel: ended by SIG/s) })
    const admin = await connect(url)
    const asleep = `select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active' and datname = current_database()`
    await until(async () => (await admin.query(asleep)).rows.length === 0)
    expect((await admin.query('select 1 from doors')).rows).toEqual([])
    await admin.end()
  },
)

const put = async (url: string, path: string) =>
  fetch(`${url}/${path}`, { method: 'PUT', headers: { 'x-request-id': path } })

/** It still answers, and has told of no promise that nobody handled. */
async function assertUnharmed(system: SystemProcess): Promise<void> {
  expect((await fetch(`${await system.url()}/health`)).status).toBe(200)
  expect(system.lines.filter((line) => /unexpected error|nothing handled it/.test(line))).toEqual([])
}

test.each(['statement', 'read', 'call'])(
  'R-P-7: a reader who leaves ends no process, though its handler does not await a %s yet',
  async (name) => {
    const system = started()
    const url = await system.url()
    const leaving = new AbortController()
    const left = fetch(`${url}/${name}-readings`, { signal: leaving.signal }).catch(() => 'left')
    await system.line(new RegExp(`"name":"${name}","msg":"asked"`))
    leaving.abort()
    expect(await left).toBe('left')
    await system.line(new RegExp(`"template":"/${name}-readings","status":499`))
    await assertUnharmed(system)
  },
)

test('R-P-7: a deadline ends no process, though handlers do not await a statement, a read or a call yet', async () => {
  const system = started()
  const url = await system.url()
  for (const name of ['statement', 'read', 'call']) expect((await put(url, `${name}-writings`)).status).toBe(504)
  await assertUnharmed(system)
})

test('R-P-7: a handler that goes on after its 504 and fails ends no process', async () => {
  const system = started()
  expect((await put(await system.url(), 'long-works')).status).toBe(504)
  await system.line(/"msg":"went on"/)
  await assertUnharmed(system)
})

test('a promise of a handler’s own that is rejected and never handled is logged with its place, and the process goes on', async () => {
  const system = started()
  const url = await system.url()
  expect((await put(url, 'forgotten-promises')).status).toBe(200)
  const [line] = await system.line(/.*nothing handled it.*/)
  expect(JSON.parse(line)).toMatchObject({
    level: 50,
    at: expect.stringMatching(/test\/forgotten\/system\.ts:\d+:\d+$/),
    err: { message: 'forgotten by its handler' },
  })
  expect((await put(url, 'forgotten-promises')).status).toBe(200)
})
