import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { clusterName, launcher, noPostgres, post, type SystemProcess, until } from '../../../test/system-process.ts'
import { processesNaming } from '../../embedded/processes.ts'

vi.setConfig({ testTimeout: 120_000 })

const repository = fileURLToPath(new URL('../../..', import.meta.url))
const { launch, folder } = launcher()

const systemOf = (version: string, more = '') => `
import { system } from 'lintel'
import { implement } from 'lintel/service'
import { notes } from './services/notes/contract.ts'

export default system({
  name: 'notebook',
  version: '${version}',
  services: [implement(notes, {}, { migrations: new URL('./services/notes/migrations/', import.meta.url) })],
})
${more}`
const contractOf = (fields: string) => `
import { resource, service, t } from 'lintel/contract'

const Note = resource('note', {
  id: 'note',
  fields: { ${fields} },
  access: { list: 'public', create: 'public' },
})
export const notes = service('notes', { resources: { notes: Note } })
`
const MIGRATION = `create table notes (
  id uuid primary key,
  title text not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
`

/** A project outside the repository, and what `lintel dev` makes of it. */
async function project() {
  const cwd = await folder()
  const write = (name: string, text: string) => writeFile(join(cwd, name), text)
  await mkdir(join(cwd, 'services/notes/migrations'), { recursive: true })
  await mkdir(join(cwd, 'node_modules'))
  await symlink(repository, join(cwd, 'node_modules/lintel'))
  await write('package.json', '{"type":"module"}')
  await write('services/notes/contract.ts', contractOf('title: t.text({ min: 1, max: 200 })'))
  await write('services/notes/migrations/0001-notes.sql', MIGRATION)
  await write('system.ts', systemOf('1.0.0'))
  return {
    cwd,
    dataDir: join(cwd, '.lintel'),
    write,
    dev: (...args: string[]) => launch('lintel', { args: ['dev', ...args], cwd, env: { LOG_LEVEL: 'info' } }),
  }
}

const version = async (url: string) =>
  fetch(`${url}/health`).then(
    async (answer) => ((await answer.json()) as { version?: string }).version,
    () => undefined,
  )
const serves = (url: string, wanted: string) => until(async () => (await version(url)) === wanted)
/** The process that PostgreSQL's own file names. */
const serverPid = async (dataDir: string) =>
  (await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]
async function says(system: SystemProcess, pattern: RegExp): Promise<void> {
  await until(() => pattern.test(system.stderr) || !system.lives)
  expect(system.stderr).toMatch(pattern)
}

test('a save is served at the same address, on the PostgreSQL of before; Ctrl-C ends all of it with 0', async () => {
  const { cwd, dataDir, write, dev } = await project()
  const system = dev()
  const url = await system.url()
  const pid = await serverPid(dataDir)
  expect((await post(`${url}/notes`, { title: 'Milk' })).status).toBe(201)

  await write('system.ts', systemOf('1.1.0'))
  await serves(url, '1.1.0')
  await system.line(/reloaded in \d+ ms: system\.ts/)
  expect(await serverPid(dataDir)).toBe(pid)

  // What is not imported, or no source, is nobody's business; a save that changes nothing is none.
  await write('services/notes/notes.test.ts', 'not even TypeScript')
  await write('notes.log', 'line')
  await write('system.ts', systemOf('1.1.0'))
  // A migration and the contract that needs it: the rows are kept.
  await write('services/notes/migrations/0002-text.sql', `alter table notes add column text text not null default '';`)
  await write('services/notes/contract.ts', contractOf("title: t.text({ max: 200 }), text: t.text().default('')"))
  await system.line(/reloaded in \d+ ms: .*contract\.ts/)
  const listed = (await (await fetch(`${url}/notes`)).json()) as { data: unknown[] }
  expect(listed.data).toMatchObject([{ title: 'Milk', text: '' }])
  expect(system.lines.filter((line) => line.includes('notes.log') || line.includes('notes.test'))).toEqual([])

  // `.env` is read again.
  await write('.env', 'LINTEL_DATA_DIR=\nPUBLIC_URL=nowhere\n')
  await says(system, /PUBLIC_URL is "nowhere".*\(WRONG_SETTING\)\nWaiting for the next save\. What was there before/)
  await rm(join(cwd, '.env'))

  system.signalGroup('SIGINT')
  expect(await system.ended).toMatchObject({ code: 0, signal: null })
  expect(system.lives).toBe(false)
  await noPostgres(dataDir)
})

test('a save that cannot be loaded is told with its place, what was there still serves, and the next save is taken', async () => {
  const { write, dev } = await project()
  const system = dev()
  const url = await system.url()

  await write('system.ts', systemOf('2.0.0', 'const broken = ;'))
  await says(system, /system\.ts:\d+[\s\S]*Waiting for the next save\. What was there before still serves\./)
  expect(await version(url)).toBe('1.0.0')
  // The stack leads to no file of ours.
  expect(system.stderr).not.toMatch(/src\/cli|node:internal/)

  await write('system.ts', systemOf('2.0.1', "throw new Error('boom')"))
  await says(system, /Error: boom\n {4}at .*system\.ts:\d+/)

  await write('system.ts', systemOf('2.0.2'))
  await serves(url, '2.0.2')
  await write('services/notes/contract.ts', contractOf('total: t.text({ min: 5, max: 1 })'))
  await says(system, /lintel: .*max.*\(\w+\)\nWaiting for the next save\. What was there before/s)
  expect(await version(url)).toBe('2.0.2')
})

test('a save that cannot be started is waited out; so is the end of a system that ends by itself', async () => {
  const { write, dev } = await project()
  const system = dev()
  const url = await system.url()
  await write('services/notes/contract.ts', contractOf('title: t.text({ max: 200 }), colour: t.text({ max: 20 })'))
  await says(system, /column colour is missing[\s\S]*\(SCHEMA_DRIFT\)\nWaiting for the next save\.\n/)
  await write('services/notes/migrations/0002-colour.sql', 'alter table notes add colour txt;')
  await says(system, /0002-colour\.sql.*type "txt" does not exist[\s\S]*Waiting for the next save\.\n/)
  await write('services/notes/migrations/0002-colour.sql', `alter table notes add colour text not null default '';`)
  await system.line(/reloaded in \d+ ms: .*0002-colour\.sql/)
  expect((await post(`${url}/notes`, { title: 'Milk', colour: 'white' })).status).toBe(201)

  await write('system.ts', systemOf('3.0.0', 'setTimeout(() => process.exit(7), 50)'))
  await says(system, /the system has ended by itself \(exit code 7\)\nWaiting for the next save\./)
  await write('system.ts', systemOf('3.0.1'))
  await serves(url, '3.0.1')
})

test('a save that never ends its load gives way to the next, and to Ctrl-C, also where it is busy', async () => {
  const { write, dev } = await project()
  const system = dev()
  const url = await system.url()
  await write('system.ts', systemOf('4.0.0', `console.error('waits'); await new Promise(() => {})`))
  await says(system, /waits/)
  expect(await version(url)).toBe('1.0.0')
  await write('system.ts', systemOf('4.0.1'))
  await serves(url, '4.0.1')
  await write('system.ts', systemOf('4.0.2', `console.error('is busy'); for (;;);`))
  await says(system, /is busy/)
  system.signalGroup('SIGINT')
  expect(await system.ended).toMatchObject({ code: 0, signal: null })
  expect(system.lives).toBe(false)
})

test('a command that is given up while the system is busy leaves no process behind', async () => {
  const { write, dev } = await project()
  await write('system.ts', systemOf('1.0.0', `console.error('is busy'); for (;;);`))
  const system = dev()
  await says(system, /is busy/)
  system.signalGroup('SIGINT')
  expect(await system.ended).toMatchObject({ code: 0, signal: null })
  expect(system.lives).toBe(false)
})

test('the first start has to succeed: the command ends as `lintel start` would', async () => {
  const { cwd, write, dev } = await project()
  await write('system.ts', 'export default 1\n')
  expect(await dev().ended).toMatchObject({
    code: 78,
    stderr: expect.stringMatching(/is not a system.*\(NO_SYSTEM\)\n$/),
  })
  await rm(join(cwd, 'system.ts'))
  expect(await dev().ended).toMatchObject({ code: 78, stderr: expect.stringMatching(/system\.ts does not exist.*\n$/) })
})

test('R-OPS-4: a killed command leaves neither the system nor its PostgreSQL behind', async () => {
  const { dataDir, dev } = await project()
  const system = dev()
  const url = await system.url()
  const name = (await clusterName(dataDir))!
  expect(processesNaming(name)).not.toEqual([])
  system.child.kill('SIGKILL')
  await until(() => !system.lives)
  expect(await version(url)).toBeUndefined()
  await noPostgres(dataDir)
})

test('--no-watch runs the system in one process, and takes no save', async () => {
  const { write, dev } = await project()
  const system = dev('--no-watch')
  const url = await system.url()
  await write('system.ts', systemOf('4.0.0'))
  system.child.kill('SIGINT')
  expect(await system.ended).toMatchObject({ code: 0 })
  expect(system.lines.filter((line) => line.includes('reloaded'))).toEqual([])
  expect(url).toMatch(/^http/)
})
