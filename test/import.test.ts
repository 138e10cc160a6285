import { expect, test, vi } from 'vitest'
import { freePort } from '../src/testing/free-port.ts'
import { bodyOf, launcher, logIn, until } from './system-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const { launch, run, folder } = launcher()
const ADMIN = { LINTEL_ADMIN_EMAIL: 'admin@example.com', LINTEL_ADMIN_PASSWORD: 'correct horse battery staple' }

const WHOLE = [
  '                  expected         found',
  'users                   91            91',
  'products                77            77',
  'orders                 830           830',
  'order lines          2,155         2,155',
  'total in USD  1,265,793.29  1,265,793.29',
  'All of Northwind is there.',
].join('\n')

async function settings() {
  const env = { ...ADMIN, LINTEL_DATA_DIR: await folder(), PORT: String(await freePort()), RATE_LIMIT_MAX: '1000000' }
  return { env, url: `http://127.0.0.1:${env.PORT}` }
}

test('Northwind goes in through the public API, is read back equal to the cent, and a second run adds nothing', async () => {
  const { env } = await settings()
  await launch('npm', { env }).url()
  expect(await run('import', { env })).toMatchObject({
    code: 0,
    stdout: WHOLE,
    stderr: expect.stringMatching(/orders +830 of 830\n/),
  })
  expect(await run('import', { env })).toMatchObject({
    code: 0,
    stdout: WHOLE,
    stderr: expect.stringMatching(/orders +830 of 830, all from before\n/),
  })
})

test('kill -9 of the system in the middle, and a restart: the import goes on, and every figure is the same', async () => {
  const { env, url } = await settings()
  const first = launch('lintel', { args: ['start'], env })
  await first.url()
  const importing = launch('import', { env })
  const headers = await logIn(url, ADMIN.LINTEL_ADMIN_EMAIL, ADMIN.LINTEL_ADMIN_PASSWORD)
  await until(async () => {
    const { pagination } = await bodyOf(await fetch(`${url}/orders?limit=1&count=exact`, { headers }))
    return pagination.total > 200
  })
  first.child.kill('SIGKILL')
  await first.ended
  await launch('lintel', { args: ['start'], env }).url()
  expect(await importing.ended).toMatchObject({
    code: 0,
    stdout: WHOLE,
    stderr: expect.stringContaining('The system answers again.'),
  })
})
