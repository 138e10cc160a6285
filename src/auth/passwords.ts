import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { handled } from '../base/handled.ts'
import { type BulkheadLoad, createBulkhead, type Until } from '../resilience/bulkhead.ts'
import { isCommonPassword } from './common-passwords.ts'

/**
 * Argon2id in PHC form, `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`: 97 characters. Rejects with SERVICE_UNAVAILABLE where so
 * many wait that it cannot be done in time: give it the unit of work, `hashPassword(password, unit)`. A hash that has begun
 * cannot be stopped, and keeps its place until it ends.
 */
export function hashPassword(plain: string, until?: Until): Promise<string> {
  return handled(DEFAULT.hash(plain, until))
}

/**
 * Whether `plain` is the password of `hash`. With `undefined` (nobody has that address, or no password was set) the
 * answer is no, after the same work: the time tells nobody which addresses exist (R-AUTH-1).
 */
export function verifyPassword(hash: string | undefined, plain: string, until?: Until): Promise<boolean> {
  return handled(DEFAULT.verify(hash, plain, until))
}

/** How many hashes run and wait in this process, for metrics. */
export function passwordLoad(): BulkheadLoad {
  return DEFAULT.load()
}

/** Why `plain` cannot be chosen as a password, as text for the field's error, or undefined when it can (R-AUTH-5). */
export function passwordFault(plain: string): string | undefined {
  // Before the work of normalising: 128 characters, decomposed, are at most 1,024 UTF-16 units.
  if (plain.length > LONGEST_UNITS) return TOO_LONG
  // UTF-8 has no lone surrogates: each would be hashed as U+FFFD, and different passwords would be one.
  if (/\p{Surrogate}/u.test(plain)) return 'must be well-formed Unicode text'
  const normal = plain.normalize('NFC')
  const length = [...normal].length
  if (length < 8) return 'must have at least 8 characters'
  if (length > 128) return TOO_LONG
  return isCommonPassword(normal) ? 'is too common a password; choose another' : undefined
}

export interface Passwords {
  hash(plain: string, until?: Until): Promise<string>
  verify(hash: string | undefined, plain: string, until?: Until): Promise<boolean>
  load(): BulkheadLoad
}

/** As hashPassword and verifyPassword, with bounds of one's own; beyond `waiting` it is SERVICE_UNAVAILABLE at once. */
export function createPasswords(options: { parallel?: number; waiting?: number } = {}): Passwords {
  const { parallel = PARALLEL, waiting = WAITING_EACH * parallel } = options
  const gate = createBulkhead({ parallel, waiting })
  return {
    hash: (plain, until) => gate.run(() => hash(plain.normalize('NFC'), OWASP), until),
    async verify(known, plain, until) {
      // What is too long is nobody's password; it is not worth hashing megabytes to say so.
      const right = known !== undefined && plain.length <= LONGEST_UNITS ? known : undefined
      const given = plain.length <= LONGEST_UNITS ? plain.normalize('NFC') : ''
      const same = await gate.run(() => verify(right ?? DUMMY, given), until)
      return same && right !== undefined
    },
    load: gate.load,
  }
}

/**
 * OWASP Password Storage Cheat Sheet: Argon2id, 19 MiB, two passes, one lane (the package's algorithm unless told
 * otherwise is Argon2id). RFC 9106 section 4 asks for more memory; with 19 MiB a hash is 8 ms of one core.
 */
const OWASP = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Of a random password that nobody kept, with the parameters above. */
const DUMMY = '$argon2id$v=19$m=19456,t=2,p=1$e+xatPqup3/tsSpiLzOhIQ$3EepGchQDxMj1qtm/KWjLq6vd7+jG9EuY48FUNz4MO0'

/**
 * The hashes run on libuv's threads, which also serve DNS, files and Web Crypto: one is left to those. And a core is left to
 * the event loop: on two busy cores, two hashes at a time brought no more logins (29 a second against 32) and made reads
 * wait for a core meanwhile (p50 15 ms against 7, p99 77 against 38; `npm run bench:logins`).
 */
const PARALLEL = Math.max(1, Math.min(availableParallelism(), Number(process.env.UV_THREADPOOL_SIZE) || 4) - 1)

/** 2 to 3 s of waiting: beyond that the answer comes too late to be of use. */
const WAITING_EACH = 250

const LONGEST_UNITS = 1024
const TOO_LONG = 'must have at most 128 characters'

const DEFAULT = createPasswords()
