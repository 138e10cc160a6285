import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect, urlFor } from '../src/data/connection.ts'
import { findRunningPostgres } from '../src/embedded/running.ts'
import { launcher } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

// R-OPS-4: what is wrong at start is one clear message on stderr, an exit code, and no stack trace.

const { launch, run, folder } = launcher()
let dataDir: string
beforeAll(async () => {
  dataDir = await folder()
})

/** Starts what must not start. */
async function refusal(env: Record<string, string>, options: { cwd?: string; args?: string[] } = {}) {
  const begun = await run('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: dataDir, ...env }, ...options })
  expect(begun.stderr).not.toMatch(/\n\s+at /)
  return begun
}

describe('R-OPS-4: settings', () => {
  test('all that are wrong are named at once, secrets masked', async () => {
    const DATABASE_URL = 'mysql://root:hunter22@localhost/db'
    const { code, stdout, stderr } = await refusal({
      PORT: 'http',
      LOG_LEVEL: 'loud',
      START_TIMEOUT: '0',
      DATABASE_URL,
    })
    expect(code).toBe(78)
    expect(stdout).toBe('')
    expect(stderr.split('\n')).toEqual([
      'lintel: PORT is "http": give a whole number from 0 to 65535',
      expect.stringMatching(/^DATABASE_URL is "mysql:\/\/…" \(masked\): give a URL such as postgresql:\/\/.*encoded$/),
      'LOG_LEVEL is "loud": give one of trace, debug, info, warn, error, fatal, silent',
      'START_TIMEOUT is "0": give a whole number from 1 to 3600 (WRONG_SETTING)',
      '',
    ])
  })

  test('NAME_FILE gives a value; .env does in development, and never overrides', async () => {
    const cwd = await folder()
    const args = ['--system', join(import.meta.dirname, '../system.ts'), 'start']
    await writeFile(join(cwd, '.env'), 'PORT=http\nLOG_LEVEL=loud\nSTART_TIMEOUT_FILE=timeout\n')
    await writeFile(join(cwd, 'timeout'), 'long\n')
    expect(await refusal({ PORT: '0' }, { cwd, args })).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/^lintel: LOG_LEVEL is "loud": .*\nSTART_TIMEOUT is "long": .*\n$/),
    })
    const inProduction = await refusal({ NODE_ENV: 'production', SHUTDOWN_TIMEOUT: 'never' }, { cwd, args })
    expect(inProduction.stderr).toMatch(/^lintel: SHUTDOWN_TIMEOUT is "never": .*\n$/)
  })

  test('R-AUTH-7: of the first admin', async () => {
    const { code, stdout, stderr } = await refusal({
      LINTEL_ADMIN_EMAIL: 'ann@example.com',
      LINTEL_ADMIN_PASSWORD: 'hunter2',
    })
    expect(code).toBe(78)
    expect(stderr).toBe(
      'lintel: LINTEL_ADMIN_PASSWORD is "…" (masked): it must have at least 8 characters (WRONG_SETTING)\n',
    )
    expect(stdout).not.toContain('hunter2')
  })
})

describe('R-OPS-4: the port', () => {
  const taken = createServer()
  beforeAll(() => new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve)))
  afterAll(() => taken.close())

  test('that another process has', async () => {
    const { port } = taken.address() as { port: number }
    const { code, stderr } = await refusal({ PORT: String(port) })
    expect(code).toBe(1)
    expect(stderr).toBe(
      `lintel: Port ${port} is taken by another process. Stop that one, or set PORT to a free port (PORT_TAKEN)\n`,
    )
  })
})

describe('R-OPS-4: the data folder', () => {
  test('that another start uses: that one is named; commands work beside it, on its server', async () => {
    const env = { LINTEL_DATA_DIR: dataDir }
    const first = launch('npm', { env })
    const url = await first.url()
    const { code, stderr } = await refusal({})
    expect(code).toBe(78)
    const [, holder] =
      /The data folder \S+ is in use by process (\d+)\. Stop that process .* \(DATA_DIR_IN_USE\)\n$/.exec(stderr)!

    const create = ['users', 'create', '--email', 'ann@example.com', '--name', 'Ann']
    expect(await run('lintel', { args: create, env, input: 'correct horse battery staple\n' })).toMatchObject({
      code: 0,
      stdout: 'ann@example.com is a user now',
    })
    const users = await connect(urlFor((await findRunningPostgres(dataDir))!, 'lintel_users'))
    await users.query(`update users set deleted_at = now() - interval '31 days'`)
    await users.end()
    expect(await run('lintel', { args: ['purge', '--older-than', '30d'], env })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^users\.users: 1 removed\n(orders\.\w+: 0 removed\n?)+$/),
      stderr: '',
    })
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)

    process.kill(Number(holder), 'SIGINT')
    expect((await first.ended).code).toBe(0)
  })

  test('that can not be made or written: a message that names LINTEL_DATA_DIR, at once', async () => {
    const readOnly = await folder()
    await chmod(readOnly, 0o555)
    // Root may write everywhere but here.
    const LINTEL_DATA_DIR = process.getuid?.() === 0 ? '/sys/lintel' : join(readOnly, 'data')
    const file = join(await folder(), 'file')
    await writeFile(file, '')
    // Of /proc, Node's own `mkdir` with `recursive` makes an endless loop.
    for (const dataDir of [
      LINTEL_DATA_DIR,
      file,
      join(file, 'data'),
      ...(existsSync('/proc/1') ? ['/proc/lintel'] : []),
    ]) {
      const { code, stderr } = await refusal({ LINTEL_DATA_DIR: dataDir })
      expect(stderr).toMatch(
        /^lintel: The data folder \S+ can't be written: E.*LINTEL_DATA_DIR.*\(DATA_DIR_UNWRITABLE\)\n$/,
      )
      expect(code).toBe(78)
    }
  })
})
