import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** With this module in JavaScript, so that a Node without TypeScript can run it. */
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-import-'))
  const options = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    rewriteRelativeImportExtensions: true,
  }
  for (const name of ['base/errors', 'cli/import-module']) {
    const source = await readFile(new URL(`../${name}.ts`, import.meta.url), 'utf8')
    const { outputText } = ts.transpileModule(source, { compilerOptions: options })
    await write(`lintel/${name}.js`, outputText)
  }
  await write('lintel/package.json', '{"type":"module"}')
  await write(
    'lintel/run.js',
    `import { importModule } from './cli/import-module.js'
     const say = ({ code, message }) => console.log(JSON.stringify({ code, message }))
     await importModule(process.argv[2]).then((module) => console.log(JSON.stringify(module)), say)`,
  )
})
afterAll(() => rm(folder, { recursive: true }))

async function write(name: string, text: string): Promise<void> {
  await mkdir(join(folder, dirname(name)), { recursive: true })
  await writeFile(join(folder, name), text)
}

/** Imports a file of a project, in that project's folder, with a Node that reads no TypeScript. */
async function imported(file: string, project: Record<string, string>, cwd = '.', env: Record<string, string> = {}) {
  await rm(join(folder, 'project'), { recursive: true, force: true })
  await mkdir(join(folder, 'project'))
  for (const [name, text] of Object.entries(project)) await write(`project/${name}`, text)
  const flags = 'typescript' in process.features ? ['--no-experimental-strip-types'] : []
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, join(folder, 'lintel/run.js'), file], {
    cwd: join(folder, 'project', cwd),
    env: { PATH: process.env.PATH, ...env },
  })
  return JSON.parse(stdout)
}

const SYSTEM = 'import "node:fs"\nexport default { services: [] }\n'
const FIX = 'Run `npm pkg set type=module`'

test('a project of ES modules is imported, and .mjs in any', async () => {
  const services = { default: { services: [] } }
  expect(await imported('system.js', { 'package.json': '{"type":"module"}', 'system.js': SYSTEM })).toEqual(services)
  expect(await imported('system.mjs', { 'package.json': '{"type":"commonjs"}', 'system.mjs': SYSTEM })).toEqual(
    services,
  )
})

test.each([
  ['package.json says "type": "commonjs"', { 'package.json': '{"type":"commonjs"}' }],
  ['package.json does not say so', { 'package.json': '{"name":"shop"}' }],
])('a project of CommonJS is refused with what to run: %s', async (says, project) => {
  for (const file of ['system.js', 'system.ts'])
    expect(await imported(file, { ...project, [file]: SYSTEM })).toEqual({
      code: 'NOT_A_MODULE',
      message: `${file} is an ES module, and ${says}. ${FIX}`,
    })
})

test('the nearest package.json decides; one that cannot be read is named', async () => {
  const project = { 'package.json': '{"type":"module"}', 'src/package.json': '{}', 'src/app/system.js': SYSTEM }
  expect(await imported('app/system.js', project, 'src')).toMatchObject({
    message: `system.js is an ES module, and package.json does not say so. ${FIX}`,
  })
  expect(await imported('system.js', { 'package.json': '{', 'system.js': SYSTEM })).toMatchObject({
    code: 'NOT_A_MODULE',
    message: expect.stringMatching(/^package\.json cannot be read: /),
  })
})

test('a Node that reads no TypeScript says what else to do, for what the system imports too', async () => {
  const unsupported = {
    code: 'TYPESCRIPT_UNSUPPORTED',
    message:
      `Node ${process.versions.node.split('.')[0]} reads no TypeScript. Run \`npm i -D tsx\`, which Lintel then reads it with, ` +
      'use Node 22.18+, or give compiled JavaScript: --system dist/system.js',
  }
  const manifest = { 'package.json': '{"type":"module"}' }
  expect(await imported('system.ts', { ...manifest, 'system.ts': SYSTEM })).toEqual(unsupported)
  const importing = { 'system.js': 'import "./contract.ts"', 'contract.ts': SYSTEM }
  expect(await imported('system.js', { ...manifest, ...importing })).toEqual(unsupported)
  const production = { NODE_ENV: 'production' }
  expect(await imported('system.ts', { ...manifest, 'system.ts': SYSTEM }, '.', production)).toMatchObject({
    message: expect.stringContaining('Run `npm i tsx`, which'),
  })
})

test('an import that leads to nothing is named, with the file that has it', async () => {
  const manifest = { 'package.json': '{"type":"module"}' }
  const lost = { 'system.js': 'import "./services/notes.js"', 'services/notes.js': 'import "../lost.js"' }
  expect(await imported('system.js', { ...manifest, ...lost })).toEqual({
    code: 'NO_MODULE',
    message: 'services/notes.js imports lost.js, which does not exist',
  })
  expect(await imported('system.js', { ...manifest, 'system.js': 'import "leftpad"' })).toEqual({
    code: 'NO_MODULE',
    message: 'system.js imports the package leftpad, which is not installed',
  })
})

test('any other failure is passed on as it is', async () => {
  const manifest = { 'package.json': '{"type":"module"}' }
  expect(await imported('system.js', { ...manifest, 'system.js': 'throw new Error("mine")' })).toEqual({
    message: 'mine',
  })
  expect(
    await imported('system.js', { ...manifest, 'system.js': 'import "./data.yaml"', 'data.yaml': '' }),
  ).toMatchObject({
    code: 'ERR_UNKNOWN_FILE_EXTENSION',
  })
})
