import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test, vi } from 'vitest'
import { makeProject } from './made-project.ts'
import { launcher } from './system-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const root = fileURLToPath(new URL('..', import.meta.url))
const { run, folder } = launcher()

let cwd: string
beforeEach(async () => {
  cwd = await folder()
  await makeProject(cwd)
})

const lintel = (words: string, env: Record<string, string> = {}) =>
  run('lintel', { args: words.split(' '), cwd, env: { NODE_ENV: '', LOG_LEVEL: 'warn', ...env } })
const migrations = () => readdir(join(cwd, 'services/notes/migrations'))

async function addField(): Promise<void> {
  const path = join(cwd, 'services/notes/contract.ts')
  const contract = await readFile(path, 'utf8')
  await writeFile(
    path,
    contract.replace("text: t.text().default(''),", "text: t.text().default(''), done: t.boolean().default(false),"),
  )
}

test('status, draft, a person, migrate, reset', async () => {
  expect(await lintel('migrate status --check')).toMatchObject({
    code: 1,
    stdout: 'notes: 0 applied, 12 pending'
      .replace('12', String((await platformFiles()) + 1))
      .concat(await pendingLines()),
    stderr: expect.stringMatching(/not applied: run `lintel migrate`\n$/),
  })
  // A draft over what is not applied would have it all once more.
  expect(await lintel('migrate draft notes')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^lintel: notes has migrations that are not applied \(.*0001-notes\.sql\): apply them first \(lintel migrate\)/,
    ),
  })
  expect(await lintel('migrate')).toMatchObject({ code: 0 })
  expect(await lintel('migrate draft notes')).toMatchObject({
    code: 0,
    stdout: 'notes: the database is what the contract needs',
  })

  await addField()
  expect(await lintel('migrate draft notes')).toMatchObject({
    code: 0,
    stdout:
      'services/notes/migrations/0002-notes-done.sql: read it, mend it, and remove its first line; then `lintel migrate` applies it',
  })
  const path = join(cwd, 'services/notes/migrations/0002-notes-done.sql')
  const draft = await readFile(path, 'utf8')
  expect(draft).toContain('alter table notes add column "done" boolean not null default false;')
  expect(await lintel('migrate')).toMatchObject({
    code: 78,
    stderr: expect.stringMatching(/is a draft: .*\(MIGRATION_DRAFT\)\n$/),
  })
  await writeFile(path, draft.slice(draft.indexOf('\n') + 1))
  expect(await lintel('migrate')).toMatchObject({ code: 0, stdout: 'notes: applied 0002-notes-done.sql' })
  expect(await lintel('migrate status --check')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^notes: 2 applied, 0 pending\n {2}0001-notes\.sql {2}applied 2/),
  })

  expect(await lintel('migrate reset')).toMatchObject({
    code: 2,
    stderr: 'lintel: This drops every row, and there is nobody to ask: add --yes (WRONG_ARGUMENT)\n',
  })
  expect(await lintel('migrate reset --yes')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^notes: made anew, \d+ migrations applied$/),
  })
})

async function platformFiles(): Promise<number> {
  return (await readdir(join(root, 'src/data/migrations'))).length
}

async function pendingLines(): Promise<string> {
  const all = [...(await readdir(join(root, 'src/data/migrations'))).sort(), '0001-notes.sql']
  return all.map((name) => `\n  ${name}  pending`).join('')
}

test('reset is refused in production, and where a database is on another machine; nothing is asked of it', async () => {
  for (const [env, message] of [
    [{ NODE_ENV: 'production', LINTEL_DATA_DIR: join(cwd, 'data') }, /this is production: it is for development alone/],
    [{ DATABASE_URL: 'postgres://a@127.0.0.1:1/b' }, /this is production/],
    [{ NODE_ENV: 'development', DATABASE_URL: 'postgres://a@db.example.com/b' }, /a database is on db\.example\.com/],
    [{ NODE_ENV: 'development', NOTES_DATABASE_URL: 'postgres://a@10.0.0.7/b' }, /a database is on 10\.0\.0\.7/],
    [
      { NODE_ENV: 'development', DATABASE_URL: 'postgres://a@127.0.0.1.example/b' },
      /a database is on 127\.0\.0\.1\.ex/,
    ],
  ] as const)
    expect(await lintel('migrate reset --yes', env)).toMatchObject({ code: 78, stderr: expect.stringMatching(message) })
  // It is not what settles NODE_ENV, but it says whose settings these are.
  await writeFile(join(cwd, '.env'), 'NODE_ENV=production\nDATABASE_URL=postgres://a@127.0.0.1:1/b\n')
  const refused = await lintel('migrate reset --yes')
  await rm(join(cwd, '.env'))
  expect(refused).toMatchObject({ code: 78, stderr: expect.stringMatching(/this is production/) })
})

test('a service that there is not, and a name that no file can have, are refused with what was meant', async () => {
  expect(await lintel('migrate draft note')).toMatchObject({
    code: 2,
    stderr: 'lintel: "note" is no service of this system: did you mean "notes"? (WRONG_ARGUMENT)\n',
  })
  expect(await lintel('migrate draft notes --name Price')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--name is "Price": give lower-case words'),
  })
  expect(await migrations()).toEqual(['0001-notes.sql'])
})
