import { readFile, rename, writeFile } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { testAuthority } from '../../test/certificates.ts'
import type { TlsIdentity } from '../http/server.ts'
import { createLog } from '../observe/log.ts'
import { renewIdentity } from './door-identity.ts'
import { readSettings } from './settings.ts'

const authority = await testAuthority()
const [first, second] = [await authority.issue('DNS:localhost'), await authority.issue('DNS:localhost')]
const text = (path: string) => readFile(path, 'utf8')
const files = { LINTEL_DOOR_CERT_FILE: first.cert, LINTEL_DOOR_KEY_FILE: first.key }

test('R-OPS-4: certificate and key of the door are read together, from files or the environment, and neither goes without the other', async () => {
  const fault = (env: Record<string, string>) => () => readSettings(env, [])
  expect(readSettings({}, []).doorIdentity).toBeUndefined()
  expect(readSettings(files, []).doorIdentity).toMatchObject({ certFile: first.cert, keyFile: first.key })
  const inline = { LINTEL_DOOR_CERT: await text(first.cert), LINTEL_DOOR_KEY: await text(first.key) }
  expect(readSettings(inline, []).doorIdentity).toMatchObject({ certFile: undefined, key: inline.LINTEL_DOOR_KEY })
  expect(fault({ LINTEL_DOOR_CERT_FILE: first.cert })).toThrow(
    'LINTEL_DOOR_CERT is set without LINTEL_DOOR_KEY: give both',
  )
  expect(fault({ LINTEL_DOOR_KEY_FILE: first.key })).toThrow(
    'LINTEL_DOOR_KEY is set without LINTEL_DOOR_CERT: give both',
  )
  expect(fault({ ...files, LINTEL_DOOR_KEY_FILE: second.key })).toThrow(
    'LINTEL_DOOR_KEY is not the key of LINTEL_DOOR_CERT',
  )
  expect(fault({ ...files, LINTEL_DOOR_CERT_FILE: first.key })).toThrow(
    /^LINTEL_DOOR_CERT is "…" \(no certificate in PEM\): give a certificate in PEM$/,
  )
  expect(fault({ ...files, LINTEL_DOOR_KEY_FILE: '', LINTEL_DOOR_KEY: 'hunter22' })).toThrow(
    /^LINTEL_DOOR_KEY is "…" \(masked\): give a private key in PEM, without a passphrase$/,
  )
})

test('a door shows renewed files when both are there, and keeps the old ones while they do not go together', async () => {
  const log = await createLog('silent')
  const warned = vi.fn()
  log.warn = warned
  const shown: TlsIdentity[] = []
  const renewal = renewIdentity({ renew: (one) => shown.push(one) }, readSettings(files, []).doorIdentity!, log, 20)
  onTestFinished(() => renewal.stop())
  const [cert, key] = [await text(second.cert), await text(second.key)]
  const replace = async (path: string, content: string) => {
    await writeFile(`${path}.new`, content)
    await rename(`${path}.new`, path)
  }
  await replace(first.cert, cert)
  await expect.poll(() => warned.mock.calls.length).toBeGreaterThan(0)
  expect(warned.mock.calls[0]).toEqual([
    { err: expect.objectContaining({ message: 'LINTEL_DOOR_KEY is not the key of LINTEL_DOOR_CERT' }) },
    'the internal door keeps its certificate: the files of the new one cannot be used',
  ])
  expect(shown).toEqual([])
  await replace(first.key, key)
  await expect.poll(() => shown.length).toBe(1)
  expect(shown).toEqual([{ cert: cert.trimEnd(), key: key.trimEnd() }])
})
