import { expect, test } from 'vitest'
import { t } from '../contract/index.ts'
import { usersContract } from './contract.ts'
import type { Flow } from './flows.ts'
import { lifetimesOf } from './lifetimes.ts'

test('a users service has own roles and fields, and filters and sorts by them', () => {
  const { User, accessTokens, anyOf } = usersContract({
    roles: ['agent'],
    fields: { language: t.oneOf('en', 'de').default('en') },
    filter: ['language'],
    sort: ['language'],
  })
  expect(accessTokens).toMatchObject({
    issuer: 'lintel/users',
    audience: 'lintel',
    roles: ['member', 'admin', 'agent'],
  })
  expect(Object.keys(User.shown)).toContain('language')
  expect(User.list).toMatchObject({ filter: { language: 'language' }, sort: expect.arrayContaining(['language']) })
  expect(anyOf('owner', 'agent')).toBe('owner | agent')
})

test('what it goes without is not in its contract, and no client has it', () => {
  const served = (...without: Flow[]) => usersContract({ without }).users.served.map(({ id }) => id)
  expect(served()).toContain('users.verifyEmail')
  expect(served('emailVerification').filter((id) => /verif|confirm/i.test(id))).toEqual([])
  expect(served('passwordReset').filter((id) => /password/i.test(id))).toEqual([
    'users.resetPassword',
    'users.passwordPage.get',
    'users.passwordPage.post',
  ])
  expect(served('passwordReset', 'invitations').filter((id) => /password/i.test(id))).toEqual([])
  const { users } = usersContract({ without: ['registration'] })
  expect(users.resources.users.access.create).toBe('admin')
})

test.each([
  [{ rolls: [] }, 'has the unknown member "rolls": did you mean "roles"?'],
  [{ roles: ['Agent'] }, 'has "Agent" among its roles: expected a word in camelCase, such as "agent"'],
  [{ roles: ['admin'] }, 'has "admin" among its roles, which is there already: leave it out'],
  [{ roles: ['owner'] }, 'has "owner" among its roles, which is there already: leave it out'],
  [{ fields: { name: t.text() } }, 'has the field "name", which users have already: choose another name'],
  [{ fields: { credit: t.integer().server() } }, 'has the field "credit", which nobody could set'],
  [{ without: ['registrations'] }, 'is without "registrations": expected registration, invitations'],
  [{ sort: ['phone'] }, 'names an unknown field: "phone"'],
])('%j is refused', (options, message) => {
  const define = () => usersContract(options as never)
  expect(define).toThrow(
    expect.objectContaining({ code: 'INVALID_CONTRACT', message: expect.stringContaining(message) }),
  )
})

test.each([
  [{ accessTokenMinutes: 61 }, 'has 61 as accessTokenMinutes: expected a whole number from 1 to 60'],
  [{ sessionDays: 0.5 }, 'has 0.5 as sessionDays: expected a whole number from 1 to 365'],
  [{ sessionHours: 1 }, 'has the unknown member "sessionHours": expected accessTokenMinutes, sessionDays'],
])('lifetimes %j are refused', (lifetimes, message) => {
  expect(() => lifetimesOf(lifetimes as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_SERVICE', message: expect.stringContaining(message) }),
  )
})
