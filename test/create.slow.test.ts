import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { launcher, post } from './system-process.ts'
import { tarballs } from './tarballs.ts'

vi.setConfig({ testTimeout: 300_000 })

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const { launch } = launcher()
const templates = readdirSync(join(root, 'create-lintel/templates')).filter((name) => name !== 'common')

let folder: string
let tarball: string
let creator: string

// As `npm create lintel` runs it, from tarballs of both packages.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-create-'))
  ;({ lintel: tarball, creator } = await tarballs(folder, { types: true }))
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd, env: { PATH, HOME, NODE_EXTRA_CA_CERTS, ...env }, maxBuffer: 2 ** 24 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

const create = (...args: string[]) => run('npx', ['--yes', '--package', creator, 'create-lintel', ...args], folder)

/** The same without npm, which has something to say itself. */
const createDirectly = (args: readonly string[], env: Record<string, string> = {}) =>
  run(process.execPath, [join(root, 'create-lintel/index.js'), ...args], folder, env)

test.each(templates)('the template %s makes a project that passes its test, starts, and answers', async (template) => {
  const name = `our-${template}`
  const made = await create(name, '--template', template, '--lintel', tarball)
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining(`cd ${name}\n`) })
  const cwd = join(folder, name)
  // Nobody has to clean up before a first commit.
  expect(await readFile(join(cwd, '.gitignore'), 'utf8')).toMatch(/^\.env$/m)

  const tests = await run('npm', ['test'], cwd)
  expect([tests.code, tests.stdout]).toEqual([0, expect.stringMatching(/^. pass [1-9]/m)])
  const system = launch([process.execPath, join(cwd, 'node_modules/.bin/lintel'), 'dev'], { cwd })
  const url = await system.url()
  expect((await fetch(`${url}/openapi.json`)).status).toBe(200)
  expect(system.lines.join('\n')).not.toContain('need indexes')
  if (template === 'api') expect((await post(`${url}/notes`, { title: 'Milk' })).status).toBe(201)
  system.signalGroup('SIGINT')
  expect((await system.ended).code).toBe(0)

  // In production it may be JavaScript, with its migrations: they are those that have been applied.
  expect(await run('npm', ['run', 'build'], cwd)).toMatchObject({ code: 0 })
  const built = await readdir(join(cwd, 'dist'), { recursive: true })
  expect(built.filter((file) => /\.ts$|\.test\./.test(file))).toEqual([])
  const status = ['--no', 'lintel', '--', '--system', 'dist/system.js', 'migrate', 'status', '--check']
  expect(await run('npx', status, cwd)).toMatchObject({ code: 0, stdout: expect.stringContaining('0001-') })
})

test.each(templates)('the template %s compiles, and says its name everywhere', async (template) => {
  const name = `their-${template}`
  expect(await createDirectly([name, '--template', template, '--no-install'])).toMatchObject({ code: 0, stderr: '' })
  const cwd = join(folder, name)
  for (const entry of await readdir(cwd, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain('my-api')
  await mkdir(join(cwd, 'node_modules'))
  await symlink(root, join(cwd, 'node_modules/lintel'))
  await symlink(join(root, 'node_modules/@types'), join(cwd, 'node_modules/@types'))
  const tsc = [require.resolve('typescript/bin/tsc'), '--customConditions', 'lintel-source']
  expect(await run(process.execPath, tsc, cwd)).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('without a name and without anybody to ask it is my-api', async () => {
  const outcome = await createDirectly(['--yes', '--no-install'])
  expect(outcome).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^my-api: \d+ files written\n[\s\S]*npm install\n/),
  })
})

test.each([
  [['My App'], /^create-lintel: "My App" cannot be the name of a project: use .*, such as my-app\n$/, 2],
  [['9lives'], /such as lives\n$/, 2],
  [['shop', '--template', 'blog'], /^create-lintel: --template is "blog": give api.*--help\n$/, 2],
  [['shop', 'floor'], /^create-lintel: One folder, please: "shop" or "floor"\?/, 2],
  [
    ['shop', '--tempalte', 'api'],
    /^create-lintel: There is no option --tempalte: did you mean --template\? See .*--help\n$/,
    2,
  ],
  [['shop', '--wobble'], /^create-lintel: There is no option --wobble\. See .*--help\n$/, 2],
  [['shop', '--template'], /^create-lintel: --template needs a value\. See .*--help\n$/, 2],
  [['shop', '--yes=no'], /^create-lintel: --yes takes no value\. See .*--help\n$/, 2],
  [
    ['shop', '--lintel', '../nothere.tgz'],
    /^create-lintel: --lintel is "\.\.\/nothere\.tgz", which does not exist: .*\n$/,
    2,
  ],
  [
    ['full'],
    /^create-lintel: full has files in it \(notes\.txt\): give the name of a new folder, or of an empty one\n$/,
    2,
  ],
  [['file'], /^create-lintel: file is a file: give the name of a new folder, or of an empty one\n$/, 2],
] as const)('%j is refused in one sentence', async (args, message, code) => {
  await mkdir(join(folder, 'full'), { recursive: true })
  await writeFile(join(folder, 'full/notes.txt'), '')
  await writeFile(join(folder, 'file'), '')
  expect(await createDirectly(args)).toEqual({ code, stdout: '', stderr: expect.stringMatching(message) })
  expect(await readdir(folder)).not.toContain('shop')
})

test('tsx is there in production where Node needs it, and nowhere else', async () => {
  expect(await createDirectly(['plain', '--no-install'])).toMatchObject({ code: 0 })
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(folder, 'plain/package.json'), 'utf8'))
  const reads = Boolean(Reflect.get(process.features, 'typescript'))
  expect(Object.keys(dependencies)).toEqual(reads ? ['lintel'] : ['lintel', 'tsx'])
  expect(Object.keys(devDependencies)).not.toContain('tsx')
})

test('without npm the files are there, and one sentence says what is left to do', async () => {
  expect(await createDirectly(['lonely'], { PATH: folder })).toMatchObject({
    code: 1,
    stderr: 'create-lintel: npm was not found: install it, then run `npm install` in lonely\n',
  })
  expect(await readdir(join(folder, 'lonely'))).toContain('system.ts')
})
