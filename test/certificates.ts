import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'

const execute = promisify(execFile)

/** A certificate authority of one test file; paths of PEM files, which go with the file. */
export interface TestAuthority {
  readonly ca: string
  /** A certificate for a server of these names, such as `DNS:localhost` and `IP:127.0.0.1`, and its key. */
  issue(...names: string[]): Promise<{ readonly cert: string; readonly key: string }>
}

export async function testAuthority(): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-certificates-'))
  afterAll(() => rm(folder, { recursive: true }))
  const path = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execute('openssl', args, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=Test', '-days', '2')
  let issued = 0
  return {
    ca: path('ca.crt'),
    async issue(...names) {
      const number = issued++
      const own = (ending: string) => `${number}.${ending}`
      await openssl('req', ...newKey, '-keyout', own('key'), '-out', own('csr'), '-subj', '/CN=server')
      await writeFile(path(own('ext')), `subjectAltName=${names.join()}`)
      const from = ['-in', own('csr'), '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', own('ext')]
      await openssl('x509', '-req', ...from, '-out', own('crt'), '-days', '2')
      return { cert: path(own('crt')), key: path(own('key')) }
    },
  }
}
