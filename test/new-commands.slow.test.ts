import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test, vi } from 'vitest'
import { makeProject } from './made-project.ts'
import { launcher } from './system-process.ts'

vi.setConfig({ testTimeout: 180_000 })

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const { run, folder } = launcher()

let cwd: string
beforeEach(async () => {
  cwd = await folder()
  await makeProject(cwd)
})

const lintel = (...args: string[]) => run('lintel', { args, cwd, env: { NODE_ENV: '', LOG_LEVEL: 'warn' } })
const text = (name: string) => readFile(join(cwd, name), 'utf8')

test('a new service and new resources compile, and pass the tests that come with them', async () => {
  expect(await lintel('new', 'service', 'stock-counts')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^services\/stock-counts\/contract\.ts: written\n.*service\.ts: written\nsystem\.ts: written\n/,
    ),
  })
  expect(await text('system.ts')).toContain('services: [notes, stockCounts]')
  const words = [
    'name:text',
    'price:money',
    'status:oneOf(open,closed)',
    'seen:boolean',
    'ownerId:id(usr)',
    'dueAt:time?',
    'order:integer',
  ]
  expect(await lintel('new', 'resource', 'stock-counts', 'shelf-count', ...words)).toMatchObject({
    code: 0,
    stderr: '',
  })
  expect(await lintel('new', 'resource', 'notes', 'tag')).toMatchObject({ code: 0, stderr: '' })
  expect(await text('services/notes/contract.ts')).toContain('resources: { notes: Note, tags: Tag }')
  expect(await readdir(join(cwd, 'services/notes/migrations'))).toEqual(['0001-notes.sql', '0002-tags.sql'])

  await symlink(join(root, 'node_modules/@types'), join(cwd, 'node_modules/@types'))
  await writeFile(
    join(cwd, 'tsconfig.json'),
    await readFile(join(root, 'create-lintel/templates/common/tsconfig.json')),
  )
  const tsc = [process.execPath, require.resolve('typescript/bin/tsc'), '--customConditions', 'lintel-source']
  expect(await run(tsc, { cwd })).toMatchObject({ code: 0, stdout: '' })
  const tests = [
    'services/notes/notes.test.ts',
    'services/notes/tags.test.ts',
    'services/stock-counts/shelf-counts.test.ts',
  ]
  const node = [process.execPath, '--conditions=lintel-source', '--import', 'tsx', '--test', ...tests]
  const outcome = await run(node, { cwd })
  expect([outcome.code, outcome.stdout]).toEqual([0, expect.stringMatching(/^# pass 3$/m)])
})

test.each([
  [['service', 'StockCounts'], 'did you mean "stock-counts"?'],
  [['service', 'notes'], 'The system has a service notes already'],
  [['resource', 'note', 'tag'], '"note" is no service of this system: did you mean "notes"?'],
  [['resource', 'notes', 'tags'], '"tags" is a plural: did you mean "tag"?'],
  [['resource', 'notes', 'categories'], 'did you mean "category"?'],
  [['resource', 'notes', 'shelfCount'], 'did you mean "shelf-count"?'],
  [
    ['resource', 'notes', 'approve'],
    'and "approve" is a verb: give a noun, or write an operation instead (WRONG_ARGUMENT)',
  ],
  [['resource', 'notes', 'get-report'], 'and "get-report" is a verb: did you mean "report"?'],
  [['resource', 'notes', 'note'], 'The service notes has notes already'],
  [['resource', 'notes', 'tag', 'name:txt'], 'did you mean "text"?'],
  [['thing'], 'Unknown command "new thing"'],
])('lintel new %j is refused with what was meant, and writes nothing', async (words, message) => {
  const before = await readdir(cwd, { recursive: true })
  expect(await lintel('new', ...words)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
  expect(await readdir(cwd, { recursive: true })).toEqual(before)
})

test('a system that is written in another way is not touched: the line to add is printed', async () => {
  const own = `import { system } from 'lintel'\nimport notes from './services/notes/service.ts'\nconst all = [notes]\nexport default system({ services: all })\n`
  await writeFile(join(cwd, 'system.ts'), own)
  expect(await lintel('new', 'service', 'orders')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(
      "./system.ts: add `import orders from './services/orders/service.ts'`, and orders to its services",
    ),
  })
  expect(await text('system.ts')).toBe(own)
})
