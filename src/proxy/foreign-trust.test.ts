import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, expect, test } from 'vitest'
import { trustForeignTokens } from './foreign-trust.ts'

const PARTIES = {
  issuer: 'https://login.example.com/',
  audience: 'shop',
  roles: { claim: 'roles', scopes: true, as: undefined },
  named: '--jwks',
}

const open: (() => Promise<unknown>)[] = []
let logged: string[] = []

afterEach(async () => {
  for (const close of open.splice(0)) await close()
  logged = []
})

const warn = (error: unknown, message: string) => void logged.push(`${message}: ${(error as Error)?.message}`)

/** An issuer whose key set is whatever it is told to answer. */
async function issuer(answer: (res: ServerResponse) => void): Promise<string> {
  const server = createServer((_req, res) => answer(res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
}

/** Sends one piece again and again, as long as somebody reads. */
function endlessly(res: ServerResponse, piece: Buffer): void {
  const more = () => {
    while (!res.destroyed && res.write(piece));
  }
  res.on('drain', more)
  more()
}

const MIB = Buffer.alloc(1024 * 1024, ' ')

test.each<[string, (res: ServerResponse) => void]>([
  ['that never ends', (res) => endlessly(res, MIB)],
  ['that is a gzip bomb', (res) => endlessly(res.writeHead(200, { 'content-encoding': 'gzip' }), gzipSync(MIB))],
  ['that says it is larger than the bound', (res) => endlessly(res.writeHead(200, { 'content-length': 1e12 }), MIB)],
])('FC-100: a key set %s is given up, and its connection with it', async (_, answer) => {
  const cut = new Promise<ServerResponse>((resolve) => {
    void issuer((res) => {
      res.on('close', () => resolve(res))
      answer(res)
    }).then((jwks) => trustForeignTokens({ ...PARTIES, jwks }, warn))
  })
  expect((await cut).writableEnded).toBe(false)
  expect(logged).toEqual([expect.stringMatching(/no keys at .*: it is longer than 1048576 bytes$/)])
})

test('FC-100: nor is a file of keys read beyond the bound', async () => {
  await expect(trustForeignTokens({ ...PARTIES, jwks: '/dev/zero' }, warn)).rejects.toMatchObject({
    code: 'WRONG_ARGUMENT',
    message: expect.stringContaining('it is longer than 1048576 bytes'),
  })
})

test('FC-32, FC-103: keys that are passed over are logged by name, and why tokens are refused once a minute', async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const good = { ...(await exportJWK(publicKey)), kid: 'good' }
  const folder = await mkdtemp(join(tmpdir(), 'lintel-keys-'))
  open.push(() => rm(folder, { recursive: true }))
  const jwks = join(folder, 'jwks.json')
  await writeFile(jwks, JSON.stringify({ keys: [{ ...good, n: undefined, kid: 'bad' }, good] }))
  const verifier = await trustForeignTokens({ ...PARTIES, jwks }, warn)
  expect(logged).toEqual([expect.stringMatching(/^the key "bad" of .* cannot be used and is ignored: /)])

  const sign = (exp: number) =>
    new SignJWT({ sub: 'u1', iss: PARTIES.issuer, aud: PARTIES.audience, iat: Math.floor(Date.now() / 1000), exp })
      .setProtectedHeader({ alg: 'RS256', kid: 'good' })
      .sign(privateKey)
  const inMs = Date.now() + 60_000
  for (let i = 0; i < 3; i++)
    await expect(verifier.verify(await sign(inMs + i))).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  expect(logged.slice(1)).toEqual([expect.stringContaining('may have been given in milliseconds')])
  expect(await verifier.verify(await sign(Math.floor(inMs / 1000)))).toMatchObject({ id: 'u1' })
})
