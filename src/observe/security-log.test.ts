import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSecurityLog } from './security-log.ts'

let lines: object[]
const log = {
  info: (about: object, msg: string) => lines.push({ level: 'info', ...about, msg }),
  warn: (about: object, msg: string) => lines.push({ level: 'warn', ...about, msg }),
}

beforeEach(() => {
  lines = []
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())

test('a line has its event, whom it concerns, and words for readers', () => {
  const security = createSecurityLog(log)
  security.done('user.deleted', { account: 'usr_1', by: 'usr_2', requestId: 'req_1' })
  security.rejected('login.failed', { address: '192.0.2.1', requestId: 'req_2' })
  expect(lines).toEqual([
    { level: 'info', security: 'user.deleted', account: 'usr_1', by: 'usr_2', requestId: 'req_1', msg: 'user deleted' },
    { level: 'warn', security: 'login.failed', address: '192.0.2.1', requestId: 'req_2', msg: 'login failed' },
  ])
})

test('FC-97: a flood from one address is a line, and the number of the others when the minute is over', () => {
  const security = createSecurityLog(log)
  for (let i = 0; i < 10_000; i++) security.repeated('token.rejected', '192.0.2.1', { address: '192.0.2.1' })
  security.repeated('token.rejected', '192.0.2.2', { address: '192.0.2.2' })
  security.repeated('limit.exceeded', '192.0.2.1', { address: '192.0.2.1' })
  expect(lines).toMatchObject([
    { security: 'token.rejected', address: '192.0.2.1' },
    { security: 'token.rejected', address: '192.0.2.2' },
    { security: 'limit.exceeded', address: '192.0.2.1' },
  ])
  vi.advanceTimersByTime(60_000)
  expect(lines.slice(3)).toEqual([
    { level: 'warn', security: 'token.rejected', more: 9_999, msg: '9999 more like this within 60 s: token rejected' },
  ])
  security.repeated('token.rejected', '192.0.2.1', { address: '192.0.2.1' })
  expect(lines).toHaveLength(5)
})

test('FC-97: a flood from ever new addresses is a hundred lines a minute, and the number of the others', () => {
  const security = createSecurityLog(log)
  for (let i = 0; i < 50_000; i++) security.repeated('token.rejected', `address ${i}`, {})
  expect(lines).toHaveLength(100)
  vi.advanceTimersByTime(60_000)
  expect(lines).toHaveLength(101)
  expect(lines.at(-1)).toMatchObject({ more: 49_900 })
  vi.advanceTimersByTime(600_000)
  expect(lines).toHaveLength(101)
})
