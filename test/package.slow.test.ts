import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launcher, post } from './system-process.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const run = promisify(execFile)
const npm = (args: readonly string[], cwd: string) => run('npm', args, { cwd, maxBuffer: 2 ** 24 })
const { launch } = launcher()

let folder: string
let paths: readonly string[]

// What a stranger does: an empty folder, `npm init`, the package, and the program of the README.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintel-package-'))
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], root)
  const [{ files, filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  paths = files.map(({ path }: { path: string }) => path)
  await npm(['init', '--yes'], folder)
  await npm(['pkg', 'set', 'type=module'], folder)
  await npm(['install', '--no-audit', '--no-fund', '--loglevel=error', join(folder, filename)], folder)
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

test('its types need no others: the program of the README compiles, libraries checked', async () => {
  const options = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, skipLibCheck: false }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['system.ts'] }))
  const outcome = run(process.execPath, [require.resolve('typescript/bin/tsc')], { cwd: folder })
  expect((await outcome.catch((error) => error)).stdout).toBe('')
}, 60_000)

test('the program of the README runs: as it stands where Node reads TypeScript, else with tsx', async () => {
  const server = launch([process.execPath, ...lintel(), 'dev'], { cwd: folder })
  const made = await post(`${await server.url()}/notes`, { title: 'Milk' })
  expect([made.status, await made.json()]).toMatchObject([201, { title: 'Milk', pinned: false, version: 1 }])
  server.signalGroup('SIGTERM')
  expect((await server.ended).code).toBe(0)
}, 60_000)

test('`lintel client` writes a client of it, which compiles by itself', async () => {
  await run(process.execPath, [...lintel(), 'client', '--out', 'client.ts'], { cwd: folder })
  expect(await readFile(join(folder, 'client.ts'), 'utf8')).toContain('export interface NoteCalls {')
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom', '--ignoreConfig']
  const outcome = run(process.execPath, [require.resolve('typescript/bin/tsc'), ...options, 'client.ts'], {
    cwd: folder,
  })
  expect((await outcome.catch((error) => error)).stdout).toBe('')
}, 60_000)

/** The command, which reads TypeScript with tsx where Node does not. */
function lintel(): string[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const reads = major > 22 || (major === 22 && minor >= 18)
  const tsx = reads ? [] : ['--import', pathToFileURL(require.resolve('tsx')).href]
  return [...tsx, join(folder, 'node_modules/.bin/lintel')]
}
