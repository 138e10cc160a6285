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
  write(await createLog(level, openSync(path, 'w')))
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

test('R-OPS-3: secrets are masked, three levels deep', async () => {
  const secrets = { password: 'hunter22', authorization: 'Bearer hunter22', cookie: 'hunter22' }
  const text = await logged('info', (log) =>
    log.info({ ...secrets, body: secrets, req: { headers: secrets } }, 'hello'),
  )
  expect(text).not.toContain('hunter22')
  expect(text.match(/\[masked\]/g)).toHaveLength(9)
})

const hasScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') ?? false
describe.skipIf(!hasScript)('on a terminal (needs script of util-linux)', () => {
  const program = `
    import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)}
    const log = await createLog('info')
    log.info({ service: 'users', url: 'http://127.0.0.1:3000' }, 'hello')
    process.exit(0)`

  function onTerminal(env: Record<string, string>): string {
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module', '-e', '"$PROGRAM"']
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
