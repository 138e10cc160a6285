import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createLog } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'lt-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
async function logged(level: string, write: (log: Awaited<ReturnType<typeof createLog>>) => void) {
  const path = join(folder, `${files++}.log`)
  write(await createLog(level, { fd: openSync(path, 'w') }))
  return readFileSync(path, 'utf8')
}

test('R-OPS-3: JSON lines, with a time that people can read', async () => {
  const lines = await logged('info', (log) => {
    log.debug('too much')
    log.info({ requestId: 'req_1' }, 'hello')
  })
  expect(JSON.parse(lines)).toEqual({
    level: 30,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    requestId: 'req_1',
    msg: 'hello',
  })
})

const SECRETS = [
  'password currentPassword new_password passwordHash PASSWORD token tokens accessToken refreshToken id_token jwt',
  'authorization Proxy-Authorization cookie cookies set-cookie secret clientSecret apiKey X-Api-Key privateKey',
].flatMap((names) => names.split(' '))

test.each(SECRETS)(
  'R-OPS-3: `%s` is masked at every depth, in lists, in errors and in what all lines of a child carry',
  async (name) => {
    const secret = { [name]: 'hunter22' }
    const text = await logged('info', (log) => {
      log.info({ ...secret, body: { all: [secret, { deep: { deeper: secret } }] } }, 'hello')
      log.info({ err: Object.assign(new Error('failed'), secret, { request: { headers: secret } }) }, 'hello')
      log.error(Object.assign(new Error('failed'), secret), 'hello')
      log.child(secret).info('hello')
      log.child({ service: 'users' }).child(secret).info('hello')
    })
    expect(text).not.toContain('hunter22')
    expect(text.match(/\[masked\]/g)).toHaveLength(8)
  },
)

test('R-OPS-3: what is no secret stays, whatever its name begins with', async () => {
  const record = {
    tokenType: 'Bearer',
    passwordSet: true,
    secretary: 'Ann',
    at: '2026-01-01',
    tokenIsNew: 1,
    password: undefined,
  }
  const given = { ...record, list: [1, 'two'] }
  expect(JSON.parse(await logged('info', (log) => log.info(given, 'hello')))).toMatchObject(
    JSON.parse(JSON.stringify(given)),
  )
})

test('R-OPS-3: the message of an error has those of its causes, each once, and is masked of nothing', async () => {
  const cause = new Error('inner secret 400', { cause: new Error('connect ECONNREFUSED') })
  const messages = async (error: Error) =>
    JSON.parse(await logged('info', (log) => log.warn({ err: error }, 'hello'))).err.message
  expect(await messages(new Error('inner secret 400', { cause }))).toBe('inner secret 400: connect ECONNREFUSED')
  expect(await messages(new Error('', { cause }))).toBe('inner secret 400: connect ECONNREFUSED')
  expect(await messages(new Error('it failed: inner secret 400', { cause }))).toBe(
    'it failed: inner secret 400: connect ECONNREFUSED',
  )
})

test('a record that contains itself is cut, and no error', async () => {
  const record: Record<string, unknown> = {}
  record.self = record
  expect(await logged('info', (log) => log.info(record, 'hello'))).toContain('"msg":"hello"')
})

const SOURCE = new URL('../../test/source/register.mjs', import.meta.url).href
const hasScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') ?? false
describe.skipIf(!hasScript)('on a terminal (needs script of util-linux)', () => {
  const program = `
    import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)}
    const log = await createLog('info')
    log.info({ service: 'users', url: 'http://127.0.0.1:3000' }, 'hello')
    process.exit(0)`

  function onTerminal(env: Record<string, string>): string {
    const node = [process.execPath, '--import', SOURCE, '--input-type=module', '-e', '"$PROGRAM"']
    const options = { env: { PATH: process.env.PATH, PROGRAM: program, ...env }, encoding: 'utf8' } as const
    return execFileSync('script', ['-qec', node.join(' '), '/dev/null'], options)
  }

  test('lines are for people, coloured, and none is lost at exit', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with one
    expect(onTerminal({})).toMatch(/^\[[\d:.]+\] \x1b\[32mINFO\x1b\[39m: .*hello.*\{"service":"users"\}.*\r\n$/)
  })

  test('NO_COLOR: without colours', () => {
    expect(onTerminal({ NO_COLOR: '1' })).toMatch(/^\[[\d:.]+\] INFO: hello \{"service":"users"\}\r\n$/)
  })
})
