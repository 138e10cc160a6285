import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SERVICE_SETTINGS, SETTINGS } from '../start/settings-schema.ts'
import { shownSettings } from './config.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** What is shown of these variables, by name: value and source. */
function shownOf(env: Record<string, string>, services: string[] = [], before = Object.keys(env)) {
  const shown = shownSettings(env, services, new Set(before))
  return Object.fromEntries(shown.map(({ name, value, source }) => [name, [value, source]]))
}

test('R-OPS-4: every setting is shown, those of the services too, with its default where it is not set', () => {
  const shown = shownOf({}, ['users', 'my-shop'])
  const ofServices = ['USERS', 'MY_SHOP'].flatMap((one) =>
    Object.keys(SERVICE_SETTINGS).map((name) => `${one}_${name}`),
  )
  expect(Object.keys(shown)).toEqual([...Object.keys(SETTINGS), ...ofServices])
  for (const [value, source] of Object.values(shown)) expect([typeof value, source]).not.toEqual(['undefined', ''])
  expect(shown).toMatchObject({ PORT: ['3000', 'default'], DATABASE_URL: [null, 'default'] })
})

test('R-OPS-4: the source is the environment, .env, or the variable of the file', async () => {
  const file = join(folder, 'url')
  await writeFile(file, 'postgres://ann:hunter22@db/shop\n')
  const env = { PORT: '80', LOG_LEVEL: 'debug', DATABASE_URL_FILE: file, HOST: '' }
  expect(shownOf(env, [], ['PORT', 'DATABASE_URL_FILE', 'HOST'])).toMatchObject({
    PORT: ['80', 'environment'],
    LOG_LEVEL: ['debug', '.env'],
    DATABASE_URL: ['postgres://ann:***@db/shop', 'DATABASE_URL_FILE'],
    HOST: ['127.0.0.1', 'default'],
  })
})

test.each([
  ['LINTEL_INTERNAL_KEY', 'hunter22 and more of a secret than that', '***'],
  ['DATABASE_URL', 'postgres://ann:hunter22@db:5432/shop', 'postgres://ann:***@db:5432/shop'],
  ['DATABASE_URL', 'postgres://db/shop?user=ann&password=hunter22', 'postgres://db/shop?user=ann&password=***'],
  ['DATABASE_URL', 'postgres://ann:1/hunter22@db/shop', '***'],
  ['DATABASE_URL', 'mysql://ann:hunter22@db/shop', '"mysql://…" (masked)'],
  ['USERS_DATABASE_URL', 'postgres://ann:hunt@er22@db/shop', 'postgres://ann:***@db/shop'],
  ['NATS_URL', 'nats://hunter22@one:4222,nats://two', 'nats://***@one:4222,nats://two'],
  ['NATS_URL', 'tls://ann:hunter22@one,tls://ann:hunter22@two', 'tls://ann:***@one,tls://ann:***@two'],
  ['SMTP_URL', 'smtps://ann:hunter22@mail.example.com', 'smtps://ann:***@mail.example.com'],
  ['SMTP_URL', 'hunter22', '"…" (masked)'],
])('R-OPS-4: no secret is shown of %s=%s', (name, value, shown) => {
  expect(shownOf({ [name]: value }, ['users'])[name]).toEqual([shown, 'environment'])
})
