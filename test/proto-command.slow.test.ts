import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lintel-proto-command-'))
  mkdirSync(join(folder, 'migrations'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function proto(...args: string[]) {
  const options = ['--conditions=lintel-source', '--import', 'tsx', 'src/cli/main.ts', 'proto']
  const { status, stdout } = spawnSync(process.execPath, [...options, ...args], { cwd: root, encoding: 'utf8' })
  return { status, lines: stdout.trimEnd().split('\n') }
}

function writeSystem(fields: string) {
  writeFileSync(
    join(folder, 'system.mjs'),
    `import { system } from '${root}src/index.ts'
import { operation, service, t } from '${root}src/contract/index.ts'
import { implement } from '${root}src/service/index.ts'
const pings = operation({ method: 'GET', path: '/pings', access: 'public', answer: { ${fields} } })
const contract = service('pings', { operations: { pings } })
const options = { migrations: new URL('./migrations/', import.meta.url) }
export default system({ version: '1.0.0', services: [implement(contract, { pings: async () => ({}) }, options)] })
`,
  )
}

test('R-P-2: the committed .proto files and locks of the reference system are what its contracts say', {
  timeout: 180_000,
}, () => {
  expect(proto('--check')).toEqual({ status: 0, lines: ['up to date'] })
})

test('R-CALL-2: a contract that has changed fails the check, and `lintel proto` pins the new number', {
  timeout: 180_000,
}, () => {
  const out = join(folder, 'proto')
  const args = ['--system', join(folder, 'system.mjs'), '--out', out]
  const lock = join(folder, 'proto.lock.json')
  const file = join(out, 'pings', 'v1', 'pings.proto')
  const responseIn = () => JSON.parse(readFileSync(lock, 'utf8'))['pings.v1.PingsResponse']
  const lines = (what: string) => [lock, file].map((path) => `${relative(root, path)}: ${what}`)

  writeSystem('atMs: t.integer()')
  expect(proto(...args, '--check')).toEqual({ status: 1, lines: lines('not what the contract says') })
  expect(existsSync(lock)).toBe(false)
  expect(proto(...args)).toEqual({ status: 0, lines: lines('written') })
  expect(responseIn()).toEqual({ fields: { at_ms: 'int32 = 1' } })
  expect(proto(...args, '--check').status).toBe(0)

  writeSystem('from: t.text()')
  expect(proto(...args, '--check').status).toBe(1)
  expect(proto(...args).status).toBe(0)
  expect(responseIn()).toEqual({ fields: { from: 'string = 2' }, reserved: { at_ms: [1] } })
  expect(readFileSync(file, 'utf8')).toContain('reserved 1;')
})
