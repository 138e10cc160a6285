import { expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { createOutage } from './outage.ts'

const failure = (code: string) => Object.assign(new Error('as the server says it'), { code })

test('FC-114: the last failure of the server’s machine is remembered until a commit, or for a minute', () => {
  let nowMs = 0
  const outage = createOutage({ now: () => nowMs })
  for (const code of ['53300', '57P01', '23505', '57014']) outage.note(failure(code))
  expect(outage.reason).toBeUndefined()
  const reasons = {
    '53100': 'the disk is full',
    '53200': 'the server is out of memory',
    '58000': 'the system of the server failed',
  }
  for (const [code, reason] of Object.entries(reasons)) {
    outage.note(failure(code))
    expect(outage.reason).toBe(reason)
  }
  outage.over()
  expect(outage.reason).toBeUndefined()
  // As a transaction gives it on, and as others do.
  outage.note(new Problem('SERVICE_UNAVAILABLE', undefined, { cause: failure('58P01') }))
  nowMs = 59_999
  expect(outage.reason).toBe('a file of the database is missing')
  nowMs = 60_000
  expect(outage.reason).toBeUndefined()
})
