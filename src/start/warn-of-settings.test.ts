import { expect, test } from 'vitest'
import { testAuthority } from '../../test/certificates.ts'
import { createLog } from '../observe/log.ts'
import { openable } from './listening.ts'
import { readSettings } from './settings.ts'
import { checkDoor } from './warn-of-settings.ts'

const { cert, key } = await (await testAuthority()).issue('DNS:localhost')

async function warningsOf(env: Record<string, string>): Promise<string[]> {
  const told: string[] = []
  const log = await createLog('silent')
  log.warn = (line: unknown) => void told.push(String(line))
  checkDoor(readSettings(env, []), log)
  return told
}

test('R-GW-1: an internal door without TLS that other machines reach stops a start in production, unless the network protects it; in development it is warned of', async () => {
  for (const HOST of ['0.0.0.0', '::', '10.0.0.7', 'users.internal']) {
    const naming = expect.stringContaining(`HOST is ${HOST}: `)
    expect(await warningsOf({ HOST, NODE_ENV: 'development' })).toEqual([naming])
    await expect(warningsOf({ HOST })).rejects.toMatchObject({ code: 'WRONG_SETTING', message: naming })
    expect(await warningsOf({ HOST, LINTEL_DOOR_PLAIN: 'true' })).toEqual([])
    expect(await warningsOf({ HOST, LINTEL_DOOR_CERT_FILE: cert, LINTEL_DOOR_KEY_FILE: key })).toEqual([])
  }
  for (const HOST of ['127.0.0.1', '::1', 'localhost', 'LOCALHOST', '127.9.9.9'])
    expect(await warningsOf({ HOST, NODE_ENV: 'production' })).toEqual([])
  expect(await warningsOf({})).toEqual([])
})

test('R-GW-1: a door that takes calls with and without TLS is warned of, and needs a certificate', async () => {
  const both = { LINTEL_DOOR_PLAIN: 'both', NODE_ENV: 'production', HOST: '0.0.0.0' }
  expect(await warningsOf({ ...both, LINTEL_DOOR_CERT_FILE: cert, LINTEL_DOOR_KEY_FILE: key })).toEqual([
    expect.stringMatching(/^LINTEL_DOOR_PLAIN is both: .* Unset it once all callers use https:\/\/$/),
  ])
  await expect(warningsOf(both)).rejects.toMatchObject({
    code: 'WRONG_SETTING',
    message: 'LINTEL_DOOR_PLAIN is "both", and there is no TLS: give LINTEL_DOOR_CERT and LINTEL_DOOR_KEY',
  })
})

test('an address that stands for all of a machine is shown as one that can be opened', () => {
  expect(openable('http://0.0.0.0:3000')).toBe('http://127.0.0.1:3000')
  expect(openable('http://[::]:3000')).toBe('http://[::1]:3000')
  for (const url of ['http://127.0.0.1:3000', 'http://[::1]:3000', 'http://10.0.0.0:3000'])
    expect(openable(url)).toBe(url)
})
