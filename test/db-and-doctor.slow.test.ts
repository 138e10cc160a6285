import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { makeProject } from './made-project.ts'
import { launcher, post } from './system-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const { run, launch, folder } = launcher()

let cwd: string
beforeEach(async () => {
  cwd = await folder()
  await makeProject(cwd)
})

/** Without psql. */
const PATH = '/nowhere'
const lintel = (args: readonly string[], env: Record<string, string> = {}, input?: string) =>
  run('lintel', {
    args,
    cwd,
    env: { NODE_ENV: '', LOG_LEVEL: 'warn', PATH, ...env },
    ...(input !== undefined && { input }),
  })

test('lintel db: the address, one statement, and a prompt where there is no psql, beside a system that runs', async () => {
  // A server that ends with the command has no address to give.
  expect(await lintel(['db', '--url'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/No PostgreSQL runs on \.lintel: run `lintel dev`/),
  })
  const system = launch('lintel', { args: ['dev', '--no-watch'], cwd })
  const url = await system.url()
  expect((await post(`${url}/notes`, { title: 'Milk' })).status).toBe(201)

  expect(await lintel(['db', '--url'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^postgres:\/\/my_api_notes:\S+\/my_api_notes$/),
  })
  expect(await lintel(['db', '-c', "select title, text = '' as bare, null as none from notes"])).toMatchObject({
    code: 0,
    stdout: 'title | bare | none\n------+------+-----\nMilk  | t    | null\n(1 row)',
  })
  expect(await lintel(['db', 'notes', '-c', 'select nothing from notes'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'lintel: column "nothing" does not exist, at character 8\n',
  })
  const typed =
    "update notes\nset title = 'Oat milk';\nselect titel from notes;\nselect title from notes;\n\\q\nselect 1;\n"
  expect(await lintel(['db'], {}, typed)).toMatchObject({
    code: 0,
    stdout: 'UPDATE 1\ntitle\n--------\nOat milk\n(1 row)',
    stderr: expect.stringMatching(/^column "titel" does not exist, at character 8/),
  })
  expect(await lintel(['db', 'note'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean "notes"?'),
  })

  // With one: it gets the address, and its end is ours.
  await writeFile(join(cwd, 'psql'), '#!/bin/sh\necho "psql $1"; exit 3\n', { mode: 0o755 })
  expect(await lintel(['db'], { PATH: `${cwd}${delimiter}${process.env.PATH}` })).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^psql postgres:\/\/my_api_notes@/),
  })

  const seen = await lintel(['doctor'], { PORT: new URL(url).port })
  expect(seen).toMatchObject({ code: 0, stderr: '' })
  expect(seen.stdout).toMatch(/^ok +data folder +\S+\.lintel is in use by process \d+$/m)
  expect(seen.stdout).toMatch(/^ok +port +\d+: a system of Lintel answers there$/m)
})

test('lintel doctor says line by line what is well, and of what is wrong what to do', async () => {
  const fresh = await lintel(['doctor'], { PORT: '0' })
  expect(fresh).toMatchObject({ code: 0, stderr: '' })
  for (const line of [
    /^ok +Node +\d+\./m,
    /^ok +system +\.\/system\.ts: notes$/m,
    /^ok +settings +development$/m,
    /^ok +PostgreSQL +\d+.*embedded$/m,
    /^ok +data folder +\S+ is made at the first start$/m,
  ])
    expect(fresh.stdout).toMatch(line)

  const other = createServer((_, res) => res.end()).listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const port = String((other.address() as AddressInfo).port)
  const ill = await lintel(['doctor'], {
    PORT: port,
    DATABASE_URL: 'postgres://me@127.0.0.1:1/shop',
    NATS_URL: 'nats://127.0.0.1:1',
    REDIS_URL: `redis://127.0.0.1:${port}`,
  })
  other.close()
  expect(ill).toMatchObject({ code: 1, stderr: '3 things are wrong\n' })
  expect(ill.stdout).toMatch(/^wrong +DATABASE_URL +.*127\.0\.0\.1:1.*\(DATABASE_UNREACHABLE\)$/m)
  expect(ill.stdout).toMatch(
    /^wrong +NATS_URL +nothing answers at 127\.0\.0\.1:1 \(ECONNREFUSED\): start it, or correct NATS_URL$/m,
  )
  expect(ill.stdout).toMatch(/^ok +REDIS_URL +127\.0\.0\.1:\d+ answers$/m)
  expect(ill.stdout).toMatch(
    /^wrong +port +\d+ is taken by another process: stop that one, or set PORT to a free port$/m,
  )

  expect(await lintel(['doctor'], { PORT: '80x' })).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^wrong +settings +PORT is "80x"/m),
  })
  await writeFile(join(cwd, 'package.json'), '{}')
  expect(await lintel(['doctor'])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^wrong +system +.*npm pkg set type=module/m),
  })
  expect(await lintel(['doctor', '--system', 'none.ts'])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^wrong +system +none\.ts does not exist/m),
  })
})

const READS_TYPESCRIPT = Boolean((process.features as { typescript?: unknown }).typescript)

test.skipIf(READS_TYPESCRIPT)('lintel doctor tells once that this Node reads no TypeScript', async () => {
  await rm(join(cwd, 'node_modules/tsx'))
  const seen = await lintel(['doctor'])
  expect(seen).toMatchObject({ code: 1, stderr: '1 thing is wrong\n' })
  expect(seen.stdout).toMatch(
    /^wrong +TypeScript +this Node does not read it: run `npm i -D tsx`, or use Node 22\.18 or newer$/m,
  )
})
