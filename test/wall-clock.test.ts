import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/**
 * Where the wall clock is read, and why a date is meant there. Everything else that counts time uses performance.now(): a
 * clock that is set back must not freeze what waits, and one that is set forward must not end it (FC-113).
 */
const DATES: Readonly<Record<string, string>> = {
  'src/auth/keys.ts': 'when a key was made',
  'src/auth/tokens.ts': '`exp` of tokens',
  'src/base/ids.ts': 'UUIDv7 begin with the time',
  'src/cache/kept.ts': 'until when an entry is good, for other processes',
  'src/call/call-head.ts': 'when a call was made',
  'src/cli/time-of.ts': '--since 2h',
  'src/client/call-problem.ts': 'Retry-After as a date',
  'src/data/foretold.ts': 'when a row was made, where the database is not asked',
  'src/door/arrivals.ts': 'how old a proof is',
  'src/embedded/binaries.ts': 'times of files',
  'src/embedded/folder-hold.ts': 'times of files',
  'src/gateway/health.ts': 'the timestamp of health',
  'src/gateway/sending.ts': 'X-RateLimit-Reset',
  'src/http/client-error.ts': 'the Date header',
  'src/http/route-streams.ts': '`exp` of tokens',
  'src/mail/catcher.ts': 'when a mail was caught',
  'src/observe/access-log.ts': 'the time of a line',
  'src/observe/lines.ts': 'the time of a line',
  'src/testing/database.ts': 'times of files',
  'services/orders/place-order.ts': 'when an order was placed',
  'src/users/tokens.ts': '`iat` and `exp` of tokens',
  'src/users/verify-email.ts': 'when an address was confirmed',
}

test('FC-113: the wall clock is read only where a date is meant', () => {
  const root = join(import.meta.dirname, '..')
  const reads = ['src', 'services'].flatMap((folder) =>
    (readdirSync(join(root, folder), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => `${folder}/${name}`)
      .filter((file) => /\bDate\.now\b|\bnew Date\(\)/.test(readFileSync(join(root, file), 'utf8'))),
  )
  expect(reads.sort()).toEqual(Object.keys(DATES).sort())
})
