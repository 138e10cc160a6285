import { beforeEach, expect, test } from 'vitest'
import { createKeySet, type KeySet } from './key-set.ts'
import { generateSigningKey, jwks, type SigningKey } from './keys.ts'

let one: SigningKey
let other: SigningKey
let published: SigningKey[]
let loads: number
let nowMs: number
let broken: boolean
let keys: KeySet

beforeEach(async () => {
  one ??= await generateSigningKey()
  other ??= await generateSigningKey()
  published = [one]
  loads = 0
  nowMs = 1_000_000
  broken = false
  keys = createKeySet(
    async () => {
      loads += 1
      if (broken) throw new Error('connect ECONNREFUSED')
      return jwks(published)
    },
    { now: () => nowMs },
  )
})

test('R-AUTH-2: the set is loaded at first use, once for all who ask, and then answers at once', async () => {
  const found = await Promise.all(Array.from({ length: 50 }, () => keys.find(one.kid)))
  expect(new Set(found).size).toBe(1)
  expect(loads).toBe(1)
  expect(keys.find(one.kid)).toBe(found[0])
  expect(found[0]).toMatchObject({ type: 'public', extractable: false })
})

test('R-AUTH-2: unknown kids cause one load in 5 s, even 50 at once', async () => {
  await keys.find(one.kid)
  const askFifty = () => Promise.all(Array.from({ length: 50 }, (_, index) => keys.find(`unknown-${index}`)))
  nowMs += 4_999
  expect(new Set(await askFifty())).toEqual(new Set([undefined]))
  expect(loads).toBe(1)
  nowMs += 1
  expect(new Set(await askFifty())).toEqual(new Set([undefined]))
  expect(loads).toBe(2)
  expect(await keys.find('unknown')).toBeUndefined()
  expect(loads).toBe(2)
})

test('R-AUTH-2: a new key is found when its first token arrives, and the former stays', async () => {
  await keys.find(one.kid)
  const { generation } = keys
  published = [other, one]
  nowMs += 5_000
  expect(await keys.find(other.kid)).toBeDefined()
  expect(await keys.find(one.kid)).toBeDefined()
  expect(keys.generation).toBe(generation + 1)
})

test('the generation stays when a load brings the same keys, in whatever order', async () => {
  published = [one, other]
  await keys.refresh()
  const { generation } = keys
  published = [other, one]
  await keys.refresh()
  expect([loads, keys.generation]).toEqual([2, generation])
})

test('R-AUTH-4: a withdrawn key is forgotten once the set is 10 minutes old, without anybody waiting', async () => {
  published = [one, other]
  await keys.find(one.kid)
  published = [other]
  nowMs += 600_001
  expect(keys.find(one.kid)).toMatchObject({ type: 'public' })
  expect(loads).toBe(2)
  await keys.find('unknown') // joins the load under way
  expect(loads).toBe(2)
  expect(await keys.find(one.kid)).toBeUndefined()
})

test('refresh loads whatever the time, and after a load that was already under way', async () => {
  const first = keys.find(one.kid)
  published = [other]
  await keys.refresh()
  expect(loads).toBe(2)
  expect(await keys.find(other.kid)).toBeDefined()
  expect(await first).toBeDefined() // as it was published when that load began
  expect(await keys.find(one.kid)).toBeUndefined()
})

test('R-REST-4: keys that cannot be loaded are a 503, tried again after a second, not a refused token', async () => {
  broken = true
  await expect(keys.find(one.kid)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
  await expect(keys.find(one.kid)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(loads).toBe(1)
  broken = false
  nowMs += 1_000
  expect(await keys.find(one.kid)).toBeDefined()
})

test('known keys go on working while the set cannot be loaded', async () => {
  await keys.find(one.kid)
  broken = true
  nowMs += 5_000
  await expect(keys.find('unknown')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(keys.find(one.kid)).toMatchObject({ type: 'public' })
})

test('keys of other kinds in the document are passed over, and an answer with none of ours is no answer', async () => {
  const foreign = [
    { kty: 'oct', kid: 'secret', k: 'c2VjcmV0', alg: 'HS256' },
    { kty: 'OKP', crv: 'Ed25519', kid: 'ed', x: 'AAAA' },
    { ...other.publicJwk, kid: 'for-encryption', use: 'enc' },
    { ...other.publicJwk, kid: '' },
  ]
  const mixed = createKeySet(async () => ({ keys: [...foreign, one.publicJwk] }))
  expect(await mixed.find(one.kid)).toBeDefined()
  for (const { kid } of foreign) expect(await mixed.find(kid)).toBeUndefined()
  const empty = createKeySet(async () => ({ keys: foreign }))
  await expect(empty.find('ed')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})
