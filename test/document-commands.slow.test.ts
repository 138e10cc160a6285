import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lintel-document-commands-'))
  mkdirSync(join(folder, 'migrations'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function lintel(...args: string[]) {
  const program = ['--conditions=lintel-source', '--import', 'tsx', 'src/cli/main.ts']
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { cwd: root, encoding: 'utf8' })
  return { status, lines: stdout.trimEnd().split('\n'), stderr: stderr.trimEnd() }
}

function writeSystem(service: string) {
  writeFileSync(
    join(folder, 'system.mjs'),
    `import { system } from '${root}src/index.ts'
import { event, operation, service, t } from '${root}src/contract/index.ts'
import { implement } from '${root}src/service/index.ts'
const ping = operation({ method: 'GET', path: '/pings', access: 'public', answer: { at: t.time() } })
const contract = service('${service}', { operations: { ping }, events: { 'ping.sent': event({ at: t.time() }) } })
const options = { migrations: new URL('./migrations/', import.meta.url) }
export default system({ version: '1.0.0', services: [implement(contract, { ping: async () => ({}) }, options)] })
`,
  )
}

test('R-P-2: `lintel openapi` writes what the contracts say, and its check fails where that is not what is there', () => {
  const out = join(folder, 'openapi')
  const args = ['openapi', '--system', join(folder, 'system.mjs'), '--out', out]
  const [whole, pings] = [join(out, 'v1.json'), join(out, 'pings', 'v1.json')]
  const lines = (what: string, ...paths: string[]) => paths.map((path) => `${relative(root, path)}: ${what}`)
  const hint = 'Run `lintel openapi` and commit what it writes.'

  writeSystem('pings')
  const stale = lines('not what the contract says', whole, pings)
  expect(lintel(...args, '--check')).toEqual({ status: 1, lines: stale, stderr: hint })
  expect(existsSync(out)).toBe(false)
  expect(lintel(...args)).toMatchObject({ status: 0, lines: lines('written', whole, pings) })
  expect(readFileSync(pings, 'utf8')).toContain('"operationId": "ping"')
  expect(lintel(...args, '--check')).toEqual({ status: 0, lines: ['up to date'], stderr: '' })

  writeSystem('echoes')
  const written = lines('written', whole, join(out, 'echoes', 'v1.json'))
  const left = lines('of no contract any more, delete it', pings)
  expect(lintel(...args)).toMatchObject({ status: 0, lines: [...written, ...left] })
  expect(lintel(...args, '--check')).toEqual({ status: 1, lines: left, stderr: hint })
})

test('R-P-2: `lintel asyncapi --check` finds the committed documents of the reference system up to date', () => {
  expect(lintel('asyncapi', '--check')).toEqual({ status: 0, lines: ['up to date'], stderr: '' })
})
