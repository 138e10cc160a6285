import { beforeAll, expect, test } from 'vitest'
import { createKeySet, type KeySet } from './key-set.ts'
import { generateSigningKey, jwks, type SigningKey } from './keys.ts'
import { issueRefreshToken, readRefreshToken } from './refresh-tokens.ts'
import { createTokenVerifier, issueAccessToken } from './tokens.ts'

const NOW = Date.UTC(2026, 10, 1)
let key: SigningKey
let keys: KeySet

beforeAll(async () => {
  key = await generateSigningKey()
  keys = createKeySet(async () => jwks([key]))
})

test('R-AUTH-3: a refresh token says sub, jti and exp, and lives 30 days', async () => {
  const token = await issueRefreshToken(key, { sub: 'usr_1', jti: 'tok_1' }, { nowMs: NOW })
  const expiresAtMs = NOW + 30 * 86_400_000
  expect(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())).toEqual({
    sub: 'usr_1',
    jti: 'tok_1',
    exp: expiresAtMs / 1000,
  })
  expect(await readRefreshToken(token, { keys, nowMs: expiresAtMs - 1 })).toEqual({
    sub: 'usr_1',
    jti: 'tok_1',
    expiresAtMs,
  })
  await expect(readRefreshToken(token, { keys, nowMs: expiresAtMs })).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' })
})

test('R-AUTH-3: neither kind of token passes for the other', async () => {
  const refresh = await issueRefreshToken(key, { sub: 'usr_1', jti: 'tok_1' }, { nowMs: NOW })
  const access = await issueAccessToken(
    key,
    { sub: 'usr_1', email: 'ada@example.com', roles: [], sid: 'ses_1' },
    { issuer: 'lintel', audience: 'api', nowMs: NOW },
  )
  const verifier = createTokenVerifier({ keys, issuer: 'lintel', audience: 'api', now: () => NOW })
  await expect(verifier.verify(refresh)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  await expect(readRefreshToken(access, { keys, nowMs: NOW })).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  await expect(readRefreshToken('nonsense', { keys, nowMs: NOW })).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
})
