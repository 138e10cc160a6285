import { appendFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openServerLog } from './server-log.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-log-'))
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true, force: true })
})

test('the last lines are those of this start', () => {
  const path = join(folder, 'log')
  writeFileSync(path, 'of yesterday\n')
  const log = openServerLog(path)
  expect(log.lastLines()).toBe('')
  writeSync(log.fd, 'one\ntwo\nthree\n')
  expect(log.lastLines(2)).toBe('two\nthree')
  log.close()
})

test('the file stays small while the server writes, and keeps the end', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const path = join(folder, 'log')
  const log = openServerLog(path, 200_000)
  appendFileSync(path, `${'x'.repeat(99)}\n`.repeat(3_000))
  vi.advanceTimersByTime(30_000)
  expect(statSync(path).size).toBe(64 * 1024)
  writeSync(log.fd, 'the end\n')
  expect((await readFile(path, 'utf8')).endsWith('x\nthe end\n')).toBe(true)
  expect(log.lastLines(1)).toBe('the end')
  log.close()
})
