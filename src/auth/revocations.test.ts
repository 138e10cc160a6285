import { expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import type { UserCaller } from './caller.ts'
import { createRevocations, type RevocationList } from './revocations.ts'

const caller: UserCaller = {
  kind: 'user',
  id: 'usr_1',
  email: 'a@b.c',
  roles: ['member'],
  sid: 'ses_1',
  issuedAtMs: 0,
  expiresAtMs: 9e15,
}
const NONE: RevocationList = { sessions: [], roles: [] }

function listOf(first: RevocationList = NONE) {
  const state = { list: first, loads: 0, fail: false as boolean | Error }
  const load = async () => {
    state.loads++
    if (state.fail) throw state.fail === true ? new Error('down') : state.fail
    return state.list
  }
  const warnings: unknown[] = []
  const revocations = createRevocations(load, {
    intervalMs: 3_600_000,
    warn: (error) => warnings.push(error),
    restored: () => warnings.push('restored'),
  })
  return { state, revocations, warnings }
}

test('R-AUTH-4: tokens of a session that ended are refused', async () => {
  const { state, revocations } = listOf()
  await revocations.refresh()
  expect(revocations.revoked(caller)).toBe(false)
  state.list = { sessions: ['ses_1'], roles: [] }
  await revocations.refresh()
  expect(revocations.revoked(caller)).toBe(true)
  expect(revocations.revoked({ ...caller, sid: 'ses_2' })).toBe(false)
})

test('R-AUTH-4: tokens with other roles than the user has now are refused, those with the new ones are not', async () => {
  const { revocations } = listOf({
    sessions: [],
    roles: [
      { userId: 'usr_1', roles: ['admin'] },
      { userId: 'usr_1', roles: ['member', 'admin'] },
    ],
  })
  await revocations.refresh()
  expect(revocations.revoked(caller)).toBe(true)
  expect(revocations.revoked({ ...caller, roles: ['admin'] })).toBe(true)
  expect(revocations.revoked({ ...caller, roles: ['admin', 'member'] })).toBe(false)
  expect(revocations.revoked({ ...caller, id: 'usr_2' })).toBe(false)
})

test('a refresh that is asked for during a load sees what has changed since that began', async () => {
  const { state, revocations } = listOf()
  const before = revocations.refresh()
  state.list = { sessions: ['ses_1'], roles: [] }
  await Promise.all([revocations.refresh(), revocations.refresh(), before])
  expect(revocations.revoked(caller)).toBe(true)
  expect(state.loads).toBe(2)
})

test('a load that fails leaves the list as it was, and says so', async () => {
  const { state, revocations, warnings } = listOf({ sessions: ['ses_1'], roles: [] })
  await revocations.refresh()
  state.fail = true
  await revocations.refresh()
  expect(revocations.revoked(caller)).toBe(true)
  expect(warnings).toHaveLength(1)
})

test('of loads that fail one after another the first is told, another reason, and that it is over', async () => {
  const { state, revocations, warnings } = listOf()
  // Away, or skipped by the breaker: to whoever reads the log it is the same outage.
  for (const fail of [
    new Problem('SERVICE_UNAVAILABLE', 'a'),
    new Problem('SERVICE_UNAVAILABLE', 'b'),
    true,
    true,
    false,
    false,
    true,
  ]) {
    state.fail = fail
    await revocations.refresh()
  }
  expect(warnings).toEqual([
    expect.objectContaining({ message: 'a' }),
    expect.objectContaining({ message: 'down' }),
    'restored',
    expect.objectContaining({ message: 'down' }),
  ])
})
