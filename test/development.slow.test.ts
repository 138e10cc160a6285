import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test, vi } from 'vitest'
import { testSystem } from '../src/testing/system.ts'
import reference from '../system.ts'
import { launcher } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

// R-OPS-4: development has to be asked for.

const { launch, run, folder } = launcher()
const file = join(import.meta.dirname, '../system.ts')
const lintel = (...words: string[]) => ['--system', file, ...words]
const mails = async (url: string, headers: Record<string, string> = {}) =>
  (await fetch(`${url}/dev/mails`, { headers })).status

describe('FC-1 R-OPS-4: NODE_ENV', () => {
  test.each(['', 'prod'])('"%s" is production: no database of its own, no .env', async (NODE_ENV) => {
    const cwd = await folder()
    await writeFile(join(cwd, '.env'), 'NODE_ENV=development\nLOG_LEVEL=loud\n')
    const { code, stderr } = await run('lintel', { args: lintel('start'), cwd, env: { NODE_ENV } })
    expect([code, stderr]).toEqual([
      78,
      expect.stringMatching(
        /^lintel: DATABASE_URL is not set, and this is production: .*LINTEL_DATA_DIR.*lintel dev.*NODE_ENV=development \(NO_DATABASE\)\n$/,
      ),
    ])
    expect(existsSync(join(cwd, '.lintel'))).toBe(false)
  })

  test('misspelt, it opens nothing: no mail is caught, no metrics are public, and a line says so', async () => {
    const env = { NODE_ENV: 'prod', LINTEL_DATA_DIR: await folder() }
    const system = launch('npm', { env })
    const url = await system.url()
    expect(await mails(url)).toBe(404)
    for (const path of ['/', '/dev']) expect([path, (await fetch(url + path)).status]).toEqual([path, 404])
    expect((await fetch(`${url}/docs`)).status).toBe(200)
    const metrics = await fetch(`${url}/metrics`)
    expect([metrics.status, metrics.headers.get('strict-transport-security')]).toEqual([404, expect.any(String)])
    const { stdout } = await ended(system)
    expect(stdout).toContain('NODE_ENV is \\"prod\\": anything but')
    expect(stdout).toContain('SMTP_URL is not set')
  })

  test('lintel dev is development, whether or not a test runner calls it `test`; with NODE_ENV=production it is refused', async () => {
    const cwd = await folder()
    await writeFile(join(cwd, '.env'), 'LOG_LEVEL=loud\n')
    const dev = (NODE_ENV: string) => run('lintel', { args: lintel('dev'), cwd, env: { NODE_ENV } })
    for (const unset of ['', 'test']) expect((await dev(unset)).stderr).toMatch(/^lintel: LOG_LEVEL is "loud"/)
    expect(await dev('production')).toMatchObject({
      code: 78,
      stderr:
        'lintel: NODE_ENV is "production", and `lintel dev` is for development: run `lintel start`, or unset NODE_ENV (WRONG_SETTING)\n',
    })
  })

  test('lintel gateway reads .env in development alone', async () => {
    const cwd = await folder()
    await writeFile(join(cwd, '.env'), 'LOG_LEVEL=loud\n')
    const args = ['gateway', '--upstream', 'shop=http://127.0.0.1:1', '--routes', 'none.json']
    const gateway = async (NODE_ENV: string) => (await run('lintel', { args, cwd, env: { NODE_ENV } })).stderr
    expect(await gateway('development')).toMatch(/LOG_LEVEL is "loud"/)
    for (const other of ['', 'dev']) expect(await gateway(other)).toMatch(/none\.json cannot be read/)
  })

  test('a command beside a system reads .env where neither NODE_ENV nor a database is named', async () => {
    const cwd = await folder()
    await writeFile(join(cwd, '.env'), 'LOG_LEVEL=loud\n')
    const env = { NODE_ENV: '', LINTEL_DATA_DIR: cwd, SHUTDOWN_TIMEOUT: 'wrong' }
    const stderr = async (more: Record<string, string>) =>
      (await run('lintel', { args: lintel('keys', 'rotate'), cwd, env: { ...env, ...more } })).stderr
    expect(await stderr({})).toContain('LOG_LEVEL is "loud"')
    expect(await stderr({ USERS_DATABASE_URL: 'postgresql://127.0.0.1:1/users' })).not.toContain('LOG_LEVEL')
  })

  test('lintel/testing is in development, whatever NODE_ENV says', async () => {
    expect(process.env.NODE_ENV).toBe('test')
    const running = await testSystem(reference, inject('databaseServer'))
    expect(await mails(running.url)).toBe(200)
    await running.stop()
  })
})

describe('FC-90 R-OPS-4: npm start without NODE_ENV is development', () => {
  test('its mails are shown to this machine alone; a HOST that others can reach is warned of', async () => {
    const system = launch('npm', { env: { LINTEL_DATA_DIR: await folder(), HOST: '0.0.0.0' } })
    const { port } = new URL(await system.url())
    const url = `http://localhost:${port}`
    expect(await mails(url)).toBe(200)
    expect(await mails(`${url}/api`)).toBe(200)
    for (const headers of [{ 'x-forwarded-for': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }, { via: '1.1 proxy' }])
      expect([headers, await mails(url, headers)]).toEqual([headers, 404])
    expect(await mails(`http://0.0.0.0:${port}`)).toBe(404)
    const { stdout } = await ended(system)
    expect(stdout).toContain('this is development, and HOST is 0.0.0.0: other machines can reach it')
  })
})

async function ended(system: ReturnType<typeof launch>) {
  system.child.kill('SIGINT')
  const outcome = await system.ended
  expect(outcome.code).toBe(0)
  return outcome
}
