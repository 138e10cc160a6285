import { expect, test } from 'vitest'
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
  const state = { list: first, loads: 0, fail: false }
  const load = async () => {
    state.loads++
    if (state.fail) throw new Error('down')
    return state.list
  }
  const warnings: unknown[] = []
  const revocations = createRevocations(load, { intervalMs: 3_600_000, warn: (error) => warnings.push(error) })
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
