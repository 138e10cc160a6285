import { expect, test } from 'vitest'
import reference from '../../../system.ts'
import { readSettings } from '../../start/settings.ts'
import { contractsOf } from '../../start/system.ts'
import { addressRows } from './addresses.ts'

const rows = (env: Record<string, string>, parts: readonly string[], embeddedUrl?: string) =>
  addressRows(reference, readSettings(env, contractsOf(reference)), { url: 'http://0.0.0.0:3000', parts, embeddedUrl })

test('the addresses are those that can be opened: the gateway, each service by its paths, and its database', () => {
  const table = rows({}, [], 'postgres://postgres:secret@%2Ftmp%2Flintel:5432/postgres')
  expect(table.slice(0, 3)).toEqual([
    ['gateway', 'http://127.0.0.1:3000'],
    ['documents', 'http://127.0.0.1:3000/docs'],
    ['mails', 'http://127.0.0.1:3000/dev/mails'],
  ])
  const at = table.findIndex(([name]) => name === 'orders')
  expect(table[at]![1]).toMatch(/http:\/\/127\.0\.0\.1:3000\/products( |$)/)
  expect(table[at + 1]).toEqual(['', expect.stringMatching(/^postgres:\/\/lintel_orders:\S+@\S+\/lintel_orders$/)])
})

test('a part without the gateway has its door and its database; mails that are sent have no page', () => {
  const env = { DATABASE_URL: 'postgres://me@db/postgres', SMTP_URL: 'smtp://mail' }
  expect(rows(env, ['orders']).map(([name]) => name)).toEqual(['internal door', 'orders'])
  expect(rows(env, []).map(([name]) => name)).not.toContain('mails')
})
