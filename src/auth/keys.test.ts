import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { generateSigningKey, jwks, signingKeyAt } from './keys.ts'

test('R-AUTH-2: a signing key is plain data: it survives JSON, and says when it was made', async () => {
  const key = await generateSigningKey({ nowMs: Date.UTC(2026, 10, 1) })
  expect(JSON.parse(JSON.stringify(key))).toEqual(key)
  expect(key).toMatchObject({ alg: 'ES256', createdAt: '2026-11-01T00:00:00.000Z' })
  expect(key.publicJwk.kid).toBe(key.kid)
  const { d, ...rest } = key.privateJwk
  expect(d).toMatch(/^[\w-]{43}$/)
  expect(rest).toEqual(key.publicJwk)
  expect(createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' }).asymmetricKeyType).toBe('ec')
})

test('R-AUTH-2: two keys never share a kid', async () => {
  const [one, other] = await Promise.all([generateSigningKey(), generateSigningKey()])
  expect(one.kid).toMatch(/^[\w-]{43}$/)
  expect(one.kid).not.toBe(other.kid)
})

test('R-AUTH-2: the public document shows no private member, even if one was stored as public', async () => {
  const [one, careless] = await Promise.all([generateSigningKey(), generateSigningKey()])
  const document = jwks([one, { publicJwk: careless.privateJwk }])
  expect(document.keys).toEqual([one.publicJwk, careless.publicJwk])
  expect(JSON.stringify(document)).not.toContain(careless.privateJwk.d)
  for (const key of document.keys)
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

test('R-AUTH-2: a new key signs once every verifier may have loaded it, the former until then', async () => {
  const nowMs = Date.UTC(2026, 10, 1)
  const former = await generateSigningKey({ nowMs: nowMs - 86_400_000 })
  const fresh = await generateSigningKey({ nowMs })
  expect(signingKeyAt([former, fresh], nowMs + 9_999)).toBe(former)
  expect(signingKeyAt([former, fresh], nowMs + 10_000)).toBe(fresh)
  expect(signingKeyAt([fresh], nowMs)).toBe(fresh)
  expect(() => signingKeyAt([], nowMs)).toThrow('lintel keys rotate')
})
