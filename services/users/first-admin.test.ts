import { expect, inject, test } from 'vitest'
import { testSystem } from '../../src/testing/system.ts'
import system from '../../system.ts'

test.each([
  [{ EMAIL: 'ann@example.com' }, 'LINTEL_ADMIN_PASSWORD is missing: set both or neither'],
  [{ PASSWORD: 'hunter22 and more' }, 'LINTEL_ADMIN_EMAIL is missing: set both or neither'],
  [{ EMAIL: 'ann', PASSWORD: 'hunter22 and more' }, 'LINTEL_ADMIN_EMAIL is "ann": give an email address'],
  // FC-102: as everybody's.
  [{ EMAIL: 'a@-b.com', PASSWORD: 'hunter22 and more' }, 'LINTEL_ADMIN_EMAIL is "a@-b.com": give an email address'],
  [
    { EMAIL: 'ann@example.com', PASSWORD: 'password123' },
    'LINTEL_ADMIN_PASSWORD is "…" (masked): it is too common a password; choose another',
  ],
])('R-AUTH-7, R-OPS-4: a first admin of %j stops the start', async (admin, message) => {
  const env = Object.fromEntries(Object.entries(admin).map(([name, value]) => [`LINTEL_ADMIN_${name}`, value]))
  const start = testSystem(system, inject('databaseServer'), env)
  await expect(start).rejects.toMatchObject({ code: 'WRONG_SETTING', exitCode: 78, message })
})
