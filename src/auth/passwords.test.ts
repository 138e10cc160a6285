import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Deadline } from '../resilience/deadline.ts'
import { createPasswords, hashPassword, passwordFault, passwordLoad, verifyPassword } from './passwords.ts'

const TOO_SHORT = 'must have at least 8 characters'
const TOO_LONG = 'must have at most 128 characters'

describe('what may be chosen', () => {
  test('R-AUTH-5: 8 to 128 characters of any kind, counted as code points', () => {
    expect(passwordFault('x7#kQ9!')).toBe(TOO_SHORT)
    expect(passwordFault('x7#kQ9!m')).toBeUndefined()
    expect(passwordFault('        ')).toBeUndefined()
    expect(passwordFault('пароль-на-завтра')).toBeUndefined()
    expect(passwordFault('🔑'.repeat(7))).toBe(TOO_SHORT)
    expect(passwordFault('🔑'.repeat(8))).toBeUndefined()
    expect(passwordFault('🔑'.repeat(128))).toBeUndefined()
    expect(passwordFault('🔑'.repeat(129))).toBe(TOO_LONG)
    expect(passwordFault('x'.repeat(128))).toBeUndefined()
    expect(passwordFault('x'.repeat(129))).toBe(TOO_LONG)
    expect(passwordFault('x'.repeat(10_000_000))).toBe(TOO_LONG)
  })

  test('R-AUTH-5: characters are counted after NFC, however they were typed', () => {
    const decomposed = 'e\u0301'
    expect(passwordFault(decomposed.repeat(7))).toBe(TOO_SHORT)
    expect(passwordFault(decomposed.repeat(8))).toBeUndefined()
    expect(passwordFault(decomposed.repeat(128))).toBeUndefined()
    expect(passwordFault(decomposed.repeat(129))).toBe(TOO_LONG)
  })

  test('R-AUTH-5: the commonest are refused in any case, with the reason', () => {
    const reason = 'is too common a password; choose another'
    const common = [
      'password',
      'Password1',
      'PASSWORD123',
      '12345678',
      'qwertyuiop',
      'iloveyou',
      'trustno1',
      'P@ssw0rd',
    ]
    const patterns = ['88888888', '00000000', '87654321', '123123123', 'Admin@123', 'contrasen\u0303a']
    for (const plain of [...common, ...patterns]) expect(passwordFault(plain), plain).toBe(reason)
    for (const plain of ['correct horse battery staple', 'Sup3r-Secret-Pw', 'password of mine']) {
      expect(passwordFault(plain), plain).toBeUndefined()
    }
  })

  test('R-AUTH-5: half a surrogate pair is refused, for in UTF-8 it would be the same as any other', () => {
    expect(passwordFault('\ud800'.repeat(8))).toBe('must be well-formed Unicode text')
  })
})

describe('what is stored', () => {
  test('R-AUTH-5: argon2id with 19 MiB, two passes, one lane, and a salt of its own', async () => {
    const [one, other] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(one).toHaveLength(97)
    expect(one).not.toBe(other)
  })

  test('R-AUTH-5: none is cut: the last of 128 characters counts', async () => {
    const plain = '🔑'.repeat(127)
    const hash = await hashPassword(`${plain}a`)
    expect(await verifyPassword(hash, `${plain}a`)).toBe(true)
    expect(await verifyPassword(hash, `${plain}b`)).toBe(false)
    expect(await verifyPassword(hash, plain)).toBe(false)
  })

  test('R-AUTH-5: composed and decomposed are one password, at rest and at login', async () => {
    const composed = 'Škoda-café-naïve'.normalize('NFC')
    const decomposed = composed.normalize('NFD')
    expect(decomposed).not.toBe(composed)
    expect(await verifyPassword(await hashPassword(composed), decomposed)).toBe(true)
    expect(await verifyPassword(await hashPassword(decomposed), composed)).toBe(true)
  })

  test('R-AUTH-5: whatever may be chosen is verified, and nothing else in its place', async () => {
    const chosen = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 60 }).filter((text) => !passwordFault(text))
    await fc.assert(
      fc.asyncProperty(chosen, chosen, async (plain, other) => {
        const hash = await hashPassword(plain)
        expect(await verifyPassword(hash, plain)).toBe(true)
        expect(await verifyPassword(hash, other)).toBe(other.normalize('NFC') === plain.normalize('NFC'))
      }),
      { numRuns: 8 },
    )
  })
})

describe('what verifying costs', () => {
  test('R-AUTH-1: for an unknown address the same hash is computed, and the answer is no', async () => {
    const passwords = createPasswords({ parallel: 1, waiting: 0 })
    const answer = passwords.verify(undefined, 'whatever it is')
    expect(passwords.load()).toEqual({ running: 1, waiting: 0 })
    expect(await answer).toBe(false)
    expect(await verifyPassword(undefined, '')).toBe(false)
  })

  test('R-AUTH-1: what is too long for a password is refused like any wrong one', async () => {
    const hash = await hashPassword('correct horse')
    expect(await verifyPassword(hash, 'x'.repeat(1_000_000))).toBe(false)
  })

  test('R-AUTH-5: the event loop turns while a hash is computed', async () => {
    let done = false
    let turns = 0
    const hashing = hashPassword('correct horse').then(() => {
      done = true
    })
    while (!done) {
      await nextTurn()
      turns += 1
    }
    await hashing
    expect(turns).toBeGreaterThan(5)
  })

  test('R-AUTH-5: hashing and verifying share one bound; beyond it the answer is SERVICE_UNAVAILABLE', async () => {
    const passwords = createPasswords({ parallel: 2, waiting: 3 })
    const works = [
      ...Array.from({ length: 3 }, () => passwords.hash('correct horse')),
      ...Array.from({ length: 2 }, () => passwords.verify(undefined, 'correct horse')),
    ]
    expect(passwords.load()).toEqual({ running: 2, waiting: 3 })
    await expect(passwords.hash('one too many')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(passwords.verify(undefined, 'one too many')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await Promise.all(works)
    expect(passwords.load()).toEqual({ running: 0, waiting: 0 })
  })

  test('R-P-7: what cannot be hashed within its deadline is SERVICE_UNAVAILABLE at once, and takes no place', async () => {
    const passwords = createPasswords({ parallel: 1, waiting: 10 })
    await passwords.hash('correct horse')
    const running = passwords.hash('correct horse')
    const late = passwords.verify(undefined, 'correct horse', { deadline: Deadline.after(1) })
    expect(passwords.load()).toEqual({ running: 1, waiting: 0 })
    await expect(late).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    const patient = passwords.verify(undefined, 'correct horse', { deadline: Deadline.after(60_000) })
    expect(passwords.load()).toEqual({ running: 1, waiting: 1 })
    await running
    expect(await patient).toBe(false)
  })

  test('R-AUTH-5: the process has a bound of its own', async () => {
    const works = Array.from({ length: 20 }, () => hashPassword('correct horse'))
    const { running, waiting } = passwordLoad()
    expect(running).toBeGreaterThanOrEqual(1)
    expect(running).toBeLessThan(20)
    expect(running + waiting).toBe(20)
    await Promise.all(works)
  })
})
