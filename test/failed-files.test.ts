import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const FAILS = `test('fails', () => { throw new Error('once') })`
const PASSES = `test('passes', () => {})`
const UNHEARD = `test('passes', async () => {
  Promise.reject(new Error('nobody hears of it'))
  await new Promise((resolve) => setTimeout(resolve, 20))
})`
const DIES = `test('dies', () => process.kill(process.pid, 'SIGKILL'))`

test.each([
  ['beside one that passes is listed, to be tried once more', PASSES, 'a.test.ts\n'],
  ['beside an error that nobody handled is not, since that would be passed over', UNHEARD, ''],
  ['beside one that has ended its process is not', DIES, ''],
])('a file that fails %s', async (_, beside, listed) => {
  const root = await mkdtemp(join(tmpdir(), 'failed-files-'))
  try {
    const list = join(root, 'list')
    await Promise.all([
      writeFile(list, ''),
      writeFile(join(root, 'a.test.ts'), FAILS),
      writeFile(join(root, 'b.test.ts'), beside),
    ])
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--root', root, '--globals', '--reporter']
    const env = { ...process.env, LINTEL_FAILED_FILES: list }
    const run = promisify(execFile)(process.execPath, [...args, resolve('test/failed-files.ts')], { env })
    await expect(run).rejects.toMatchObject({ code: 1 })
    expect(await readFile(list, 'utf8')).toBe(listed)
  } finally {
    await rm(root, { recursive: true })
  }
})
