import { expect, test } from 'vitest'
import { ANONYMOUS, type Caller, callerKey, hasRole, serviceCaller } from './caller.ts'

const user = (roles: string[]): Caller => ({
  kind: 'user',
  id: 'usr_1',
  email: 'ada@example.com',
  roles,
  sid: 'ses_1',
  issuedAtMs: 0,
  expiresAtMs: 1,
})

test('R-AUTH-8: a role admits the user who has it, and nobody else', () => {
  expect(hasRole(user(['member', 'admin']), 'admin')).toBe(true)
  expect(hasRole(user(['member']), 'admin')).toBe(false)
  expect(hasRole(ANONYMOUS, 'admin')).toBe(false)
  expect(hasRole(serviceCaller('orders'), 'admin')).toBe(false)
})

test('R-AUTH-8: the role service is a service’s alone, even if a user was given one of that name', () => {
  expect(hasRole(serviceCaller('orders'), 'service')).toBe(true)
  expect(hasRole(user(['service']), 'service')).toBe(false)
  expect(hasRole(ANONYMOUS, 'service')).toBe(false)
})

test('callers of different kinds never share a key', () => {
  const keys = [callerKey(user([])), callerKey(serviceCaller('usr_1')), callerKey(ANONYMOUS)]
  expect(keys).toEqual(['user:usr_1', 'service:usr_1', 'anonymous'])
})
