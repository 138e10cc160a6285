import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, expectTypeOf, test } from 'vitest'
import { shownSettings } from '../src/cli/config.ts'
import { operation, service, t } from '../src/contract/index.ts'
import type { Unit } from '../src/service/handler.ts'
import { implement } from '../src/service/implement.ts'
import { system } from '../src/start/define-system.ts'
import { readSettings } from '../src/start/settings.ts'
import { smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const shop = service('shop', {
  operations: {
    tell: operation({ method: 'GET', path: '/tellings', access: 'public', answer: { text: t.text() } }),
  },
  settings: {
    SHOP_TOKEN: t.text({ min: 8 }).hidden().describe('Of the payment provider.'),
    SHOP_LIMIT: t.integer({ min: 1, max: 99 }).default(7),
    SHOP_RATE: t.decimal({ scale: 2, min: 0, max: 1 }).default(0.5),
    SHOP_MODE: t.oneOf('open', 'closed').optional(),
    SHOP_LOUD: t.boolean().default(false),
    SHOP_SENDER: t.email().optional(),
  },
})
const SQL = 'create table shelves (id integer)'
const handlers = {
  tell: async (_: unknown, { settings }: Unit<typeof shop>) => ({ text: JSON.stringify(settings) }),
}

test('R-OPS-4: a handler has the settings that its contract declares, with their defaults, also from a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-token-'))
  await writeFile(join(folder, 'token'), 'a long secret\n')
  const env = { SHOP_TOKEN_FILE: join(folder, 'token'), SHOP_LIMIT: '12', SHOP_LOUD: 'true', SHOP_SENDER: 'Ann@B.COM' }
  const running = await smallSystem(shop, handlers, SQL, env)
  try {
    const { body } = await send(running.url, 'GET', '/tellings')
    expect(JSON.parse(body.text)).toEqual({
      SHOP_TOKEN: 'a long secret',
      SHOP_LIMIT: 12,
      SHOP_RATE: 0.5,
      SHOP_MODE: null,
      SHOP_LOUD: true,
      SHOP_SENDER: 'Ann@B.COM',
    })
  } finally {
    await running.stop()
    await rm(folder, { recursive: true })
  }
  expectTypeOf<Unit<typeof shop>['settings']>().toEqualTypeOf<{
    readonly SHOP_TOKEN: string
    readonly SHOP_LIMIT: number
    readonly SHOP_RATE: number
    readonly SHOP_MODE: 'open' | 'closed' | null
    readonly SHOP_LOUD: boolean
    readonly SHOP_SENDER: string | null
  }>()
})

test('R-OPS-4: one that is needed and not set stops the start, and names itself and what to give', async () => {
  await expect(smallSystem(shop, handlers, SQL)).rejects.toMatchObject({
    code: 'WRONG_SETTING',
    message: 'SHOP_TOKEN is not set, and the shop service needs it: give a text of 8 to 10000 characters',
  })
})

test('R-OPS-4: every wrong value is named, with what was expected; of a hidden one nothing is shown', () => {
  const env = { SHOP_TOKEN: 'hunter2', SHOP_LIMIT: '100', SHOP_RATE: '0.555', SHOP_MODE: 'shut', SHOP_LOUD: 'yes' }
  expect(() => readSettings({ ...env, SHOP_SENDER: 'ann' }, [shop])).toThrow(
    [
      'SHOP_TOKEN is "…" (masked): give a text of 8 to 10000 characters',
      'SHOP_LIMIT is "100": give a whole number from 1 to 99',
      'SHOP_RATE is "0.555": give a number from 0 to 1, with at most 2 decimals',
      'SHOP_MODE is "shut": give one of open, closed',
      'SHOP_LOUD is "yes": give true or false',
      'SHOP_SENDER is "ann": give an email address',
    ].join('\n'),
  )
  expect(readSettings({ SHOP_LIMITS: '4' }, [shop]).warnings).toEqual([
    'SHOP_LIMITS is not a setting: did you mean SHOP_LIMIT?',
  ])
})

test('`lintel config` shows them, and no secret', () => {
  const shown = shownSettings({ SHOP_TOKEN: 'hunter2hunter2' }, [shop], new Set(['SHOP_TOKEN']))
  const of = (name: string) => shown.find((one) => one.name === name)
  expect(of('SHOP_TOKEN')).toMatchObject({ value: '***', source: 'environment', about: 'Of the payment provider.' })
  expect(of('SHOP_LIMIT')).toMatchObject({ value: '7', source: 'default', about: 'Of the shop service.' })
  expect(of('SHOP_MODE')).toMatchObject({ value: null, unset: 'none' })
})

type Loose = Readonly<Record<string, unknown>>
test.each<[string, Loose, string]>([
  ['a name in camelCase', { shopToken: t.text() }, 'R-OPS-4 settings.shopToken: is not a name for the environment'],
  ['a name with _FILE', { SHOP_KEY_FILE: t.text() }, 'R-OPS-4 settings.SHOP_KEY_FILE: ends with _FILE'],
  ['a list', { SHOP_NAMES: t.list(t.text()) }, 'R-OPS-4 settings.SHOP_NAMES: is list'],
  ['a mark of requests', { SHOP_KEY: t.text().inputOnly() }, 'R-OPS-4 settings.SHOP_KEY: is inputOnly'],
  ['a secret with a default', { SHOP_KEY: t.text().hidden().default('x') }, 'SHOP_KEY: is hidden and has a default'],
  ['null', { SHOP_KEY: t.text().nullable() }, 'R-OPS-4 settings.SHOP_KEY: is nullable'],
  ['a wrong default', { SHOP_LIMIT: t.integer({ max: 3 }).default(4) }, 'has a default that fails its own check'],
])('R-P-6: %s is a Fault at definition', (_, settings, message) => {
  expect(() => service('shop', { settings } as never)).toThrow(message)
})

test('R-P-6: a setting means one thing in a system', () => {
  const migrations = new URL('file:///nowhere/')
  const one = (name: string, setting: string) =>
    implement(service(name, { settings: { [setting]: t.text().optional() } }), {}, { migrations })
  expect(() => system({ services: [one('shop', 'LOG_LEVEL')] })).toThrow(
    '"shop" declares the setting LOG_LEVEL, which the system has: rename it',
  )
  expect(() => system({ services: [one('shop', 'SHOP_URL')] })).toThrow('SHOP_URL, which the system has')
  expect(() => system({ services: [one('shop', 'THE_KEY'), one('store', 'THE_KEY')] })).toThrow(
    '"store" declares the setting THE_KEY, which "shop" has',
  )
})
